"""Stopping poor trainings early with a pruner of Optuna: every epoch is reported to the trial.

python docs/examples/optuna_pruning.py
"""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

import regnas
from regnas.evaluator import Context, Task, make_evaluator
from regnas.strategies import FeasibleSampler

space = regnas.space("regnetx", flops="500k:1M", resolution=28, classes=10)
evaluate = make_evaluator("train", Task(data="fashion-mnist-mini[training=1000]", epochs=3))


def objective(trial: optuna.Trial) -> float:
    """Validation error after three epochs, or after fewer where the pruner says so."""

    def report(epoch: int, error: float) -> bool:
        trial.report(error, epoch)
        return not trial.should_prune()

    result = evaluate(space.suggest(trial), seed=trial.number, context=Context(report=report))
    if result.epochs < 3:
        raise optuna.TrialPruned
    return result.error


pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
study = optuna.create_study(sampler=FeasibleSampler(space), pruner=pruner)
study.optimize(objective, n_trials=8)
pruned = sum(trial.state == TrialState.PRUNED for trial in study.trials)
print(f"{pruned} of {len(study.trials)} trainings stopped early, best error {study.best_value:.2%}")
