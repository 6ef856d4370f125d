#!/usr/bin/env bash
# scikit-optimize 0.10.2: random points of an Integer dimension, which the documentation says are uniform between the
# bounds, both inclusive.
#
# Guess: each of 1, 2, 3, 4 is drawn a quarter of the time, whatever model is fitted later.
# Seen: so with transform="identity", as forests use it. With transform="normalize", which the Gaussian process
# sets by itself (gp_minimize, Optimizer's default), a real number is drawn and rounded: both ends come half as
# often as the rest; of three values the middle one has half of all points.
# For a search: the random start of the Gaussian process and a forest's are not of one law, and the shallowest and
# deepest networks are rare in it. A Categorical of the same numbers is drawn evenly. (Shares: 1 is even.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps scikit-optimize==0.10.2 \
    numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 joblib==1.5.2 threadpoolctl==3.6.0 \
    pyaml==25.7.0 pyyaml==6.0.3 packaging==25.0 narwhals==2.29.0
cd "$work"
cat > ends.py <<'P'
from collections import Counter

from skopt import Optimizer
from skopt.space import Categorical, Integer


def shares(drawn, places=1):
    counts = Counter(int(value) for value in drawn)
    return [round(counts[key] / sum(counts.values()) * len(counts), places) for key in sorted(counts)]


def start(model, depth):
    search = Optimizer([depth, Integer(1, 64)], base_estimator=model, n_initial_points=3000, random_state=1)
    drawn = []
    for _ in range(2500):  # the random start only: no model is fitted
        point = search.ask()
        drawn.append(point[0])
        search.tell(point, 0.0)
    return shares(drawn)


for transform in ("identity", "normalize"):
    print("Integer(1, 4) by", transform + ":", shares(Integer(1, 4, transform=transform).rvs(40000, random_state=1)))
print("Integer(1, 3) by normalize:", shares(Integer(1, 3, transform="normalize").rvs(40000, random_state=1)))
for model in ("RF", "GP"):
    print("random start of", model + ":", start(model, Integer(1, 4)))
print("random start of GP, Categorical:", start("GP", Categorical([1, 2, 3, 4])))
P
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore ends.py > seen
cat seen
python3 - <<'C'
import ast
seen = dict(line.rstrip().split(": ") for line in open("seen"))
seen = {key: ast.literal_eval(value) for key, value in seen.items()}
even, ends = [1, 1, 1, 1], [0.67, 1.33, 1.33, 0.67]
near = lambda name, law: all(abs(a - b) < 0.16 for a, b in zip(seen[name], law, strict=True))
assert near("Integer(1, 4) by identity", even) and near("random start of RF", even)
assert near("Integer(1, 4) by normalize", ends) and near("random start of GP", ends)
assert near("Integer(1, 3) by normalize", [0.75, 1.5, 0.75]) and near("random start of GP, Categorical", even)
C
