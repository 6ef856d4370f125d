"""Narrowed proposals: no network of the window is left out, and each is as likely as under plain rejection."""

from __future__ import annotations

from itertools import islice, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import regnas
from regnas.candidate import Candidate
from regnas.sampling.stream import Tally, candidates
from regnas.search_spaces.staged.narrowing.bounds import Lines, Shape, reach_of_boxes, reach_of_points
from regnas.search_spaces.staged.narrowing.cells import LineCells
from regnas.search_spaces.staged.regnet import RegNetSpace
from regnas.window import Window

# Space, resolution and window: the paper's, small images, every measure, several at once, open sides, options.
CASES: list[tuple[str, int, dict[str, str]]] = [
    ("regnetx", 224, {"flops": "360M:400M"}),
    ("regnetx", 28, {"flops": "1M:2M"}),
    ("regnetx", 224, {"params": "4M:5M"}),
    ("regnetx", 224, {"acts": "2M:2.2M"}),
    ("regnetx", 64, {"flops": "20M:60M", "params": ":3M", "acts": "300k:"}),
    ("regnetx", 224, {"flops": "8G:"}),
    ("regnety", 224, {"flops": "360M:400M", "params": ":6M"}),
    ("regnetx-constrained", 224, {"flops": "360M:400M"}),
    ("regnetx-pycls", 224, {"flops": "360M:400M"}),
    ("regnetx[wm=2]", 224, {"flops": "360M:400M"}),
    ("regnetx[w0=wa]", 224, {"flops": "360M:400M"}),
    ("regnetx[bottleneck_ratio=0.25|0.5|2]", 96, {"flops": "100M:200M"}),
    ("regnetx[block=vr,depth=12|14|20,se=0.25]", 96, {"flops": "100M:200M"}),
    ("regnetx[block=basic,strides=1-2-1-2,stem=cifar,head_width=64]", 32, {"flops": "10M:100M"}),
    ("regnetx[stages=3,strides=1-1-1,stem=resnet]", 64, {"flops": "20M:40M"}),
    ("regnetx[stages=5]", 224, {"flops": "200M:800M"}),
]


def _space(text: str, resolution: int, window: dict[str, str]) -> RegNetSpace:
    found = regnas.space(text, resolution=resolution, classes=10, limits=window)
    assert isinstance(found, RegNetSpace)
    return found


def _cells(space: RegNetSpace) -> LineCells:
    assert isinstance(space.narrowing, LineCells)
    return space.narrowing


def _plain(space: RegNetSpace, count: int, seed: int) -> list[Candidate]:
    return list(islice(candidates(space.on_stream(1), seed=seed, duplicates="allow"), count))


@pytest.mark.parametrize(("text", "resolution", "window"), CASES)
def test_every_network_that_plain_rejection_finds_is_proposed(
    text: str, resolution: int, window: dict[str, str]
) -> None:
    """Exactly one cell holds its line, its depth is among those solved for, and these are no likelier than allowed.

    By the derivation in `line_cells` that is all there is to exactness. A region of one thousandth of the window that
    was left out would pass 3,000 networks with probability 0.999^3000 = 5 %, all cases together with none.
    """
    space = _space(text, resolution, window)
    cells = _cells(space)
    for one in _plain(space, 3000, seed=1):
        places = {
            name: int(np.searchsorted(cells._ladders[name].values, one.params[name])) for name in cells._cells.first
        }
        inside = np.ones(len(cells), dtype=np.bool_)
        for name, place in places.items():
            inside &= (cells._cells.first[name] <= place) & (place < cells._cells.last[name])
        (at,) = np.flatnonzero(inside)
        first, last = cells.depths(cells._values({name: np.array([place]) for name, place in places.items()}))
        depths = cells._depth.values[first[0] : last[0]]
        assert one.params["depth"] in depths
        likely = cells._depth.edges[last[0]] - cells._depth.edges[first[0]]
        assert likely <= cells._most[at] * (1 + 1e-12)


@pytest.mark.parametrize(("text", "resolution", "window"), CASES)
def test_parameters_and_costs_are_distributed_as_under_plain_rejection(
    text: str, resolution: int, window: dict[str, str]
) -> None:
    """Each marginal, and flops, by two-sample chi-square on at most 20 bins.

    About 140 tests with a level of 1e-7 each: a false alarm in 1 of 70,000 seeds, and the seeds are fixed. Of 8,000
    networks each, a bin of 5 % that is short of a quarter of its networks gives a chi-square of some 8000 / 2 x 0.05 x
    0.25^2 = 12 above its expectation, one that is short of half 50: seen at this level.
    """
    space, count = _space(text, resolution, window), 8000
    plain = _plain(space, count, seed=2)
    narrowed = list(islice(candidates(space, seed=2, duplicates="allow"), count))
    for name in [name for name, law in space.dimensions.items() if not law.fixed]:
        _same_law([one.params[name] for one in plain], [one.params[name] for one in narrowed], name)
    for measure in ("flops", "params", "activations"):
        costs = [[getattr(one.complexity, measure) for one in found] for found in (plain, narrowed)]
        _same_law(costs[0], costs[1], measure)


def _same_law(one: list[Any], other: list[Any], what: str) -> None:
    pooled = np.sort(np.array([*one, *other]))
    edges = np.unique(pooled[np.linspace(0, len(pooled) - 1, 21).astype(int)])[1:-1]
    table = np.array([np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) for values in (one, other)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] > 1:
        assert stats.chi2_contingency(table).pvalue > 1e-7, (what, table.tolist())


def test_every_point_of_a_small_space_is_as_likely_as_its_law_says() -> None:
    """All points inside are listed with their probabilities; 40,000 proposals are held against them by chi-square."""
    text = "regnetx[depth=10:24,w0=24:32,wa=20:40,wm=2.2|2.5,bottleneck_ratio=1|2,group_width=8]"
    space = _space(text, 64, {"flops": "20M:24M"})
    laws = {name: law.ladder() for name, law in space.dimensions.items()}
    columns: dict[str, Any] = {}
    grid = np.meshgrid(*(np.arange(len(ladder)) for ladder in laws.values() if ladder), indexing="ij")
    likely = np.ones(grid[0].size)
    for (name, ladder), places in zip(laws.items(), grid, strict=True):
        assert ladder is not None
        columns[name] = ladder.values[places.ravel()]
        likely *= np.diff(ladder.edges)[places.ravel()]
    batch = space.batch(columns)
    cost = batch.complexity(64)
    rows = np.asarray(batch.rows)[(cost.flops >= 20e6) & (cost.flops <= 24e6)]
    expected = {tuple(columns[name][row].item() for name in columns): likely[row] for row in rows.tolist()}
    total = sum(expected.values())
    count = 40_000
    found: dict[tuple[Any, ...], int] = dict.fromkeys(expected, 0)
    tally = Tally()
    for one in islice(candidates(space, seed=0, duplicates="allow", tally=tally), count):
        found[tuple(one.params[name] for name in columns)] += 1  # a KeyError: a point that is not inside
    order = sorted(expected, key=lambda point: tuple(map(float, point)))
    bins = np.arange(len(order)) * 200 // len(order)
    observed = np.bincount(bins, weights=[found[point] for point in order])
    wanted = np.bincount(bins, weights=[expected[point] / total * count for point in order])
    assert wanted.min() > 20
    assert stats.chisquare(observed, wanted).pvalue > 1e-6
    # The share of the space that the window accepts, within 5 standard errors.
    assert abs(tally.rate - total) < 5 * (total * (1 - total) / tally.drawn) ** 0.5


@st.composite
def _boxes(draw: st.DrawFn) -> dict[str, Any]:
    stages = draw(st.integers(1, 5))
    strides = draw(st.lists(st.sampled_from([1, 2]), min_size=stages, max_size=stages))
    ends: dict[str, list[Any]] = {
        "w0": sorted(draw(st.lists(st.integers(1, 32).map(lambda tick: 8 * tick), min_size=2, max_size=2))),
        "wa": sorted(tick / 10 for tick in draw(st.lists(st.integers(80, 2560), min_size=2, max_size=2))),
        "wm": sorted(tick / 1000 for tick in draw(st.lists(st.integers(1500, 3000), min_size=2, max_size=2))),
    }
    if draw(st.booleans()):  # narrow boxes, as most cells are
        ends = {name: [low, min(high, low * 1.05)] for name, (low, high) in ends.items()}
        ends["w0"][1] = ends["w0"][0]
    inside = {name: draw(st.floats(0, 1)) for name in ends}
    return {
        "block": draw(st.sampled_from(["x", "r", "vr", "v", "linear", "basic"])),
        "se": draw(st.sampled_from(["0", "0.25"])),
        "stem": draw(st.sampled_from(["simple", "resnet", "cifar"])),
        "head": draw(st.sampled_from([0, 48])),
        "resolution": draw(st.sampled_from([28, 64, 224])),
        "stages": stages,
        "strides": "-".join(map(str, strides)),
        "ends": ends,
        "inside": inside,
        "ratio": draw(st.sampled_from([0.25, 0.5, 1, 1.5, 2, 4])),
        "group": draw(st.sampled_from([1, 3, 8, 16, 48])),
        "measure": draw(st.sampled_from(["flops", "params", "acts"])),
        "depth": draw(st.integers(4, 63)),
        "spread": draw(st.floats(1, 2)),
    }


def _line(box: dict[str, Any]) -> dict[str, float]:
    """A line of the grid in the box."""
    steps = {"w0": 8, "wa": 0.1, "wm": 0.001}
    line = {}
    for name, (low, high) in box["ends"].items():
        step = steps[name]
        tick = round((low + box["inside"][name] * (high - low)) / step)
        line[name] = tick * step if step > 1 else tick / round(1 / step)
        if not low <= line[name] <= high:
            line[name] = low
    return line


@settings(max_examples=400, deadline=None)
@given(_boxes())
def test_bounds_leave_out_no_depth_of_any_line_in_a_box(box: dict[str, Any]) -> None:
    """Held against the scalar equations; and of single lines, the depths are exactly those that meet the window."""
    options = f"block={box['block']},stem={box['stem']},stages={box['stages']},strides={box['strides']}"
    text = f"regnetx[{options},se={box['se']},head_width={box['head']}]"
    space = regnas.space(text, resolution=box["resolution"], classes=10)
    assert isinstance(space, RegNetSpace)
    line, fixed = _line(box), {"bottleneck_ratio": box["ratio"], "group_width": box["group"]}
    costs = {}
    for depth in range(4, 64):
        point = {"depth": depth, **line, **fixed}
        if space.member(point) is None:
            cost = space.decode(point).complexity(box["resolution"])
            costs[depth] = {"flops": cost.flops, "params": cost.params, "acts": cost.activations}[box["measure"]]
    centre = costs.get(box["depth"], 10_000_000)
    window = Window.parse(**{box["measure"]: f"{int(centre / box['spread'])}:{int(centre * box['spread'])}"})
    bounds = getattr(window, box["measure"].replace("acts", "activations"))
    inside = [depth for depth, cost in costs.items() if bounds.low <= cost <= bounds.high]
    shape = Shape(space.template(), box["resolution"], window, 63)
    low, high = (Lines(*(np.array([float(box["ends"][name][end])]) for name in ("w0", "wa", "wm"))) for end in (0, 1))
    ratio, group = np.array([float(box["ratio"])]), np.array([box["group"]])
    reach = reach_of_boxes(shape, low, high, ratio, group)
    assert not inside or (reach.first[0] <= min(inside) and max(inside) <= reach.last[0])
    assert len(inside) <= reach.most[0]
    alone = reach_of_points(shape, Lines(*(np.array([line[name]]) for name in ("w0", "wa", "wm"))), ratio, group)
    assert [depth for depth in range(alone.first[0], alone.last[0] + 1) if depth >= 4] == inside


def test_ties_are_decided_by_the_scalar_equations() -> None:
    """Widths of w0 1.5^k and starts of w0 = 2 wa fall on ties: depths solved for are those of the scalar equations."""
    space = _space("regnetx", 64, {"flops": "1M:"})
    for w0, wm, times in product(range(8, 129, 8), (1.5, 2.0, 2.25, 2.5, 3.0), (1, 2, 4, 8)):
        line = {"w0": w0, "wa": w0 / times, "wm": wm}
        inside = [d for d in range(4, 64) if space.member({"depth": d, **line}) is None]
        lines = Lines(*(np.array([float(value)]) for value in line.values()))
        shape = Shape(space.template(), 64, Window(), 63)
        reach = reach_of_points(shape, lines, np.array([1.0]), np.array([8]))
        assert [d for d in range(reach.first[0], reach.last[0] + 1) if d >= 4] == inside, line
