"""Proposals of points of a space of cells from widths and depths whose networks can meet the window.

Given width and depth, a network costs a constant, so much for every node that a cell puts out, and so much for the
operation of every edge (`regnas.search_spaces.cells.complexity`). An edge of the normal cell has stride 1 wherever it
comes from, so what its operation costs depends on nothing else. So the operations of some of these edges that meet the
window, given all the rest of the network, are looked for in a table of the sums of all their combinations, and not
drawn.

A width and a depth are a cell of the law, with the probability p_c. With each edge at its cheapest or at its dearest,
the costs of its networks lie in an interval; cells whose interval misses the window are dropped. A window with two ends
holds no more than M_c of the T combinations of a cell, wherever the rest of the network lies: the most sums within the
window's length. A cell is proposed with the probability p_c m_c / W, m_c = M_c / T, the rest by the law, and each
combination that meets the window with the probability 1 / M_c, or none. So a point x of the window is proposed with
p_c m_c / W p(rest) / M_c = p(x) / W, and W = sum_c p_c m_c. That is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regnas.counting import MEASURES
from regnas.dimension import Array, values_of
from regnas.errors import InvalidArchitecture
from regnas.sampling.batch import Columns
from regnas.search_spaces.cells.complexity import Coefficients, Skeleton, cells_complexity, coefficients
from regnas.search_spaces.cells.operations import CODES
from regnas.search_spaces.cells.sampling.batch import CellRows, CodedColumns

if TYPE_CHECKING:
    from regnas.search_spaces.cells.space import CellSpace

Ints = npt.NDArray[np.int64]
_MOST_COMBINATIONS = 1 << 15  # of the operations that are looked for: a table of a tenth of a second
_MOST_SHAPES = 4096
_FAR = 1 << 62


def narrowing_of(space: CellSpace) -> ShapedCells | None:
    """The widths and depths of a space inside its window; None where it limits nothing that is counted in closed form,
    where parameters are tied, and where there are too many.
    """
    laws = space.dimensions
    shapes = laws["width"].size * laws["depth"].size if {"width", "depth"} <= set(laws) else 0
    if space.ties or not 0 < shapes <= _MOST_SHAPES or not any(measure in space.window for measure in MEASURES):
        return None
    try:
        return ShapedCells(space)
    except InvalidArchitecture:  # some are too large to be counted, or halve an odd width: draws from the law say so
        return None


@dataclass(frozen=True)
class _Sums:
    """The combinations of a cell by what they cost.

    Attributes:
        sums: ascending, ``(T,)``.
        order: which combination each is, ``(T,)``.
        most: of them in a window, M_c.
    """

    sums: Ints
    order: Ints
    most: int


class ShapedCells:
    """The narrowing of a space of cells.

    Raises:
        InvalidArchitecture: networks of some width and depth cannot be counted.
    """

    def __init__(self, space: CellSpace) -> None:
        self._space = space
        self._skeleton = Skeleton(space.stem_of_images, space.classes, space.resolution)
        self._edges, self._codes = _looked_for(space)
        widths, depths = (values_of(space.dimensions[name]) for name in ("width", "depth"))
        shapes = [(int(width), int(depth)) for width, depth in product(widths, depths)]
        tables = [coefficients(*shape, self._skeleton) for shape in shapes]
        bounds = dict(_whole_bounds(space))
        kept = [number for number, table in enumerate(tables) if self._can_meet(table, bounds)]
        best: tuple[float, str, list[_Sums]] = (math.inf, "", [])
        for measure, (low, high) in bounds.items():
            made = [self._sums(tables[number], measure, high - low) for number in kept]
            total = sum(one.most for one in made) / (len(self._codes) * len(shapes))
            if total < best[0]:
                best = (total, measure, made)
        self.share, self._measure, self._sums_of = best
        self._shapes = np.array([shapes[number] for number in kept], dtype=np.int64).reshape(-1, 2)
        self._low, self._high = bounds[self._measure]

    def propose(self, rng: np.random.Generator, count: int) -> tuple[Array, Columns]:
        """``count`` proposals, each a point or none: which of them are points, ``(m,)``; every parameter, ``(m,)``."""
        space, edges = self._space, self._edges
        columns = space.coded(rng.random((len(space.free), count)))
        likely = np.array([one.most for one in self._sums_of], dtype=np.float64)
        shape = rng.choice(len(likely), size=count, p=likely / likely.sum())
        columns["width"], columns["depth"] = (self._shapes[shape, place] for place in range(2))
        picked = rng.random(count)
        rest = self._cost(columns) if edges else np.zeros(count, dtype=np.int64)
        chosen = np.full(count, -1)
        for number, one in enumerate(self._sums_of):
            rows = np.flatnonzero(shape == number)
            place = (picked[rows] * one.most).astype(np.int64)
            if edges:
                place += np.searchsorted(one.sums, self._low - rest[rows])
                last = np.searchsorted(one.sums, self._high - rest[rows], side="right")
                rows, place = rows[place < last], place[place < last]
            chosen[rows] = one.order[place]
        found = np.flatnonzero(chosen >= 0)
        columns = {name: values[found] for name, values in columns.items()}
        for edge, name in enumerate(edges):
            columns[name] = self._codes[chosen[found], edge]
        return found, CodedColumns(columns, space.operations)

    def _cost(self, columns: Columns) -> Ints:
        """What networks cost without the edges that are looked for, ``(n,)``."""
        space = self._space
        whole = CellRows.decoded(space, columns).cell_columns
        kept = np.array([name not in self._edges for name in space.names("normal")[0]])
        taken = replace(whole, normal=whole.normal[kept])
        cost: Ints = cells_complexity(taken, self._skeleton)[self._measure]
        return cost

    def _can_meet(self, table: Coefficients, bounds: Mapping[str, tuple[int, int]]) -> bool:
        """Whether networks of a width and a depth may lie within all bounds."""
        least, most = _interval(self._space, table)
        places = [MEASURES.index(measure) for measure in bounds]
        return all(
            least[place] <= high and most[place] >= low
            for place, (low, high) in zip(places, bounds.values(), strict=True)
        )

    def _sums(self, table: Coefficients, measure: str, length: int) -> _Sums:
        """The combinations by their costs, and how many a window of this length holds at most."""
        of_edge = table.normal[:, MEASURES.index(measure)]
        sums = of_edge[self._codes].sum(axis=1)
        order = np.argsort(sums, kind="stable")
        sums = sums[order]
        ends = np.searchsorted(sums, sums + min(length, _FAR), side="right")
        return _Sums(sums, order, int((ends - np.arange(len(sums))).max()))


def _looked_for(space: CellSpace) -> tuple[list[str], Ints]:
    """The operations that are looked for, and all their combinations, as places in ``NAMES``, ``(T, edges)``.

    None of them where the cost of an operation is not that of a normal edge alone: it is one of the reduction cell,
    too, or ``none``, which frees the node that it takes.
    """
    laws = {name: values_of(space.dimensions[name]) for name in space.names("normal")[0]}
    frees = space.output == "loose" and any("none" in values for values in laws.values())
    names: list[str] = []
    if not frees and space.reduction == "own":
        total = 1
        for name, values in laws.items():
            if len(values) > 1 and total * len(values) <= _MOST_COMBINATIONS:
                names.append(name)
                total *= len(values)
    rows = list(product(*([CODES[str(value)] for value in laws[name]] for name in names)))  # one, of nothing, if none
    return names, np.array(rows, dtype=np.int64).reshape(len(rows), len(names))


def _interval(space: CellSpace, table: Coefficients) -> tuple[Ints, Ints]:
    """The least and the most that networks of a width and a depth can cost, of each measure ``(3,)``."""
    constant, of_normal, of_reduce = table.base
    fewest, most = (1 if space.output == "loose" else space.nodes), space.nodes
    low = constant + np.minimum(fewest * of_normal, most * of_normal) + np.minimum(fewest * of_reduce, most * of_reduce)
    high = (
        constant + np.maximum(fewest * of_normal, most * of_normal) + np.maximum(fewest * of_reduce, most * of_reduce)
    )
    for cell in ("normal", "reduce"):
        for name in space.names(cell if cell in space.cells else "normal")[0]:
            codes = [CODES[str(value)] for value in values_of(space.dimensions[name])]
            costs = table.normal[codes] if cell == "normal" else np.concatenate([one[codes] for one in table.reduce])
            low, high = low + costs.min(axis=0), high + costs.max(axis=0)
    return low, high


def _whole_bounds(space: CellSpace) -> list[tuple[str, tuple[int, int]]]:
    """Measures in force, and the whole numbers that they lie between."""
    found = []
    for measure in MEASURES:
        if measure in space.window:
            bounds = space.window[measure]
            low = 0 if bounds.low is None else min(math.ceil(bounds.low), _FAR)
            high = _FAR if bounds.high is None else min(math.floor(bounds.high), _FAR)
            found.append((measure, (low, high)))
    return found
