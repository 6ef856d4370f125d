"""A network that a table knows by its parameters alone: it has costs, and cannot be built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from regnas.architecture import key_of
from regnas.costs import Complexity
from regnas.describe import Summary, TextTable
from regnas.dimension import Value
from regnas.errors import InvalidArchitecture, UsageError
from regnas.measure import BUILT_IN

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Point:
    """Parameters by name, in the order of their names, and what the table says that they cost.

    Attributes:
        values: names and values, all different names.
        flops, params, activations: of one image at the resolution of the table; None where it does not say.

    Raises:
        InvalidArchitecture: no parameter, or two of one name.
    """

    values: tuple[tuple[str, Value], ...]
    flops: int | None = None
    params: int | None = None
    activations: int | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in self.values]
        if not names or len(set(names)) < len(names):
            raise InvalidArchitecture(f"a point has parameters of different names, got {names}")
        object.__setattr__(self, "values", tuple(sorted(self.values)))

    @property
    def kind(self) -> str:
        return "point"

    @property
    def schema(self) -> int:
        return 1

    @cached_property
    def _key(self) -> str:
        return key_of(self.to_json())

    def key(self) -> str:
        return self._key

    def to_json(self) -> dict[str, Any]:
        costs = {name: getattr(self, name) for name in BUILT_IN}
        return {"kind": self.kind, "schema": self.schema, "point": dict(self.values), **costs}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Point:
        """Read `to_json`'s form.

        Raises:
            InvalidArchitecture: another schema, an unknown key, or values that are no numbers or names.
        """
        if value.get("schema") != 1 or set(value) - {"kind", "schema", "point", *BUILT_IN}:
            raise InvalidArchitecture(f"a point of schema 1 has point, {', '.join(BUILT_IN)}, got {dict(value)}")
        point = value.get("point")
        if not isinstance(point, Mapping) or not all(map(_is_value, point.values())):
            raise InvalidArchitecture(f"a point is an object of numbers and names, got {point!r}")
        costs = {name: value.get(name) for name in BUILT_IN}
        if bad := [name for name, cost in costs.items() if cost is not None and not _is_count(cost)]:
            raise InvalidArchitecture(f"{', '.join(bad)} of a point is a whole number or null, got {dict(value)}")
        return cls(tuple(point.items()), **costs)

    def complexity(self, resolution: int) -> Complexity:
        """What the table says, at any resolution."""
        return Complexity(self.flops, self.params, self.activations)

    def summary(self) -> Summary:
        """The parameters by name."""
        return Summary(line=", ".join(f"{name} {value}" for name, value in self.values), heading="parameters")

    def tables(self, resolution: int) -> list[TextTable]:
        """A row per parameter."""
        return [TextTable("", ("parameter", "value"), tuple((name, str(value)) for name, value in self.values))]

    def build(self) -> torch.nn.Module:
        """A point is known by its numbers alone.

        Raises:
            UsageError: always.
        """
        raise UsageError("a point of a table is known by its numbers alone and cannot be built; take --evaluator table")


def _is_value(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
