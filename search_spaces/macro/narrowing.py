"""Proposals of points of a macro space whose networks can meet the window: operations of some layers are solved for.

Given the filters, a network costs so much for the operation of every layer, which depends on its stage alone, and a
rest, which depends on skips. Layers of one stage with equal laws are a group; what a group costs depends on how many of
its layers have each operation, so a few hundred cases stand for all. Of the groups whose costs vary most, all
combinations of cases are a table of sums, each with its probability under the law.

The rest of a network is drawn by the law, and the combinations that meet the window with it are an interval of the
sorted table, of probability q(rest). No rest has more than m. One of these combinations is proposed with the
probability q / m, and else nothing, so a point x of the window is proposed with the probability p(x) / m: exact. Where
several numbers of filters are likely, each has an m of its own, p_c m_c / W is the chance that it is proposed, and
W = sum_c p_c m_c.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regnas.counting import MEASURES
from regnas.dimension import Array, values_of
from regnas.errors import InvalidArchitecture
from regnas.sampling.batch import Columns
from regnas.search_spaces.macro.complexity import (
    CODES,
    NOTHING,
    OPERATIONS,
    Ints,
    MacroColumns,
    macro_complexity,
    operation,
    sides,
    stage_of,
    width_of,
)

if TYPE_CHECKING:
    from regnas.search_spaces.macro.space import MacroSpace

Floats = npt.NDArray[np.float64]
_MOST_SUMS = 1 << 17  # of a table
_MOST_FILTERS = 64
_FAR = 1 << 62


def narrowing_of(space: MacroSpace) -> SolvedOperations | None:
    """The solved operations of a space inside its window; None where it limits nothing that is counted in closed form,
    where parameters are tied, and where networks have too many numbers of filters.
    """
    law = space.dimensions.get("filters")
    limited = any(measure in space.window for measure in MEASURES)
    if space.ties or law is None or law.size > _MOST_FILTERS or not limited:
        return None
    try:
        return SolvedOperations(space)
    except InvalidArchitecture:  # some are too large to be counted: draws from the law say so
        return None


@dataclass(frozen=True)
class Group:
    """Layers of one stage whose operations have the same law.

    Attributes:
        layers: from 1.
        cases: the operations of these layers up to their order, ``(cases, layers)``.
        chances: of each case, ``(cases,)``.
    """

    stage: int
    layers: tuple[int, ...]
    cases: Ints
    chances: Floats

    @classmethod
    def of(cls, stage: int, layers: Sequence[int], codes: Sequence[int]) -> Group:
        rows = list(combinations_with_replacement(codes, len(layers)))
        ways = [math.factorial(len(row)) / math.prod(math.factorial(row.count(one)) for one in codes) for row in rows]
        return cls(stage, tuple(layers), np.array(rows), np.array(ways) / float(len(codes)) ** len(layers))


@dataclass(frozen=True)
class _Sums:
    """The combinations of the cases of groups, for one number of filters.

    Attributes:
        sums: what they cost, ascending, ``(T,)``.
        order: which combination each is, ``(T,)``.
        upto: probability of those before each place, ``(T + 1,)``.
        most: m, the largest probability that meets the window with any rest.
    """

    sums: Ints
    order: Ints
    upto: Floats
    most: float

    def between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The first place of sums from ``low`` to ``high``, and the one behind the last, ``(n,)`` each."""
        return np.searchsorted(self.sums, low), np.searchsorted(self.sums, high, side="right")

    def largest(self, starts: tuple[int, int], length: int) -> float:
        """The largest probability of an interval of sums that begins between ``starts`` and is ``length`` long."""
        first, last = np.searchsorted(self.sums, starts[0]), np.searchsorted(self.sums, starts[1], side="right")
        # An interval that begins at no sum holds no more than the one that is moved on to the next, or to the end.
        low = np.append(self.sums[first:last], starts[1])
        begin, end = self.between(low, low + length)
        return float(np.max(self.upto[end] - self.upto[begin]))


class SolvedOperations:
    """The narrowing of a macro space.

    Raises:
        InvalidArchitecture: networks of some number of filters cannot be counted.
    """

    def __init__(self, space: MacroSpace) -> None:
        self._space = space
        self._filters = [int(value) for value in values_of(space.dimensions["filters"])]
        self._sides = sides(space.layers, space.resolution)
        self._ends = (self._extreme(0), self._extreme(1))
        best: tuple[float, str, list[Group], list[_Sums]] = (math.inf, "", [], [])
        for measure, bounds in whole_bounds(space).items():
            groups = self._looked_for(measure)
            made = [self._sums(number, groups, measure, bounds) for number in range(len(self._filters))]
            total = sum(one.most for one in made) / len(made)
            if total < best[0]:
                best = (total, measure, groups, made)
        self.share, self._measure, self._groups, self._tables = best
        self._low, self._high = whole_bounds(space)[self._measure]

    def propose(self, rng: np.random.Generator, count: int) -> tuple[Array, Columns]:
        """``count`` proposals, each a point or none: which of them are points, ``(m,)``; every parameter, ``(m,)``."""
        space = self._space
        columns = space.draw(rng, count)
        likely = np.array([one.most for one in self._tables])
        number = rng.choice(len(likely), size=count, p=likely / likely.sum())
        columns["filters"] = np.array(self._filters)[number]
        picked = rng.random(count)
        networks = space.columns(columns)
        networks.ops[[layer - 1 for group in self._groups for layer in group.layers]] = NOTHING
        rest = self._cost(networks)
        chosen = np.full(count, -1)
        for place, table in enumerate(self._tables):
            rows = np.flatnonzero(number == place)
            first, last = table.between(self._low - rest[rows], self._high - rest[rows])
            wanted = table.upto[first] + picked[rows] * table.most
            there = wanted < table.upto[last]
            found = np.searchsorted(table.upto, wanted[there], side="right") - 1
            chosen[rows[there]] = table.order[np.clip(found, first[there], last[there] - 1)]
        rows = np.flatnonzero(chosen >= 0)
        columns = {name: values[rows] for name, values in columns.items()}
        return rows, columns | self._operations(rng, chosen[rows])

    def _operations(self, rng: np.random.Generator, chosen: Ints) -> Columns:
        """Operations of the layers that were looked for, in any order within their groups, ``(m,)`` each."""
        names = np.array(OPERATIONS, dtype=object)
        places = np.unravel_index(chosen, [len(group.cases) for group in self._groups])
        found: Columns = {}
        for group, place in zip(self._groups, places, strict=True):
            mixed = rng.permuted(group.cases[place], axis=1)
            found |= {f"op_{layer}": names[mixed[:, at]] for at, layer in enumerate(group.layers)}
        return found

    def _cost(self, networks: MacroColumns) -> Ints:
        space = self._space
        cost: Ints = macro_complexity(networks, space.form, space.classes, space.resolution)[self._measure]
        return cost

    def _extreme(self, end: int) -> MacroColumns:
        """For every number of filters the network without operations that has the fewest skips (0), or the most (1)."""
        space, count = self._space, len(self._filters)
        links = np.zeros((space.layers, space.layers, count), dtype=np.bool_)
        for name, one, layer in space.skips:
            links[one, layer - 1] = sorted(values_of(space.dimensions[name]))[-end]
        ops = np.full((space.layers, count), NOTHING)
        return MacroColumns(ops, links, np.array(self._filters))

    def _costs(self, stage: int, filters: int, measure: str) -> Ints:
        """What each operation costs in a stage, ``(operations,)``."""
        wide = width_of(filters, stage, self._space.form)
        return np.array([int(operation(code, wide, self._sides[stage])[measure][0]) for code in range(NOTHING)])

    def _looked_for(self, measure: str) -> list[Group]:
        """The groups whose costs vary most, as many as make a table that is not too large."""
        space = self._space
        alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for layer, name in enumerate(space.ops, 1):
            codes = tuple(sorted({CODES[str(value)] for value in values_of(space.dimensions[name])}))
            if len(codes) > 1:
                alike.setdefault((stage_of(layer, space.layers), codes), []).append(layer)

        def spread(key: tuple[int, tuple[int, ...]]) -> int:
            costs = self._costs(key[0], max(self._filters), measure)[list(key[1])]
            return int(costs.max() - costs.min()) * len(alike[key])

        found, total = [], 1
        for key in sorted(alike, key=spread, reverse=True):
            cases = math.comb(len(alike[key]) + len(key[1]) - 1, len(alike[key]))
            if total * cases <= _MOST_SUMS:
                found.append(Group.of(key[0], alike[key], key[1]))
                total *= cases
        return found

    def _sums(self, number: int, groups: Sequence[Group], measure: str, bounds: tuple[int, int]) -> _Sums:
        """The table of one of the numbers of filters."""
        space, filters = self._space, self._filters[number]
        sums, chances = np.zeros(1, dtype=np.int64), np.ones(1)
        for group in groups:
            costs = self._costs(group.stage, filters, measure)[group.cases].sum(axis=1)
            sums = (sums[:, None] + costs).ravel()
            chances = (chances[:, None] * group.chances).ravel()
        order = np.argsort(sums, kind="stable")
        table = _Sums(sums[order], order, np.concatenate([[0.0], np.cumsum(chances[order])]), 0.0)
        least, most = (
            int(macro_complexity(end, space.form, space.classes, space.resolution)[measure][number])
            for end in self._ends
        )
        solved = {layer for group in groups for layer in group.layers}
        for layer, name in enumerate(space.ops, 1):
            if layer not in solved:
                codes = [CODES[str(value)] for value in values_of(space.dimensions[name])]
                costs = self._costs(stage_of(layer, space.layers), filters, measure)[codes]
                least, most = least + int(costs.min()), most + int(costs.max())
        return replace(table, most=table.largest((bounds[0] - most, bounds[0] - least), bounds[1] - bounds[0]))


def whole_bounds(space: MacroSpace) -> dict[str, tuple[int, int]]:
    """Measures in force, and the whole numbers that they lie between."""
    found = {}
    for measure in [name for name in MEASURES if name in space.window]:
        bounds = space.window[measure]
        low = 0 if bounds.low is None else min(math.ceil(bounds.low), _FAR)
        found[measure] = (low, _FAR if bounds.high is None else min(math.floor(bounds.high), _FAR))
    return found
