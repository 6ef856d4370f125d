"""``table:FILE``: the networks of a table, by the parameters in its columns ``param.NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from regnas.design_space import Space
from regnas.dimension import Choice, Dimension
from regnas.errors import InvalidArchitecture, UsageError
from regnas.measure import BUILT_IN, flag_of, load
from regnas.sampling.batch import Params
from regnas.search_spaces.tabular.pool import PoolSpace, pooled
from regnas.tables.point import Point
from regnas.tables.sources import load_trainings
from regnas.tables.table import TableError, point
from regnas.tables.trainings import Trainings
from regnas.window import Window


@dataclass(frozen=True, kw_only=True)
class TableSpace(Space):
    """Every network is a row of a table; it costs what the table says, and cannot be built.

    Attributes:
        file: the table, as in the spec.
        laws: a choice for every parameter.
        networks: the rows, by the values of their parameters in the order of the laws.
        known_costs: those that the table knows of all its networks.
    """

    file: str
    laws: tuple[tuple[str, Choice], ...]
    networks: Mapping[tuple[Any, ...], Point] = field(repr=False, compare=False)
    known_costs: tuple[str, ...] = ()

    @property
    def enumerated(self) -> bool:
        return True

    @property
    def spec(self) -> str:
        inner = ",".join(f"{key}={value}" for key, value in self.overrides)
        return f"{self.name}:{self.file}" + (f"[{inner}]" if inner else "")

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    @cached_property
    def _occurring(self) -> Mapping[str, set[Any]]:
        return {name: {values[at] for values in self.networks} for at, (name, _) in enumerate(self.laws)}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        """The same space with fewer values of one parameter.

        Raises:
            UsageError: the parameter does not occur with these values.
        """
        if not isinstance(dimension, Choice) or set(dimension.values) - self._occurring[name]:
            listed = ", ".join(map(str, dict(self.laws)[name].values))
            raise UsageError(f"{name} of {self.spec} is one of {listed}, got {dimension}")
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def within(self, window: Window) -> Self:
        """The same networks inside a window.

        Raises:
            UsageError: it limits a measure that the table does not know of every network.
        """
        for name in window:
            if name not in self.known_costs and load(name).closed:
                raise UsageError(
                    f"{self.spec} has no column {name} that is filled in for every network, so there is no window on "
                    f"it; leave out {flag_of(name)}, or add the column"
                )
        return super().within(window)

    def decode(self, params: Params) -> Point:
        try:
            return self.networks[tuple(params[name] for name, _ in self.laws)]
        except KeyError:
            raise InvalidArchitecture(f"the table {self.file} has no network {dict(params)}") from None


def table(argument: str = "") -> Space:
    """The networks of a table; a pool where not every combination of their parameters is there.

    Args:
        argument: a file, or whatever else names a table.

    Raises:
        UsageError: no table named, or one without parameters.
    """
    if not argument:
        raise UsageError("the space table needs a table: table:FILE, a CSV or JSONL file with columns param.NAME")
    found = load_trainings(argument)
    if found.points is None:
        raise TableError(
            f"table {argument} has no columns param.NAME, so it is no space of its own; add them, or search the space "
            f"that its architectures are from"
        )
    if any(params.keys() != found.points[0].keys() for params in found.points):
        raise TableError(
            f"table {argument} has rows in which some param.NAME are empty, as of conditional parameters, so it is no "
            f"space of its own; search the space that its architectures are from"
        )
    whole = _space(argument, found, found.points)
    return whole if found.exhaustive else pooled(whole, found.points)


def _space(argument: str, found: Trainings, points: tuple[Params, ...]) -> TableSpace:
    costs = [getattr(found, name) for name in BUILT_IN]
    networks = [point(params, *(cost[row] for cost in costs)) for row, params in enumerate(points)]
    return TableSpace(
        name="table",
        images=found.images,
        file=argument,
        laws=tuple((name, _choice([params[name] for params in points])) for name in points[0]),
        networks={tuple(params.values()): network for params, network in zip(points, networks, strict=True)},
        known_costs=tuple(name for name, cost in zip(BUILT_IN, costs, strict=True) if np.isfinite(cost).all()),
    )


def _choice(values: list[Any]) -> Choice:
    """The values that occur, numbers in ascending order, then names."""
    return Choice(tuple(sorted(set(values), key=lambda value: (isinstance(value, str), value))))


__all__ = ["PoolSpace", "TableSpace", "pooled", "table"]
