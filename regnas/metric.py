"""What an evaluator measures of a network: a name, and which values are good, possible and in what unit.

The error is the objective of every search. Further metrics are kept beside it: with the trial, in trials.csv and in
best.json.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from regnas.errors import UsageError

GOALS = ("minimize", "maximize")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLUMN = "metric."


@dataclass(frozen=True)
class Metric:
    """A number that an evaluator gives of a network.

    Attributes:
        name: small letters, digits and underscores, such as ``top5_error``.
        goal: ``minimize`` or ``maximize``: which values are good.
        unit: in words, such as ``fraction`` or ``s``; empty where there is none.
        range: the lowest and the highest possible value, both included.

    Raises:
        UsageError: another name or goal, or a range that holds nothing.

    Source: as Vizier's ``MetricInformation``.
    """

    name: str
    goal: str = "minimize"
    unit: str = ""
    range: tuple[float, float] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"the name of a metric is small letters, digits and underscores, a letter first, got {self.name!r}"
            )
        if self.goal not in GOALS:
            raise UsageError(f"the goal of metric {self.name} is {' or '.join(GOALS)}, got {self.goal!r}")
        low, high = self.range
        if not low < high:
            raise UsageError(f"the range of metric {self.name} is (lowest, highest), got {self.range}")

    def check(self, value: float) -> None:
        """Whether it can be a value of this metric.

        Raises:
            UsageError: no number, not finite, or outside the range.
        """
        low, high = self.range
        unit = f" {self.unit}" if self.unit else ""
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise UsageError(
                f"metric {self.name} is a finite number, got {value!r}; leave out of a result what is not known"
            )
        if not low <= value <= high:
            raise UsageError(
                f"metric {self.name} lies in [{low:g}, {high:g}]{unit}, got {value!r}; convert it, or declare another "
                f"range"
            )


# The objective of every search: validation top-1 error.
ERROR = Metric("error", "minimize", "fraction", (0.0, 1.0))


def by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Metrics that are declared beside the error, by name.

    Raises:
        UsageError: one is there twice, or has the error's name.
    """
    found: dict[str, Metric] = {}
    for one in metrics:
        if one.name == ERROR.name:
            raise UsageError(f"metric {one.name} is the objective, which every result has; declare the further ones")
        if one.name in found:
            raise UsageError(f"metric {one.name} is declared twice; give one of them another name")
        found[one.name] = one
    return found


def check_values(declared: Iterable[Metric], values: Mapping[str, float]) -> None:
    """Whether values are of declared metrics, and possible.

    Raises:
        UsageError: an undeclared name, or a value that its metric cannot have.
    """
    known = by_name(declared)
    for name, value in values.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(
                f"metric {name!r} is not declared, declared are: {listed}; add it to the evaluator's metrics"
            )
        known[name].check(value)


def columns(values: Mapping[str, float]) -> dict[str, float]:
    """Values as columns of a table or attributes of a trial: ``metric.NAME``."""
    return {f"{_COLUMN}{name}": float(value) for name, value in values.items()}


def from_columns(row: Mapping[str, Any]) -> dict[str, float]:
    """The values among the columns of a row or the attributes of a trial."""
    found = {name.removeprefix(_COLUMN): value for name, value in row.items() if name.startswith(_COLUMN)}
    return {name: float(value) for name, value in found.items() if value not in (None, "")}
