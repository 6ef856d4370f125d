"""Proposals of RegNet points from cells of the parameters in which the window can be met.

The box of (w0, wa, wm, b, g) is cut into cells, and those that `reach_of_boxes` proves empty are dropped. A cell c has
the law's probability p_c, and of a line in it the depths that meet the window have together at most the probability
m_c. A proposal is a cell with probability p_c m_c / W, where W = sum_c p_c m_c, then a line of the cell by the law and
a uniform u in [0, m_c): with the depths that meet the window laid side by side, each as long as it is likely, u hits
one or none. So a point x = (line, d) that may lie in the window is proposed with probability

    p_c m_c / W  x  p(line) / p_c  x  p(d) / m_c  =  p(x) / W,

and W is what `Narrowing.share` calls the probability of the region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.dimension import Array
from regnas.sampling.batch import Columns
from regnas.sampling.ladder import Ladder
from regnas.search_spaces.staged.narrowing.bounds import Lines, Reach, Shape, reach_of_boxes, reach_of_points

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Values of w0 that are cells of their own; more are cut as wa and wm are.
_SINGLES = 64
# Cells are halved, wa and wm in turn, until there are this many.
_ENOUGH = 12_000
_LINE = ("w0", "wa", "wm")


class UnsoundBound(RuntimeError):
    """A line meets the window with more depths than its cell allows: the derivation above is broken."""


@dataclass(frozen=True)
class Places:
    """Ranges of places on the ladders: cells, each parameter ``(n,)``; ``last`` is not included."""

    first: Mapping[str, Ints]
    last: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(next(iter(self.first.values())))

    def __getitem__(self, rows: Array) -> Places:
        return Places(
            {name: places[rows] for name, places in self.first.items()},
            {name: places[rows] for name, places in self.last.items()},
        )

    def halved(self, name: str) -> Places:
        """The same cells with one parameter cut in two, where it has two values or more."""
        middle = (self.first[name] + self.last[name]) // 2
        lower = Places(self.first, {**self.last, name: np.maximum(middle, self.first[name] + 1)})
        wide = np.flatnonzero(self.last[name] - self.first[name] > 1)
        upper = Places({**self.first, name: middle}, self.last)[wide]
        return _joined(lower, upper)


def _joined(one: Places, other: Places) -> Places:
    first = {name: np.concatenate([one.first[name], other.first[name]]) for name in one.first}
    return Places(first, {name: np.concatenate([one.last[name], other.last[name]]) for name in one.last})


class LineCells:
    """The narrowing of a RegNet space.

    Args:
        shape: of the networks, and their window.
        ladders: laws of the free and fixed parameters, ``depth`` included.
        sources: the parameter that w0, wa, wm, b and g each take their value from: itself unless tied.
        names: of all parameters, tied ones included, in the order of the columns, each with its source.
    """

    def __init__(
        self, shape: Shape, ladders: Mapping[str, Ladder], sources: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        self._shape, self._ladders, self._sources, self._names = shape, ladders, sources, names
        self._depth = ladders["depth"]
        self._likeliest = likeliest(self._depth)
        self._cells, most = self._cut()
        self._most = self._likeliest[most]
        weights = self._most.copy()
        for name in self._cells.first:
            edges = self._ladders[name].edges
            weights *= edges[self._cells.last[name]] - edges[self._cells.first[name]]
        self._upto = np.cumsum(weights)
        self.share = float(self._upto[-1]) if len(weights) else 0.0

    def __len__(self) -> int:
        return len(self._cells)

    def propose(self, rng: np.random.Generator, count: int) -> tuple[Array, Columns]:
        """``count`` proposals, their places ``(m,)`` and columns ``(m,)``; see `regnas.design_space.Narrowing`.

        Raises:
            UnsoundBound: a cell holds more than was proved; a mistake of ours.
        """
        uniforms = rng.random((2 + len(self._cells.first), count))
        cell = np.searchsorted(self._upto, uniforms[0] * self.share, side="right")
        cell = np.minimum(cell, len(self._cells) - 1)
        places = {
            name: self._ladders[name].draw(row, self._cells.first[name][cell], self._cells.last[name][cell])
            for name, row in zip(self._cells.first, uniforms[2:], strict=True)
        }
        first, last = self.depths(self._values(places))
        likely, most = self._depth.edges[last] - self._depth.edges[first], self._most[cell]
        if (likely > most * (1 + 1e-9)).any():
            raise UnsoundBound(f"a line of {self._shape} has more depths inside than its cell allows; please report it")
        at = uniforms[1] * most
        rows = np.flatnonzero(at < likely)
        first, last = first[rows], last[rows]
        depth = self._depth.find(self._depth.edges[first] + at[rows], first, last)
        chosen = {name: self._ladders[name].values[places[name][rows]] for name in places}
        chosen["depth"] = self._depth.values[depth]
        return rows, {name: chosen[source] for name, source in self._names.items()}

    def depths(self, values: Mapping[str, Array]) -> tuple[Ints, Ints]:
        """Places of the depths with which lines meet the window, ``last`` not included.

        Returns:
            First and last place of each line, ``(n,)``.
        """
        reach = reach_of_points(self._shape, Lines(*(values[name] for name in _LINE)), values["b"], values["g"])
        return self._on_ladder(reach)

    def _on_ladder(self, reach: Reach) -> tuple[Ints, Ints]:
        first = np.searchsorted(self._depth.values, reach.first)
        return first, np.maximum(np.searchsorted(self._depth.values, reach.last, side="right"), first)

    def _values(self, places: Mapping[str, Ints]) -> dict[str, Array]:
        """Values of w0, wa, wm, b and g at places of their sources."""
        kinds = {**dict.fromkeys(_LINE, np.float64), "b": np.float64, "g": np.int64}
        return {
            name: self._ladders[source].values.astype(kinds[name])[places[source]]
            for name, source in self._sources.items()
        }

    # --- the table ------------------------------------------------------------------------------------------

    def _cut(self) -> tuple[Places, Ints]:
        """Cells that may meet the window, and how many depths of a line of each do so at most."""
        cells, most = self._alive(self._roots())
        line = list(dict.fromkeys(self._sources[name] for name in ("wa", "wm", "w0")))
        for turn in range(40):
            name = line[turn % len(line)]
            if len(cells) >= _ENOUGH:
                break
            if (cells.last[name] - cells.first[name] > 1).any():
                cells, most = self._alive(cells.halved(name))
        return cells, most

    def _roots(self) -> Places:
        """One cell for every b, g and, where they are few, w0."""
        apart = {self._sources[name] for name in "bg"}
        free = self._sources["w0"]
        if len(self._ladders[free]) <= _SINGLES:
            apart.add(free)
        names = list(dict.fromkeys(self._sources.values()))
        sizes = [len(self._ladders[name]) if name in apart else 1 for name in names]
        grid = np.unravel_index(np.arange(int(np.prod(sizes))), sizes)
        first = {name: np.asarray(place, dtype=np.int64) for name, place in zip(names, grid, strict=True)}
        last = {name: first[name] + (1 if name in apart else len(self._ladders[name])) for name in names}
        return Places(first, last)

    def _alive(self, cells: Places) -> tuple[Places, Ints]:
        reach = self.reach(cells)
        first, last = self._on_ladder(reach)
        kept = np.flatnonzero((last > first) & (reach.most > 0))
        return cells[kept], reach.most[kept]

    def reach(self, cells: Places) -> Reach:
        """Depths that can meet the window in cells."""
        low, high = self._values(cells.first), self._values({name: last - 1 for name, last in cells.last.items()})
        first, last = (Lines(*(ends[name] for name in _LINE)) for ends in (low, high))
        return reach_of_boxes(self._shape, first, last, low["b"], low["g"])


def likeliest(depth: Ladder) -> Floats:
    """The greatest probability of c depths in a row, for c = 0, 1, ... to one above the deepest: ``(deepest + 2,)``."""
    counts = np.arange(int(depth.values[-1]) + 2)
    ends = np.searchsorted(depth.values, depth.values[None, :] + counts[:, None])
    return np.asarray((depth.edges[ends] - depth.edges[None, :-1]).max(axis=1))
