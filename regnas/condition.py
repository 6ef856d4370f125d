"""Conditional parameters: a parameter that is active only under some values of another.

A point holds every parameter all the same, so that many points are columns of one length: what is inactive is pinned
to one value, and equal networks are equal points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.dimension import Array, Dimension, Value
from regnas.errors import UsageError

_UNKNOWN = object()


@dataclass(frozen=True)
class Condition:
    """Active where ``parent`` is active and has one of ``values``; conditions may form chains.

    Raises:
        UsageError: no values, or some that are no numbers or names.
    """

    parent: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        bad = [value for value in self.values if isinstance(value, bool) or not isinstance(value, int | float | str)]
        if not self.values or bad:
            raise UsageError(
                f"a condition names the values of {self.parent} under which a parameter is active, numbers or names; "
                f"got {self.values!r}"
            )


class Hierarchy:
    """Which parameters are active at a point, and the point that stands for all that differ in what is not.

    A parameter without a condition is always active. One that others are tied to is active, too, wherever one of them
    is: it gives them its value. An inactive parameter is pinned to the middle of its law.

    Args:
        laws: of every parameter that is not tied.
        ties: tied parameters, each with the one whose value it has.
        conditions: by parameter, tied or not.

    Raises:
        UsageError: a condition names a parameter that there is not, or depends on itself.
    """

    def __init__(
        self, laws: Mapping[str, Dimension], ties: Mapping[str, str], conditions: Mapping[str, Condition]
    ) -> None:
        self._laws, self._ties, self._conditions = dict(laws), dict(ties), dict(conditions)
        names = [*laws, *ties]
        self._order = sorted(names, key=lambda name: len(self._ancestors(name, names)))
        for name in set(conditions) - set(names):
            raise UsageError(f"a condition is on {name}, and the parameters are {', '.join(names)}")

    def _ancestors(self, name: str, names: list[str]) -> list[str]:
        found: list[str] = []
        while (condition := self._conditions.get(name)) is not None:
            if condition.parent not in names:
                raise UsageError(
                    f"{name} is active under values of {condition.parent}, and the parameters are {', '.join(names)}"
                )
            if condition.parent in found:
                raise UsageError(f"conditions go round in a circle: {' under '.join([*found, condition.parent])}")
            name = condition.parent
            found.append(name)
        return found

    def _law(self, name: str) -> Dimension:
        return self._laws[self._ties.get(name, name)]

    @cached_property
    def _asked(self) -> list[tuple[str, int, Condition | None]]:
        """Every parameter after those that it depends on, with its condition and the number of that among all."""
        numbers: dict[Condition, int] = {}
        conditions = [(name, self._conditions.get(name)) for name in self._order]
        return [(name, -1 if one is None else numbers.setdefault(one, len(numbers)), one) for name, one in conditions]

    def _activity(self, holds: Callable[[Condition], Any]) -> dict[str, Any]:
        """Of every parameter, truth values or arrays of them, as ``holds`` says them of a parent's value."""
        own: dict[str, Any] = {}
        held: list[Any] = []  # of many parameters with one condition it is asked once
        for name, number, condition in self._asked:
            if condition is not None and number == len(held):
                held.append(own[condition.parent] & holds(condition))
            own[name] = True if condition is None else held[number]
        found = {name: own[name] for name in [*self._laws, *self._ties]}
        for name, source in self._ties.items():
            found[source] = found[source] | own[name]
        return found

    @cached_property
    def free(self) -> dict[str, Dimension]:
        """The parameters that there are to choose, not fixed and active under a value that others can have."""

        def can_hold(condition: Condition) -> bool:
            return any(self._law(condition.parent).contains(value) for value in condition.values)

        possible = self._activity(can_hold)
        return {name: law for name, law in self._laws.items() if possible[name] and not law.fixed}

    @cached_property
    def pins(self) -> dict[str, Any]:
        """The values of conditional parameters where they are inactive."""
        laws = {name: law for name, law in self._laws.items() if name in self._conditions}
        return {name: law.snap(law.draw(np.array([0.5])).tolist()[0]) for name, law in laws.items()}

    # --- a point --------------------------------------------------------------------------------------------

    def active(self, params: Mapping[str, Any]) -> list[str]:
        """The active parameters of a point, on the grid or not. Under a parent whose value is missing none is."""

        return [name for name, active in self._activity(lambda one: self._holds(one, params)).items() if active]

    def is_active(self, name: str, params: Mapping[str, Any]) -> bool:
        """Whether one parameter is in `active`; only those that it is conditional on are looked at."""
        same = [tied for tied, source in self._ties.items() if source == name]
        return any(self._follows(one, params) for one in (name, *same))

    def _follows(self, name: str, params: Mapping[str, Any]) -> bool:
        while (condition := self._conditions.get(name)) is not None:
            if not self._holds(condition, params):
                return False
            name = condition.parent
        return True

    def _holds(self, condition: Condition, params: Mapping[str, Any]) -> bool:
        law, source = self._law(condition.parent), self._ties.get(condition.parent, condition.parent)
        value = params.get(source, params.get(condition.parent, _UNKNOWN))
        if value is _UNKNOWN:
            return law.fixed and any(law.contains(known) for known in condition.values)
        if value in condition.values:
            return True
        try:
            return law.snap(value) in condition.values
        except UsageError:
            return False  # a name that is none of a choice

    def pinned(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A complete point with what is inactive at its one value; what is tied follows."""
        if not self._conditions:
            return dict(params)
        active = set(self.active(params))
        idle = {name: value for name, value in self.pins.items() if name not in active}
        tied = {name: idle[source] for name, source in self._ties.items() if source in idle}
        return {**params, **idle, **tied}

    def filled(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Some parameters of a point, with the inactive ones that are missing."""
        idle = self.pins.keys() - set(self.active(params))
        found = {**{name: self.pins[name] for name in idle}, **params}
        return {**{name: found[source] for name, source in self._ties.items() if source in found}, **found}

    # --- many points ----------------------------------------------------------------------------------------

    def where(self, columns: Mapping[str, Array]) -> dict[str, npt.NDArray[np.bool_]]:
        """At which of many points of the grid each conditional parameter is active, ``(n,)``."""

        def holds(condition: Condition) -> npt.NDArray[np.bool_]:
            column = columns[self._ties.get(condition.parent, condition.parent)]
            return reduce(np.logical_or, [np.asarray(column == value) for value in condition.values])

        everywhere = np.ones(len(next(iter(columns.values()))), dtype=np.bool_)
        found = self._activity(holds)
        return {name: found[name] & everywhere for name in self._conditions}

    def pinned_columns(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """`pinned` of many points of the grid, every parameter ``(n,)``."""
        made = dict(columns)
        if not self._conditions:
            return made
        for name, active in self.where(columns).items():
            if name in self.pins and not active.all():
                made[name] = columns[name].copy()
                made[name][~active] = self.pins[name]
        return {**made, **{name: made[source] for name, source in self._ties.items()}}

    def check(self) -> None:
        """Look for conditions that nothing can meet, before any parameter is narrowed.

        Raises:
            UsageError: a condition names a value that its parent cannot have.
        """
        for name, condition in self._conditions.items():
            law = self._law(condition.parent)
            if bad := [value for value in condition.values if not law.contains(value) or law.snap(value) != value]:
                raise UsageError(
                    f"{name} is active where {condition.parent} is {', '.join(map(str, bad))}, which is none of its "
                    f"values; it has {law}"
                )


__all__ = ["Condition", "Hierarchy"]
