"""TPE over RegNetX networks of 360 to 400 MF: every trial is feasible."""

from pathlib import Path

import optuna
import optunahub

# As published: module = optunahub.load_module("samplers/feasible")
registry = Path(__file__).resolve().parents[2]
module = optunahub.load_local_module("samplers/feasible", registry_root=str(registry))
space = module.space("regnetx", flops="360M:400M")


def objective(trial: optuna.Trial) -> float:
    """In place of a training, networks of few activations are good."""
    network = space.suggest(trial)
    return network.complexity(224).activations / 1e6


sampler = module.FeasibleSampler(space, optuna.samplers.TPESampler(seed=0))
study = optuna.create_study(sampler=sampler)
study.optimize(objective, n_trials=30)
print(len(study.trials), "trials, best", study.best_value)
