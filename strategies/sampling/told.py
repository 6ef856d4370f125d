"""What a strategy takes the value of a trial for."""

from __future__ import annotations

from optuna.trial import FrozenTrial

_WORST = 1.0  # of all errors


def has_diverged(trial: FrozenTrial) -> bool:
    """Whether a trial of a search was a training whose loss stopped being finite."""
    return bool(trial.user_attrs.get("diverged"))


def told(trial: FrozenTrial, value: float) -> float:
    """The value of a trial; of a training that diverged no better than the worst of errors, whatever is on record."""
    return max(value, _WORST) if has_diverged(trial) else value
