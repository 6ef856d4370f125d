"""The objective of a search where it is not the error alone: one number for a network's error and what it costs.

Strategies see that number, the lower the better, as the value of a trial. The error stays an attribute of the trial.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regnas.errors import RegnasError, UsageError
from regnas.measure import Measure, find, installed, load
from regnas.plugins import spec
from regnas.window import human, number_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ERROR = "error"  # attribute of a trial whose value is an objective
SOFT, HARD = -0.07, -1.0  # weights of the paper
_SECONDS = "s"  # unit of measures that take ms and us
_TIME = re.compile(r"(.*?)\s*(ms|us|s)")
_OPTIONS = ("measure", "target", "weight", "hard")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """MnasNet's reward, accuracy x (cost / target)^w, as a number to be minimised: 1 - reward.

    Soft, w is the weight on both sides of the target, so what costs less is rewarded, too. Hard, w is 0 up to the
    target and the weight above it.

    Source: Tan et al. 2019 (arXiv 1807.11626), equations 2 and 3.

    Attributes:
        measure: name of what the network costs.
        target: in the measure's unit.
        weight: below 0; -0.07 soft and -1 hard in the paper.

    Raises:
        UsageError: a target that is not above 0, or a weight that is not below.
    """

    measure: str
    target: float
    weight: float = SOFT
    hard: bool = False

    def __post_init__(self) -> None:
        if not self.target > 0:
            raise UsageError(f"target of the objective mnasnet is above 0, got {self.target:g}")
        if not -100 <= self.weight < 0:
            raise UsageError(
                f"weight of the objective mnasnet is below 0 and from -100, so that costs count against a network; "
                f"got {self.weight:g}"
            )

    def __str__(self) -> str:
        """The spec that it is read from, always of one form: it is part of a study's identity."""
        hard = ",hard=true" if self.hard else ""
        return f"mnasnet[measure={self.measure},target={human(self.target)},weight={self.weight:g}{hard}]"

    def value(self, error: float, costs: Mapping[str, float]) -> float:
        """The objective of a network, the lower the better; below 0 where little cost outweighs all errors.

        Args:
            error: a fraction.
            costs: of the network, by names of measures.

        Raises:
            UsageError: the network's cost is not known, or 0.
        """
        return 1 - (1 - error) * self.factor(costs)

    def factor(self, costs: Mapping[str, float]) -> float:
        """What the accuracy of a network is multiplied with.

        Raises:
            UsageError: as of `value`.
        """
        cost = costs.get(self.measure)
        if cost is None or not cost > 0:
            known = "is not known" if cost is None else f"is {cost:g}"
            raise UsageError(f"{self} needs networks whose {self.measure} is above 0, and that of one {known}")
        weight = 0.0 if self.hard and cost <= self.target else self.weight
        return float((cost / self.target) ** weight)


def objective_of(text: str | None) -> Objective | None:
    """The objective of a spec such as ``mnasnet[measure=flops,target=1.5M]``; None for the error alone.

    Where no measure is said it is flops, or the one measure in seconds where the target is a time such as ``75ms``.

    Raises:
        UsageError: no such objective, option or measure, or a number that makes no sense.
    """
    if text is None or text.strip() in ("", "error"):
        return None
    name, argument, given = spec.parse(text, "objective")
    if name != "mnasnet" or argument:
        raise UsageError(f"an objective is error or mnasnet[measure=flops,target=1.5M], got {text!r}")
    if unknown := [key for key in given if key not in _OPTIONS]:
        raise UsageError(f"the objective mnasnet has no option {unknown[0]!r}; its options: {', '.join(_OPTIONS)}")
    if "target" not in given:
        raise UsageError(
            "the objective mnasnet needs a target, what a network is to cost: mnasnet[measure=flops,target=1.5M]"
        )
    hard = given.get("hard", "false")
    if hard not in ("true", "false"):
        raise UsageError(f"hard of the objective mnasnet is true or false, got {hard!r}")
    measure = find(given["measure"]) if "measure" in given else _usual(given["target"])
    return Objective(
        measure=measure.name,
        target=_target(given["target"], measure),
        weight=_weight(given["weight"]) if "weight" in given else HARD if hard == "true" else SOFT,
        hard=hard == "true",
    )


def _usual(target: str) -> Measure:
    """The measure of a target where none is said."""
    if not _TIME.fullmatch(target):
        return load("flops")
    timed = [one for one in map(_sound, installed()) if one is not None and one.unit == _SECONDS]
    if len(timed) != 1:
        names = ", ".join(one.name for one in timed) or "none is installed"
        raise UsageError(f"a target of {target} is of a measure in seconds; say which by measure=NAME: {names}")
    return timed[0]


def _sound(name: str) -> Measure | None:
    """An installed measure; None of one that is broken, which harms no other."""
    try:
        return load(name)
    except RegnasError:
        return None


def _target(text: str, measure: Measure) -> float:
    """A number in the measure's unit: with k, M or G, or of times with s, ms or us."""
    if measure.unit != _SECONDS and _TIME.fullmatch(text):
        raise UsageError(f"target {text} is a time, and {measure.name} are {measure.unit}; write it in these")
    return number_of(text, "objective target", times=measure.unit == _SECONDS)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"weight of the objective mnasnet is a number such as {SOFT}, got {text!r}") from None


def error_of(trial: FrozenTrial) -> float | None:
    """The error of a trial, whatever its value is; None where it has none."""
    stored: Any = trial.user_attrs.get(ERROR, trial.value)
    return None if stored is None else float(stored)
