"""Trials of objectives that suggest as they run, completed by what was inactive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.system.optuna_internals import set_trial_parameter

if TYPE_CHECKING:
    from optuna.study import Study


def note_inactive(space: Space, study: Study, trial: FrozenTrial) -> None:
    """Store a trial's inactive parameters at the values that they are pinned to, in the study and in ``trial``.

    `Space.suggest` asks for what is active alone. Optuna's samplers that model all parameters together, as TPE, GP and
    CMA-ES do, skip trials that lack one: they would learn from the trials in which everything is active.

    Args:
        trial: that has ended and is not told yet.
    """
    point = space.read(trial.params) if space.conditions else None
    if point is None:
        return
    laws = {name: law for name, law in space.distributions.items() if name not in trial.params}
    for name, law in laws.items():
        set_trial_parameter(study, trial, name, point[name], law)
    trial.params = {**trial.params, **{name: point[name] for name in laws}}
    trial.distributions = {**trial.distributions, **laws}
