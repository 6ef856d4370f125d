"""Any sampler of Optuna inside a window, here CMA-ES, with a learning rate suggested beside the network.

Optuna's CMA-ES needs another package: pip install cmaes

python docs/examples/optuna_feasible_sampler.py
"""

from __future__ import annotations

import optuna

import regnas
from regnas.evaluator import Context, Task, make_evaluator
from regnas.strategies import FeasibleSampler

space = regnas.space("regnetx", flops="500k:1M", resolution=28, classes=10)
task = Task(data="fashion-mnist-mini[training=1000]", epochs=1)


def objective(trial: optuna.Trial) -> float:
    """Validation error of a network and a learning rate."""
    network = space.suggest(trial)
    rate = trial.suggest_float("learning_rate", 0.01, 1.0, log=True)
    evaluate = make_evaluator(f"train[learning_rate={rate}]", task)
    return evaluate(network, seed=trial.number, context=Context()).error


sampler = FeasibleSampler(space, optuna.samplers.CmaEsSampler(seed=0, warn_independent_sampling=False))
study = optuna.create_study(sampler=sampler)
study.optimize(objective, n_trials=6)
costs = [space.decode(space.canonical({k: t.params[k] for k in space.distributions})) for t in study.trials]
inside = sum(500_000 <= network.complexity(space.resolution).flops <= 1_000_000 for network in costs)
print(f"{inside} of {len(study.trials)} trials inside the window, best error {study.best_value:.2%}")
