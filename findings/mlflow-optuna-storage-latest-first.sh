#!/usr/bin/env bash
# MLflow 3.17.2, mlflow.optuna.storage.MlflowStorage: an Optuna 5.0.0 study whose trials are kept in MLflow.
#
# Guess: the study reads as in any other storage of Optuna, whose contract has trials sorted by their number.
# Seen: they come latest first: study.trials[0] is the last one, study.trials[-1] the first. Optuna's history plot takes
# "Best Value" along the list, so its line has the best of all at trial 0 and ends at the value of the last trial: a
# search that knew the answer at the start. And a loss of inf comes back as 1.8e308 (MLflow's SQL store clips it), so
# isinf() no longer finds the diverged trainings. NaN as an intermediate value stays NaN. Nothing warns.
# For a user of NAS: sort by number whatever is read from such a study, and draw the curve of a search oneself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile mlflow-skinny==3.17.2 optuna==5.0.0 \
    plotly==7.1.0 pandas==3.1.1
cd "$work"
cat > kept.py <<'P'
import logging
import math

import mlflow
import optuna
from mlflow.optuna.storage import MlflowStorage
from optuna.visualization import plot_optimization_history

logging.disable(logging.INFO)
optuna.logging.set_verbosity(optuna.logging.ERROR)
mlflow.set_tracking_uri("sqlite:///mlflow.db")
LOSSES = [0.9, 0.5, math.inf, 0.3, 0.7]  # the third training diverged


def train(trial):
    trial.suggest_int("depth", 1, 16)
    trial.report(math.nan, 1)
    return LOSSES[trial.number]


for name, storage in {
    "in memory": optuna.storages.InMemoryStorage(),
    "in SQLite": "sqlite:///optuna.db",
    "in MLflow": MlflowStorage(experiment_id=mlflow.create_experiment("search")),
}.items():
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(train, n_trials=5)
    history = plot_optimization_history(study).data
    best = {int(number): float(value) for number, value in zip(history[1].x, history[1].y)}
    diverged = next(trial for trial in study.trials if trial.number == 2)
    print(f"{name}: trials", *[trial.number for trial in study.trials])
    print("  best value after each, as plotted:", *[f"{best[number]:.1f}" for number in range(5)])
    print("  the diverged one:", diverged.value, diverged.intermediate_values[1])
P
"$work/venv/bin/python" -W ignore kept.py > seen 2> log || { cat log; exit 1; }
cat seen
diff - seen <<'O'
in memory: trials 0 1 2 3 4
  best value after each, as plotted: 0.9 0.5 0.5 0.3 0.3
  the diverged one: inf nan
in SQLite: trials 0 1 2 3 4
  best value after each, as plotted: 0.9 0.5 0.5 0.3 0.3
  the diverged one: inf nan
in MLflow: trials 4 3 2 1 0
  best value after each, as plotted: 0.3 0.3 0.3 0.3 0.7
  the diverged one: 1.7976931348623157e+308 nan
O
