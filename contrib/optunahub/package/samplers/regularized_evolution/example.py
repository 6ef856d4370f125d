"""Regularised evolution on an objective with a real and a categorical parameter."""

from pathlib import Path

import optuna
import optunahub

# As published: module = optunahub.load_module("samplers/regularized_evolution")
registry = Path(__file__).resolve().parents[2]
module = optunahub.load_local_module("samplers/regularized_evolution", registry_root=str(registry))


def objective(trial: optuna.Trial) -> float:
    """Best at x = 0 and kind = a."""
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return x**2 + {"a": 0, "b": 1, "c": 2}[kind]


study = optuna.create_study(sampler=module.RegularizedEvolutionSampler(seed=0))
study.optimize(objective, n_trials=100)
print(study.best_value, study.best_params)
