"""``growing:SPACE``: the networks of a space with any number of its parts, from one node or stage to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from regnas.architecture import Architecture
from regnas.condition import Condition
from regnas.costs import Complexities, complexities_of
from regnas.design_space import Space, make_space
from regnas.dimension import Array, Choice, Dimension
from regnas.errors import UsageError
from regnas.growth import SupportsSizes
from regnas.sampling.batch import Batch, Columns, Params

SIZE = "size"


@dataclass(frozen=True, kw_only=True)
class GrowingSpace(Space):
    """A size, uniform from 1 to the number of parts, and the parameters of a space, each active from its part on.

    Source: Liu et al. 2018 (arXiv 1712.00559), section 4: cells of 1 to B blocks.

    Attributes:
        base: the space of the largest networks, without ties: these are this space's own.
        law: of the size; None for all sizes alike.

    Raises:
        UsageError: a tie of parameters of different parts.
    """

    base: Space
    law: Dimension | None = None

    size_name: ClassVar[str] = SIZE

    def __post_init__(self) -> None:
        for name, source in self.ties:
            if self.conditions.get(name) != self.conditions.get(source):
                raise UsageError(
                    f"{name}={source} ties parameters of different parts, one of which networks of {self.spec} may "
                    f"lack; tie two of one part"
                )

    @property
    def spec(self) -> str:
        inner = ",".join(f"{key}={value}" for key, value in self.overrides)
        return f"{self.name}:{self.base.name}" + (f"[{inner}]" if inner else "")

    @property
    def _parts(self) -> int:
        assert isinstance(self.base, SupportsSizes)
        return self.base.parts

    def _base_of(self, size: int) -> Space:
        assert isinstance(self.base, SupportsSizes)
        return self.base.of_parts(size)

    @cached_property
    def _sizes(self) -> Mapping[int, Space]:
        """The space of every size."""
        found = {size: self._base_of(size).on(self.images) for size in range(1, self._parts + 1)}
        return {
            size: replace(space, ties=tuple(tie for tie in self.ties if tie[0] in space.dimensions))
            for size, space in found.items()
        }

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        laws = {SIZE: self.law or Choice(tuple(range(1, self._parts + 1))), **self.base.dimensions}
        tied = dict(self.ties)
        return {name: law for name, law in laws.items() if name not in tied}

    @cached_property
    def conditions(self) -> Mapping[str, Condition]:
        found = {}
        for name in self.base.dimensions:
            under = tuple(size for size in range(1, self._parts + 1) if name in self._base_of(size).dimensions)
            if len(under) < self._parts:
                found[name] = Condition(SIZE, under)
        return found

    @property
    def known_costs(self) -> tuple[str, ...]:
        return self.base.known_costs

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        if name == SIZE:
            return replace(self, law=dimension)
        return replace(self, base=self.base.with_dimension(name, dimension))

    def with_option(self, key: str, value: str) -> Self | None:
        changed = self.base.with_option(key, value)
        return None if changed is None else replace(self, base=changed)

    def parameters_of(self, key: str) -> Sequence[str]:
        return [SIZE] if key == SIZE else self.base.parameters_of(key)

    def _part(self, params: Mapping[str, Any]) -> tuple[Space, Params]:
        """The space of a point's size, and the point there."""
        space = self._sizes[params[SIZE]]
        return space, {name: params[name] for name in _names(space)}

    def ordered(self, params: Params) -> Params:
        pinned = super().ordered(params)
        space, point = self._part(pinned)
        return {**pinned, **space.ordered(point)}

    def member(self, params: Params) -> str | None:
        space, point = self._part(params)
        return space.member(point)

    def admits(self, cost: Complexities) -> Array:
        return self.base.admits(cost)

    def decode(self, params: Params) -> Architecture:
        space, point = self._part(params)
        return space.decode(point)

    def batch(self, columns: Columns) -> Batch:
        return _Grown(self._sizes, columns)

    def sees(self) -> str:
        return self.base.on(self.images).sees()


def _names(space: Space) -> list[str]:
    """Parameters of a complete point."""
    return [*space.dimensions, *dict(space.ties)]


class _Grown:
    """Many points of several sizes: those of each size are a batch of its own space."""

    def __init__(self, sizes: Mapping[int, Space], columns: Columns) -> None:
        self._parts: list[Batch] = []
        self.rejected: dict[str, int] = {}
        rows, parts, places = [], [], []
        for size in np.unique(columns[SIZE]).tolist() or [max(sizes)]:
            space, at = sizes[size], np.flatnonzero(columns[SIZE] == size)
            batch = space.batch({name: columns[name][at] for name in _names(space)})
            rows.append(at[batch.rows])
            parts.append(np.full(len(batch.rows), len(self._parts)))
            places.append(np.arange(len(batch.rows)))
            self._parts.append(batch)
            for reason, count in batch.rejected.items():
                self.rejected[reason] = self.rejected.get(reason, 0) + count
        found = np.concatenate(rows)
        self._order = np.argsort(found, kind="stable")
        self.rows: Array = found[self._order]
        self._from = np.concatenate(parts)[self._order].tolist(), np.concatenate(places)[self._order].tolist()

    def complexity(self, resolution: int) -> Complexities:
        known = [complexities_of(one.complexity(resolution), len(one.rows), "growing") for one in self._parts]
        names = [name for name in known[0] if all(name in one for one in known)]
        return Complexities(**{name: np.concatenate([one[name] for one in known])[self._order] for name in names})

    def architecture(self, index: int) -> Architecture:
        part, place = (column[index] for column in self._from)
        found: Architecture = self._parts[part].architecture(place)
        return found


def growing(argument: str = "") -> GrowingSpace:
    """The entry point: ``growing:pnas[reduction=same]`` has the options of ``pnas``, and ``size``.

    Args:
        argument: name of a space whose networks have parts.

    Raises:
        UsageError: no space named, or one whose networks come in one size.
    """
    if not argument:
        raise UsageError("the space growing needs another one whose networks grow: growing:pnas, growing:anynetx-a")
    base = make_space(argument)
    if not isinstance(base, SupportsSizes) or base.parts < 2 or base.conditions:
        raise UsageError(f"networks of {argument} do not grow part by part; cells and anynetx-* do: growing:pnas")
    return GrowingSpace(name="growing", images=base.images, base=base)
