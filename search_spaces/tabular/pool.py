"""A pool: a space of which only some networks exist, those that a table measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from regnas.architecture import Architecture
from regnas.candidate import Candidate
from regnas.condition import Condition
from regnas.costs import Complexities, complexity_of
from regnas.design_space import Space
from regnas.dimension import Array, Dimension
from regnas.errors import UsageError
from regnas.sampling.batch import Columns, Params
from regnas.tables.encoding import unit_cube
from regnas.tables.table import Floats
from regnas.window import Window

_NEAR = 8  # points that count as neighbours


@dataclass(frozen=True, kw_only=True)
class PoolSpace(Space):
    """The parameters of another space, and a list of its points.

    Points are drawn uniformly from the list. A proposal of a sampler becomes the nearest point of the list, in the
    unit cube of the encoding.

    Attributes:
        base: the space whose points these are; it decodes them.
        members: canonical points as names and values.
    """

    base: Space
    members: tuple[tuple[tuple[str, Any], ...], ...]

    @property
    def enumerated(self) -> bool:
        """As the base: another table may know fewer of the pool's networks."""
        return self.base.enumerated

    @property
    def spec(self) -> str:
        """That of the base with what derives this space: the pool itself is in no spec."""
        inner = ",".join(
            f"{key}={value}" for key, value in sorted({**dict(self.base.overrides), **dict(self.overrides)}.items())
        )
        plain = self.base.spec.partition("[")[0]
        return f"{plain}[{inner}]" if inner else plain

    @cached_property
    def _whole(self) -> Space:
        return self.base.on(self.images).within(self.window)

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.base.dimensions.items() if name not in tied}

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return self.base.conditions

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        return replace(self, base=self.base.with_dimension(name, dimension))

    @property
    def known_costs(self) -> tuple[str, ...]:
        return self.base.known_costs

    def within(self, window: Window) -> Self:
        self.base.within(window)  # a table that knows no costs has no windows
        return super().within(window)

    @cached_property
    def points(self) -> tuple[Params, ...]:
        """The points of the pool that lie in the ranges of this space.

        Raises:
            UsageError: there are none.
        """
        laws, ties = self.dimensions, self.ties
        found = [
            self.hierarchy.pinned(point)
            for point in map(dict, self.members)
            if all(laws[name].contains(value) for name, value in self.active(point).items() if name in laws)
            and all(point[name] == point[source] for name, source in ties)
        ]
        if not found:
            raise UsageError(
                f"none of the {len(self.members)} networks of the pool is in {self.spec}; relax its options"
            )
        return tuple(found)

    @cached_property
    def _row(self) -> dict[tuple[Any, ...], int]:
        return {self._values(point): row for row, point in enumerate(self.points)}

    def _values(self, point: Params) -> tuple[Any, ...]:
        return tuple(point[name] for name, _ in self.members[0])

    @cached_property
    def _places(self) -> Floats:
        return unit_cube(self.points, self.distributions)

    def _distances(self, params: Params) -> Floats:
        row = self._row.get(self._values(params))
        place = unit_cube([params], self.distributions) if row is None else self._places[row]
        return np.asarray(np.linalg.norm(self._places - place, axis=1))

    @cached_property
    def _networks(self) -> tuple[Architecture, ...]:
        return tuple(map(self._whole.decode, self.points))

    @cached_property
    def _costs(self) -> Complexities:
        """Of all points, at this space's resolution."""
        return Complexities.of([complexity_of(network, self.resolution) for network in self._networks])

    @cached_property
    def _inside(self) -> npt.NDArray[np.bool_]:
        broken = [test for test in self.window.tests(self._costs).values()]
        return np.asarray(np.logical_and.reduce([self.admits(self._costs), *(~test for test in broken)]))

    def decode(self, params: Params) -> Architecture:
        row = self._row.get(self._values(params))
        return self._whole.decode(params) if row is None else self._networks[row]

    def judge(self, params: Params) -> Candidate | None:
        row = self._row.get(self._values(params))
        if row is None or not self._inside[row]:
            return None
        cost, broken = self.measured(self._networks[row], self._costs.row(row))
        return None if broken else Candidate(params=params, architecture=self._networks[row], complexity=cost)

    def batch(self, columns: Columns) -> PoolRows:
        values = zip(*(columns[name].tolist() for name, _ in self.members[0]), strict=True)
        found = [self._row.get(point, -1) for point in values]
        return PoolRows(self, np.array(found, dtype=np.int64))

    def admits(self, cost: Complexities) -> Array:
        return self._whole.admits(cost)

    def member(self, params: Params) -> str | None:
        return None if self._values(params) in self._row else "not in the pool"

    def ordered(self, params: Params) -> Params:
        """The point itself where it is in the pool, else the nearest one that is."""
        params = super().ordered(params)
        row = self._row.get(self._values(params))
        return dict(self.points[int(self._distances(params).argmin()) if row is None else row])

    def draw(self, rng: np.random.Generator, count: int) -> Columns:
        """Points of the pool, each equally likely."""
        return self._columns(rng.integers(len(self.points), size=count).tolist())

    def at(self, uniforms: npt.NDArray[np.float64]) -> Columns:
        """The points of the pool nearest to those of the base's law; unlike `draw`, not all are equally likely.

        Args:
            uniforms: ``(free parameters, count)``.
        """
        columns = super().at(uniforms)
        named = [dict(zip(columns, values, strict=True)) for values in zip(*_lists(columns), strict=True)]
        return self._columns([self._row[self._values(self.ordered(point))] for point in named])

    def _columns(self, rows: list[int]) -> Columns:
        columns = {}
        for name in self.points[0]:
            values = np.empty(len(rows), dtype=object)
            values[:] = [self.points[row][name] for row in rows]
            columns[name] = values
        return columns

    def mutate(self, params: Params, rng: np.random.Generator) -> Params:
        """One of the nearest points."""
        near = self.neighbours(params)
        return near[int(rng.integers(len(near)))] if near else params

    def neighbours(self, params: Params) -> list[Params]:
        """The eight nearest points, the nearest first."""
        itself = self._row.get(self._values(params))
        order = np.argsort(self._distances(params), kind="stable")[: _NEAR + 1].tolist()
        return [dict(self.points[row]) for row in order if row != itself][:_NEAR]


@dataclass(frozen=True)
class PoolRows:
    """Points of a pool by their rows in it, ``(count,)``, -1 for points that are not: the `Batch` of a pool."""

    space: PoolSpace
    found: npt.NDArray[np.int64]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.found >= 0)

    @property
    def rejected(self) -> Mapping[str, int]:
        outside = int((self.found < 0).sum())
        return {"not in the pool": outside} if outside else {}

    def complexity(self, resolution: int) -> Complexities:
        there = self.found[self.found >= 0]
        space = self.space if resolution == self.space.resolution else self._at(resolution)
        return space._costs.take(there)

    def _at(self, resolution: int) -> PoolSpace:
        return self.space.on(replace(self.space.images, resolution=resolution))

    def architecture(self, index: int) -> Architecture:
        network: Architecture = self.space._networks[int(self.found[self.rows[index]])]
        return network


def _lists(columns: Columns) -> Iterable[list[Any]]:
    return [column.tolist() for column in columns.values()]


def pooled(base: Space, points: Iterable[Mapping[str, Any]]) -> PoolSpace:
    """A space of which only these points exist.

    Args:
        points: complete or with what is fixed left out; equal ones count once.

    Raises:
        UsageError: no point, or one with parameters that the space does not have.
    """
    canonical = (base.canonical(params) for params in points)
    members = tuple(dict.fromkeys(tuple(point.items()) for point in canonical))
    if not members:
        raise UsageError(f"a pool of {base.spec} needs points, got none")
    return PoolSpace(name=base.name, images=base.images, window=base.window, ties=base.ties, base=base, members=members)
