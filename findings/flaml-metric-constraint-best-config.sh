#!/usr/bin/env bash
# FLAML 2.8.0, tune.run(metric_constraints=...): limits on metrics that a result has to keep.
#
# Guess: best_config is the best of the trials that keep them, as there are several.
# Seen: best_config and best_result are the best of all trials by the plain metric: the network is over the limit. The
# penalised value stands beside it as error_lagrange, and only the search looks at it: nothing says that the answer
# breaks the constraint. The entry of found.results with the lowest error_lagrange is the best within the limit, but
# get_best_trial("error_lagrange", "min") finds none.
# For a search under a limit of flops or latency: what FLAML calls its best has to be checked, and picked by hand.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps flaml==2.8.0 numpy==2.4.6
cd "$work"
cat > limit.py <<'P'
from flaml import tune

LIMIT = 200
tried = []


def train(config):
    flops = int(config["depth"] * config["width"])
    result = {"error": 100 / (1 + flops) ** 0.5, "flops": flops}  # larger is better, and over the limit
    tried.append(result)
    return dict(result)


found = tune.run(
    train,
    config={"depth": tune.randint(1, 17), "width": tune.qrandint(8, 128, 8)},
    metric="error",
    mode="min",
    num_samples=40,
    verbose=0,
    metric_constraints=[("flops", "<=", LIMIT)],
)
within = [one for one in tried if one["flops"] <= LIMIT]
best = found.best_result
chosen = min(found.results.values(), key=lambda one: one["error_lagrange"])
print("trials:", len(tried))
print("some within the limit:", len(within) > 3)
print("best_config within the limit:", found.best_config["depth"] * found.best_config["width"] <= LIMIT)
print("best_result is the lowest error of all:", best["error"] == min(one["error"] for one in tried))
print("its penalty is beside it:", best["error_lagrange"] > 1000 * best["error"])
print("lowest error_lagrange within the limit:", chosen["flops"] <= LIMIT)
print("and the lowest error within it:", chosen["error"] == min(one["error"] for one in within))
print("get_best_trial by error_lagrange:", found.get_best_trial("error_lagrange", "min"))
P
"$work/venv/bin/python" -W ignore limit.py > seen 2> log || { cat log; exit 1; }
cat seen
diff - seen <<'O'
trials: 40
some within the limit: True
best_config within the limit: False
best_result is the lowest error of all: True
its penalty is beside it: True
lowest error_lagrange within the limit: True
and the lowest error within it: True
get_best_trial by error_lagrange: None
O
