"""Grid search: every combination of some values of each parameter, in an order shuffled by the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas.design_space import Space
from regnas.dimension import Dimension
from regnas.errors import InfeasibleWindow, UsageError
from regnas.sampling import keyed
from regnas.sampling.batch import Columns, Params
from regnas.sampling.stream import Stream, Tally
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.tree import tree_points
from regnas.strategy import own_options

LARGEST = 100_000


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Every point of the grid that is a new network inside the window.

    Options:
        levels: values of a parameter that has more of them, evenly spaced in the law's quantiles; 0 takes them all.

    Raises:
        UsageError: the grid has more than 100,000 points.
    """
    levels = own_options(options, "grid", {"levels": 0})["levels"]
    duplicates = options.get("duplicates", "reject")
    points = GridPoints(space, levels=levels, seed=seed, again=duplicates != "reject")
    stream = Stream(space, seed=seed, duplicates=duplicates, points=points, tally=points.tally)
    return FeasibleSampler(space, seed=seed, duplicates=duplicates, stream=stream)


class GridPoints:
    """The points of a grid, some at a time.

    The order is shuffled: in the order of counting, a search that ends before the grid does would have tried one
    value of the first parameter only, and its candidates would not be comparable with those of other strategies.

    Args:
        again: whether the grid starts over at its end.

    Raises:
        UsageError: a number of levels below 0, or more points than a grid may have.
    """

    def __init__(self, space: Space, *, levels: int, seed: int, again: bool = False) -> None:
        if levels < 0:
            raise UsageError(f"levels is a number of values from 1, or 0 for all of them; got {levels}")
        self._space = space
        self._again = again
        self._laws = space.free
        self._tree = self._checked_tree(levels) if space.conditions else None
        if self._tree is None:
            self._check_size(levels)
        self._values = _levels(self._laws, levels)
        self._shape = [len(values) for values in self._values.values()]
        size = math.prod(self._shape) if self._tree is None else len(self._tree)
        self._order = keyed.generator("grid", space.spec, seed).permutation(size)
        self._next = 0
        self.tally = Tally()

    def _check_size(self, levels: int) -> None:
        sizes = {name: _size(law, levels) for name, law in self._laws.items()}
        if (total := math.prod(sizes.values())) > LARGEST:
            shown = " x ".join(f"{name} {size:,}" for name, size in sizes.items())
            fits = self._largest_levels()
            way = f"take levels={fits} or fewer" if fits > 1 else "fix some parameters"
            raise UsageError(f"a grid has at most {LARGEST:,} points, and {shown} has {min(total, 10**99):.3g}; {way}")

    def _checked_tree(self, levels: int) -> list[Params]:
        """The points of a space with conditional parameters; with so many levels that there are not too many."""
        if (found := self._tree_of(levels)) is not None:
            return found
        fits = 1
        while self._tree_of(fits + 1) is not None:
            fits += 1
        way = f"take levels={fits} or fewer" if fits > 1 else "fix some parameters"
        raise UsageError(
            f"a grid has at most {LARGEST:,} points, and that of {self._space.spec}, without those that differ in "
            f"inactive parameters alone, has more; {way}"
        )

    def _tree_of(self, levels: int) -> list[Params] | None:
        if any(_size(law, levels) > LARGEST for law in self._laws.values()):
            return None
        return tree_points(self._space, _levels(self._laws, levels), LARGEST)

    def _largest_levels(self) -> int:
        levels = 1
        while math.prod(_size(law, levels + 1) for law in self._laws.values()) <= LARGEST:
            levels += 1
        return levels

    def __call__(self, count: int) -> Columns:
        """The next ``count`` points, fewer at the end.

        Raises:
            InfeasibleWindow: there are no more, or none lies inside the window.
        """
        if self._next >= len(self._order):
            if not self._again or not self.tally.accepted:
                raise self._exhausted()
            self._next = 0
        taken = self._order[self._next : self._next + count]
        self._next += len(taken)
        columns = self._space.at(np.zeros((len(self._laws), len(taken))))  # what is fixed
        if self._tree is not None:
            points, pins = [self._tree[at] for at in taken.tolist()], self._space.hierarchy.pins
            for name in self._laws:
                columns[name] = _array([one.get(name, pins.get(name)) for one in points], columns[name].dtype)
        elif self._shape:
            places = np.unravel_index(taken, self._shape)
            for (name, values), place in zip(self._values.items(), places, strict=True):
                columns[name] = _array(values, columns[name].dtype)[place]
        return {**columns, **{name: columns[source] for name, source in self._space.ties}}

    def _exhausted(self) -> InfeasibleWindow:
        space = self._space
        inside = "" if space.window.open else f" inside {space.window}"
        found = self.tally.accepted - self.tally.repeats
        return InfeasibleWindow(
            f"all {len(self._order):,} points of the grid of {space.spec} at {space.resolution} px are visited: "
            f"{found:,} are different networks{inside}; ask for fewer, take more with levels=, widen the window, or "
            f"start over with --duplicates allow"
        )


def _levels(laws: Mapping[str, Dimension], levels: int) -> dict[str, list[Any]]:
    return {name: law.levels(levels or law.size) for name, law in laws.items()}


def _size(law: Dimension, levels: int) -> int:
    return min(law.size, levels) if levels else law.size


def _array(values: list[Any], dtype: Any) -> np.typing.NDArray[Any]:
    table = np.empty(len(values), dtype=dtype)
    table[:] = values
    return table
