"""What networks cost as attributes of their trials: by the names of measures, as in rows and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optuna.trial import FrozenTrial

from regnas.architecture import key_of_text
from regnas.costs import Complexity
from regnas.design_space import Space
from regnas.measure import load, remember
from regnas.sampling.costing import meter_of

# Attributes of studies that began before costs were stored by the names of their measures: in millions.
_MILLIONS = {"mflops": "flops", "params_m": "params", "acts_m": "activations"}


def costs_of(attributes: Mapping[str, Any], measures: Iterable[str]) -> Complexity:
    """What a trial has on record of its network; nothing where it was not described.

    Args:
        attributes: of the user, whether or not they are of a study of an earlier release.
        measures: names of the measures that are looked for; `regnas.measure.installed` says all.
    """
    before = {name: round(1e6 * attributes[old]) for old, name in _MILLIONS.items() if old in attributes}
    known = {name: number for name, number in before.items() if number}  # 0 was what is not known
    return Complexity(**known, **{name: attributes[name] for name in measures if name in attributes})


def recall_measured(space: Space, trials: Iterable[FrozenTrial]) -> None:
    """Take what was measured for trials of a study that goes on: no network of it is measured again."""
    names = [name for name in space.window if not load(name).closed]
    for trial in trials if names else ():
        stored = trial.user_attrs
        for name in names:
            if name in stored and "architecture" in stored:
                key = key_of_text(stored["architecture"])
                remember(name, key, space.images, space.device, stored[name], meter_of(space, name))
