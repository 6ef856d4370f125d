"""A network of a regnas space in an objective of your own: `space.suggest(trial)`.

python docs/examples/optuna_define_by_run.py
"""

from __future__ import annotations

import optuna

import regnas
from regnas.evaluator import Context, Task, make_evaluator
from regnas.strategies import FeasibleSampler

space = regnas.space("regnetx", flops="500k:1M", resolution=28, classes=10)
evaluate = make_evaluator("train", Task(data="fashion-mnist-mini[training=1000]", epochs=1))


def objective(trial: optuna.Trial) -> float:
    """Validation error after one epoch; in its place comes your own training of `network.build()`."""
    network = space.suggest(trial)
    return evaluate(network, seed=trial.number, context=Context()).error


study = optuna.create_study(sampler=FeasibleSampler(space))
study.optimize(objective, n_trials=5)
print(f"best of {len(study.trials)}: error {study.best_value:.2%}, {study.best_params}")
