#!/usr/bin/env bash
# DEAP 1.4.4: a hall of fame, and one individual whose fitness is NaN (a training that diverged).
#
# Guess: comparisons with NaN are false, so it never enters, or it comes last. The best error so far stays.
# Seen: Fitness defines > as "not <=" and >= as "not <", so a NaN is better than anything, and anything is better than
# it. It pushes the best individual out of HallOfFame(1), and the next one, however bad, pushes out the NaN: nothing
# tells of the loss. HallOfFame(2) then holds the worst of all. selBest returns NaN or not by its place in the list.
# For a search: evaluate() has to turn NaN into inf before DEAP sees it, or the network returned is not the best.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps \
    deap==1.4.4 numpy==2.4.6 moocore==0.3.2 cffi==2.1.1 pycparser==2.23 platformdirs==4.5.0
cd "$work"
cat > hall.py <<'P'
from deap import base, creator, tools

creator.create("Error", base.Fitness, weights=(-1.0,))  # to be minimised
creator.create("Network", list, fitness=creator.Error)


def network(error):
    made = creator.Network([error])
    made.fitness.values = (error,)
    return made


def errors(networks):
    return [one.fitness.values[0] for one in networks]


def hall(size, *generations):
    kept = tools.HallOfFame(size)
    for generation in generations:
        kept.update([network(error) for error in generation])
    return errors(kept)


nan = float("nan")
bad, good = network(nan).fitness, network(0.05).fitness
print("NaN > 0.05:", bad > good, "and 0.05 > NaN:", good > bad)
print("best of two generations:", hall(1, [0.3, 0.05], [0.4, 0.9]))
print("the same, a NaN between:", hall(1, [0.3, 0.05], [nan, 0.9]))
print("the same, NaN as inf:", hall(1, [0.3, 0.05], [float("inf"), 0.9]))
print("two best of 0.3 0.2 NaN 0.1 0.7:", hall(2, [0.3, 0.2, nan, 0.1, 0.7]))
for order in ([nan, 0.3, 0.1], [0.1, 0.3, nan]):
    print("selBest of", order, "is", errors(tools.selBest([network(error) for error in order], 1)))
P
"$work/venv/bin/python" hall.py > seen
cat seen
diff - seen <<'O'
NaN > 0.05: True and 0.05 > NaN: True
best of two generations: [0.05]
the same, a NaN between: [0.9]
the same, NaN as inf: [0.05]
two best of 0.3 0.2 NaN 0.1 0.7: [0.1, 0.7]
selBest of [nan, 0.3, 0.1] is [nan]
selBest of [0.1, 0.3, nan] is [0.1]
O
