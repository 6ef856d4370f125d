"""Proposals of points of a space whose stages have grids of their own, from shapes in which the window can be met.

A shape is what a stage has but its depth: width, bottleneck ratio and groups. Given the shapes of all S stages, a
network costs C(d) = B + sum_k R_k (d_k - 1), where B is the cost with one block a stage, and R_k > 0 that of a further
block of stage k. So the depths of one stage j that meet the window, given the other depths, are an interval, and are
solved for, not drawn.

Every tuple of shapes is a cell, and has the law's probability p_c. With all other stages as shallow or as deep as they
can be, C bounds the interval of j; where the window has two ends it holds no more than (over - under) / R_j + 1 depths.
Both bound the probability m_c of the depths that meet the window. Cells with m_c = 0 are dropped, and the others are
proposed as those of a line are (`regnas.search_spaces.staged.narrowing.cells`): a cell with probability p_c m_c / W,
the other depths by the law, and one of the depths that meet the window, or none. That is exact, W = sum_c p_c m_c. The
stage j is the one with the least W, by which the fewest proposals are in vain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.dimension import Array
from regnas.sampling.batch import Columns
from regnas.sampling.ladder import Ladder
from regnas.search_spaces.staged.complexity import Template, staged_parts
from regnas.search_spaces.staged.narrowing.bounds import NONE, whole_bounds
from regnas.search_spaces.staged.narrowing.cells import UnsoundBound, likeliest
from regnas.window import Window

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Costs = Mapping[str, Ints]


@dataclass(frozen=True)
class Shapes:
    """What a stage can have but its depth: n shapes, each array ``(n,)``.

    Attributes:
        values: of the parameters, by name.
        likely: the probability of each under the law; those of no network are left out.
        widths, inner, groups: output channels, channels and group width of the bottleneck.
    """

    values: Mapping[str, Array]
    likely: Floats
    widths: Ints
    inner: Ints
    groups: Ints

    def __len__(self) -> int:
        return len(self.likely)


class GridCells:
    """The narrowing of a space of stages that are independent of each other.

    Args:
        template, resolution, window: of the networks.
        shapes: of every stage.
        depths: the law of every stage's depth, by name.
        names: of all parameters, in the order of the columns.
    """

    def __init__(
        self,
        template: Template,
        resolution: int,
        window: Window,
        shapes: Sequence[Shapes],
        depths: Mapping[str, Ladder],
        names: Sequence[str],
    ) -> None:
        self._shapes, self._ladders, self._depth_names, self._names = shapes, [*depths.values()], [*depths], names
        self._sizes = tuple(map(len, shapes))
        self._bounds = list(whole_bounds(window))
        self._base, self._rises = _costs(template, resolution, shapes, [measure for measure, _, _ in self._bounds])
        likely = np.ones(self._sizes)
        for stage, one in enumerate(shapes):
            likely = likely * self._along(stage, one.likely)
        mosts = [self._allowed(stage) for stage in range(len(shapes))]
        self._solved = int(np.argmin([(likely * most).sum() for most in mosts]))
        most = mosts[self._solved].ravel()
        self._cells = np.flatnonzero(most)
        self._most = most[self._cells]
        self._upto = np.cumsum(likely.ravel()[self._cells] * self._most)
        self.share = float(self._upto[-1]) if len(self._cells) else 0.0

    def __len__(self) -> int:
        return len(self._cells)

    def propose(self, rng: np.random.Generator, count: int) -> tuple[Array, Columns]:
        """``count`` proposals, their places ``(m,)`` and columns ``(m,)``; see `regnas.design_space.Narrowing`.

        Raises:
            UnsoundBound: a cell holds more than was proved; a mistake of ours.
        """
        uniforms = rng.random((2 + len(self._sizes), count))
        cell = np.searchsorted(self._upto, uniforms[0] * self.share, side="right")
        cell = np.minimum(cell, len(self._cells) - 1)
        shapes = np.unravel_index(self._cells[cell], self._sizes)
        drawn = zip(self._ladders, uniforms[2:], strict=True)
        places = [ladder.draw(row, np.zeros_like(cell), np.full_like(cell, len(ladder))) for ladder, row in drawn]
        first, last = self.depths(shapes, places)
        ladder, most = self._ladders[self._solved], self._most[cell]
        likely = ladder.edges[last] - ladder.edges[first]
        if (likely > most * (1 + 1e-9)).any():
            raise UnsoundBound(f"{self._depth_names[self._solved]} has more values than its cell allows; please report")
        at = uniforms[1] * most
        rows = np.flatnonzero(at < likely)
        places[self._solved][rows] = ladder.find(ladder.edges[first[rows]] + at[rows], first[rows], last[rows])
        found = {
            name: ladder.values[place[rows]]
            for name, ladder, place in zip(self._depth_names, self._ladders, places, strict=True)
        }
        for one, place in zip(self._shapes, shapes, strict=True):
            found |= {name: values[place[rows]] for name, values in one.values.items()}
        return rows, {name: found[name] for name in self._names}

    def depths(self, shapes: Sequence[Array], places: Sequence[Array]) -> tuple[Ints, Ints]:
        """Places of the depths of the stage that is solved for with which networks meet the window.

        Args:
            shapes: places of the shapes of every stage, ``(n,)`` each.
            places: of the depths of every stage, ``(n,)`` each; those of the stage itself do not matter.

        Returns:
            First and last place of each network, ``(n,)``, the last not included.
        """
        shallow = {measure: base[tuple(shapes)] for measure, base in self._base.items()}
        for stage, (ladder, place) in enumerate(zip(self._ladders, places, strict=True)):
            if stage != self._solved:
                for measure, rises in self._rises.items():
                    shallow[measure] = shallow[measure] + rises[stage][shapes[stage]] * (ladder.values[place] - 1)
        rise = {measure: rises[self._solved][shapes[self._solved]] for measure, rises in self._rises.items()}
        first, last, _ = self._interval(shallow, shallow, rise)
        return self._on_ladder(self._solved, first, last)

    # --- the table ------------------------------------------------------------------------------------------

    def _allowed(self, solved: int) -> Floats:
        """The greatest probability of the depths of a stage that meet the window, of each cell ``(n_1, ..., n_S)``."""
        least, most = dict(self._base), dict(self._base)
        for stage, ladder in enumerate(self._ladders):
            if stage != solved:
                for measure, rises in self._rises.items():
                    rise = self._along(stage, rises[stage])
                    least[measure] = least[measure] + rise * (int(ladder.values[0]) - 1)
                    most[measure] = most[measure] + rise * (int(ladder.values[-1]) - 1)
        own = {measure: self._along(solved, rises[solved]) for measure, rises in self._rises.items()}
        first, last, count = self._interval(least, most, own)
        ladder = self._ladders[solved]
        first, last = self._on_ladder(solved, first, last)
        together = likeliest(ladder)[np.clip(count, 0, int(ladder.values[-1]))]
        return np.asarray(np.minimum(ladder.edges[last] - ladder.edges[first], together))

    def _interval(self, least: Costs, most: Costs, rise: Costs) -> tuple[Ints, Ints, Ints]:
        """First and last depth with which the window can be met, and how many depths of one network meet it at most.

        Args:
            least, most: what networks cost with one block in this stage lies between.
            rise: cost of a further block.
        """
        shape = next(iter(least.values())).shape
        first, last, count = (np.full(shape, number) for number in (1, NONE, NONE))
        for measure, under, over in self._bounds:
            if over < NONE:
                last = np.minimum(last, (over - least[measure]) // rise[measure] + 1)
                if under > -NONE:
                    count = np.minimum(count, (over - under) // rise[measure] + 1)
            if under > -NONE:
                first = np.maximum(first, 1 - (most[measure] - under) // rise[measure])
        return first, last, count

    def _on_ladder(self, stage: int, first: Ints, last: Ints) -> tuple[Ints, Ints]:
        values = self._ladders[stage].values
        low = np.searchsorted(values, first)
        return low, np.maximum(np.searchsorted(values, last, side="right"), low)

    def _along(self, stage: int, values: Array) -> Array:
        """Numbers of a stage's shapes, ``(n,)``, to be broadcast with those of all cells."""
        return values.reshape([-1 if axis == stage else 1 for axis in range(len(self._sizes))])


def _costs(
    template: Template, resolution: int, shapes: Sequence[Shapes], wanted: Sequence[str]
) -> tuple[dict[str, Ints], dict[str, list[Ints]]]:
    """Costs of networks with one block a stage, ``(n_1, ..., n_S)``, and of further blocks of each stage, ``(n_k,)``.

    The first block of a stage depends on this stage's shape and the one before alone: so pairs are counted.
    """
    base = {measure: np.zeros([1] * len(shapes), dtype=np.int64) for measure in wanted}
    rises: dict[str, list[Ints]] = {measure: [] for measure in wanted}
    for stage, own in enumerate(shapes):
        sizes = [1] * len(shapes)
        sizes[stage] = len(own)
        if stage:
            sizes[stage - 1] = len(shapes[stage - 1])
        rows = np.indices(sizes).reshape(len(shapes), -1)
        numbers = (
            np.stack([one[row] for one, row in zip(kind, rows, strict=True)])
            for kind in zip(*((one.widths, one.inner, one.groups) for one in shapes), strict=True)
        )
        parts = staged_parts(template, resolution, *numbers, wanted=wanted)
        for measure in wanted:
            base[measure] = base[measure] + parts.first[measure][stage].reshape(sizes)
            rises[measure].append(parts.further[measure][stage][: len(own)])
            if stage == len(shapes) - 1:
                ends = np.broadcast_to(parts.ends[measure], rows.shape[1:])
                base[measure] = base[measure] + ends[: len(own)].reshape([1] * stage + [-1])
    return base, rises
