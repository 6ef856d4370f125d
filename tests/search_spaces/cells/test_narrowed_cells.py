"""Narrowed proposals of spaces of cells: exactly the networks of the window, each as likely as its law says.

By the derivation in `regnas.search_spaces.cells.sampling.narrowing` exactness is: every point of the window has a width
and a depth that are proposed, and of the combinations that are looked for no more meet the window than are allowed for.
All points of small spaces are listed here.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from regnas.dimension import values_of
from regnas.errors import InfeasibleWindow
from regnas.sampling.batch import Columns, column
from regnas.search_spaces.cells.sampling.narrowing import ShapedCells
from regnas.search_spaces.cells.space import CellSpace, Output, cell_space
from regnas.window import Bounds, Window

OPERATIONS = ("skip_connect", "conv_3x3", "max_pool_3x3")


def small(output: Output = "all", operations: tuple[str, ...] = OPERATIONS, **options: Any) -> CellSpace:
    """One node a cell: 4 edges of as many operations, 2 inputs each, 2 widths and 2 depths."""
    return cell_space("small", operations, 1, output).fix(width=[4, 6], depth=[3, 4], **options)


SPACES = {
    "all": small(),
    "loose": small("loose"),
    "none": small("loose", ("none", "conv_1x1")),
    "same": small(reduction="same"),
    "uneven": small("all", normal_0_op_x=["conv_3x3", "max_pool_3x3"]),
    "imagenet": small(stem="imagenet"),
}


def points(space: CellSpace) -> Columns:
    laws = {name: values_of(law) for name, law in space.dimensions.items()}
    rows = list(zip(*product(*laws.values()), strict=True))
    return {
        name: column(list(row), np.dtype(object if isinstance(row[0], str) else np.int64))
        for name, row in zip(laws, rows, strict=True)
    }


POINTS = {name: points(space) for name, space in SPACES.items()}
COSTS = {name: space.costs_of(space.batch(POINTS[name])) for name, space in SPACES.items()}


def inside(name: str, window: Window) -> Any:
    broken = list(window.tests(COSTS[name]).values())
    return ~np.logical_or.reduce(broken)


def windows(name: str) -> some.SearchStrategy[Window]:
    """Between costs that there are: the narrowest of one cost, and with open ends."""

    @some.composite
    def draw(pick: some.DrawFn) -> Window:
        found = {}
        for measure in pick(some.sets(some.sampled_from(["flops", "params", "activations"]), min_size=1)):
            costs = sorted(set(COSTS[name][measure].tolist()))
            low, high = sorted(pick(some.tuples(*[some.integers(0, len(costs) - 1)] * 2)))
            end = pick(some.sampled_from(["both", "low", "high"]))
            found[measure] = Bounds(costs[low] if end != "high" else None, costs[high] if end != "low" else None)
        return Window(found)

    return draw()


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=25, deadline=None)
@given(data=some.data())
def test_no_network_of_the_window_is_left_out_and_none_is_too_likely(name: str, data: some.DataObject) -> None:
    window = data.draw(windows(name))
    found = SPACES[name].within(window).narrowing
    assert isinstance(found, ShapedCells)
    rows = np.flatnonzero(inside(name, window))
    own = POINTS[name]
    kept = {
        (width, depth): one.most for (width, depth), one in zip(found._shapes.tolist(), found._sums_of, strict=True)
    }
    rest = Counter(tuple(own[key][row] for key in own if key not in found._edges) for row in rows.tolist())
    names = [key for key in own if key not in found._edges]
    for point, count in rest.items():
        shape = tuple(int(point[names.index(key)]) for key in ("width", "depth"))
        assert count <= kept[shape]  # type: ignore[index]
    assert len(rows) / len(own["width"]) <= found.share * (1 + 1e-12)


@pytest.mark.parametrize("name", SPACES)
def test_points_of_the_window_are_as_likely_as_their_law_says(name: str) -> None:
    """Of n proposals each point of the window is one with probability p / W; chi-square over all of them."""
    flops = COSTS[name].flops
    low, high = (float(np.quantile(flops, share)) for share in (0.4, 0.6))
    window = Window(flops=Bounds(low, high))
    space = SPACES[name].within(window)
    narrowing = space.narrowing
    assert isinstance(narrowing, ShapedCells)
    proposals = 60_000
    _, columns = narrowing.propose(np.random.default_rng(1), proposals)
    drawn = Counter(zip(*(columns[key].tolist() for key in POINTS[name]), strict=True))
    rows = np.flatnonzero(inside(name, window)).tolist()
    listed = [tuple(POINTS[name][key][row : row + 1].tolist()[0] for key in POINTS[name]) for row in rows]
    if narrowing._edges:
        assert set(drawn) <= set(listed), "a proposal outside of the window that was solved for"
    expected = proposals / len(POINTS[name]["width"]) / narrowing.share
    counts = [drawn[point] for point in listed]
    assert expected > 5
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    assert stats.chi2.sf(statistic, len(listed)) > 1e-4


def test_a_window_that_no_width_and_depth_can_meet_is_refused_at_once() -> None:
    least = int(COSTS["all"].flops.min())
    space = SPACES["all"].within(Window(flops=Bounds(None, least - 1)))
    assert space.narrowing is not None and space.narrowing.share == 0
    with pytest.raises(InfeasibleWindow):
        space.sample(1)


def test_what_cannot_be_narrowed_is_drawn_from_the_law() -> None:
    window = Window(flops=Bounds(1, 10**9))
    assert SPACES["all"].narrowing is None  # no window
    assert small(stacking="tf").within(window).narrowing is None
    assert small(normal_0_op_x="normal_0_op_y").within(window).narrowing is None
    halves = cell_space("small", OPERATIONS, 1, "all").fix(width=[5, 6], stem="imagenet").within(window)
    assert [one.params["width"] for one in islice(halves.stream(seed=0), 5)] == [6] * 5
