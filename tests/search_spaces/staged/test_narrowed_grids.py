"""Narrowed proposals of spaces of grids: exactly the networks of the window, each as likely as its law says.

By the derivation in `regnas.search_spaces.staged.narrowing.grid` exactness is: every point of the window is in a cell,
its depth is among those solved for, and these are no likelier than the cell allows. All points are listed here.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import regnas
from regnas.dimension import Array, LogUniform
from regnas.errors import InfeasibleWindow, InvalidArchitecture
from regnas.sampling.batch import Columns
from regnas.sampling.stream import Tally, candidates
from regnas.search_spaces.staged.narrowing.grid import GridCells
from regnas.search_spaces.staged.nds import NDSSpace
from regnas.window import Window

MEASURES = ("flops", "params", "activations")


def _space(text: str, **options: Any) -> NDSSpace:
    found = regnas.space(text, **options)
    assert isinstance(found, NDSSpace)
    return found


def _cells(space: NDSSpace) -> GridCells:
    assert isinstance(space.narrowing, GridCells)
    return space.narrowing


def _points(space: NDSSpace) -> Columns:
    """All points of a small space, uneven ones left out."""
    laws = space.dimensions
    values = [np.array(law.levels(100)) for law in laws.values()]
    grid = np.meshgrid(*values, indexing="ij")
    columns = {name: column.ravel() for name, column in zip(laws, grid, strict=True)}
    rows = space.batch(columns).rows
    return {name: column[rows] for name, column in columns.items()}


def _inside(space: NDSSpace, points: Columns) -> npt.NDArray[np.bool_]:
    cost = space.batch(points).complexity(space.resolution)
    broken = list(space.window.tests(cost).values())
    return np.asarray(~np.logical_or.reduce([np.zeros(cost.networks, dtype=np.bool_), *broken]))


def _check_exact(space: NDSSpace, points: Columns) -> None:
    cells = _cells(space)
    shapes = [_places(one.values, points) for one in cells._shapes]
    depths = [np.searchsorted(ladder.values, points[f"depth_{k}"]) for k, ladder in enumerate(cells._ladders, 1)]
    first, last = cells.depths(shapes, depths)
    solved = cells._solved
    named = (first <= depths[solved]) & (depths[solved] < last)
    np.testing.assert_array_equal(named, _inside(space, points))
    most = np.zeros(math.prod(cells._sizes))
    most[cells._cells] = cells._most
    edges = cells._ladders[solved].edges
    likely = edges[last] - edges[first]
    assert (likely <= most[np.ravel_multi_index(tuple(shapes), cells._sizes)] * (1 + 1e-12)).all()


def _places(values: Mapping[str, Array], points: Columns) -> npt.NDArray[np.int64]:
    """Which of a stage's shapes each point has."""
    known = {
        shape: place for place, shape in enumerate(zip(*(column.tolist() for column in values.values()), strict=True))
    }
    return np.array([known[shape] for shape in zip(*(points[name].tolist() for name in values), strict=True)])


@st.composite
def _small(draw: st.DrawFn) -> tuple[str, dict[str, tuple[float, float]]]:
    """A space of a few hundred points, and of some measures the quantiles between which they are asked for."""
    stages = draw(st.integers(1, 3))
    strides = draw(st.lists(st.sampled_from(["1", "2"]), min_size=stages, max_size=stages))

    def some(values: list[Any], most: int) -> str:
        return "|".join(map(str, draw(st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True))))

    options = {
        "stages": stages,
        "strides": "-".join(strides),
        "block": draw(st.sampled_from(["x", "r", "vr", "v", "linear", "basic", "vanilla"])),
        "stem": draw(st.sampled_from(["simple", "resnet", "cifar"])),
        "stem_width": draw(st.sampled_from([16, 24])),
        "se": draw(st.sampled_from(["0", "0.25"])),
        "head_width": draw(st.sampled_from([0, 48])),
        "depth": some([1, 2, 3, 5, 9, 30], 3),
        "width": some([16, 24, 64], 2),
        "bottleneck_ratio_1": some([0.5, 1, 4], 2),
        "groups_1": some([1, 2, 8], 2),
    }
    text = f"resnext-a[{','.join(f'{key}={value}' for key, value in options.items())},bottleneck_ratio=2,groups=2]"
    ends = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (min(pair), max(pair)))
    return text, draw(st.dictionaries(st.sampled_from(MEASURES), ends, min_size=1))


@settings(max_examples=60, deadline=None)
@given(_small(), st.sampled_from(["both", "low", "high"]))
def test_depths_that_are_solved_for_are_those_that_meet_the_window(
    small: tuple[str, dict[str, tuple[float, float]]], sides: str
) -> None:
    text, quantiles = small
    space = _space(text)
    points = _points(space)
    if not len(points["depth_1"]):
        return  # all groups are uneven
    cost = space.batch(points).complexity(space.resolution)
    limits = {}
    for name, (low, high) in quantiles.items():
        ends = [int(end) for end in np.quantile(cost[name], (low, high))]
        limits[name] = f"{ends[0] if sides != 'high' else ''}:{ends[1] if sides != 'low' else ''}"
    _check_exact(space.within(Window.parse(limits=[f"{name}={limit}" for name, limit in limits.items()])), points)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("resnet[width=16|24|48|256]", {"flops": "100M:110M"}),
        ("vanilla[width=16|64|96]", {"params": ":856k"}),
        ("resnext-b[width=64|256,bottleneck_ratio=4,groups_1=1|8,groups_2=16,groups_3=1]", {"acts": "1M:1.1M"}),
        ("resnext-a[depth=1|4|16,width=16|64,bottleneck_ratio=1,groups=1|4]", {"flops": ":60M", "params": "50k:"}),
    ],
)
def test_of_the_papers_depths_too(text: str, window: dict[str, str]) -> None:
    space = _space(text, **window)
    _check_exact(space, _points(space))


def test_every_point_inside_is_as_likely_as_its_law_says() -> None:
    """30,000 proposals against the list of all points inside, which are equally likely, by chi-square."""
    space = _space("resnet[width=16|48|128,depth=1|2|4|8|12]", flops="60M:120M")
    points = _points(space)
    inside = _inside(space, points)
    expected = list(zip(*(points[name][inside].tolist() for name in points), strict=True))
    count = 30_000
    found = dict.fromkeys(expected, 0)
    tally = Tally()
    for one in islice(candidates(space, seed=0, duplicates="allow", tally=tally), count):
        found[tuple(one.params[name] for name in points)] += 1  # a KeyError: a point that is not inside
    assert count / len(expected) > 20
    assert stats.chisquare(list(found.values())).pvalue > 1e-6
    # The share of the space that the window accepts, within 5 standard errors.
    share = len(expected) / len(inside)
    assert abs(tally.rate - share) < 5 * (share * (1 - share) / tally.drawn) ** 0.5


def test_a_law_that_is_not_uniform_is_kept() -> None:
    """Depths log-uniform: by two-sample tests against plain rejection, at a level of 1e-6 each."""
    space = _space("resnet", flops="60M:120M")
    for stage in (1, 2, 3):
        space = space.with_dimension(f"depth_{stage}", LogUniform(1, 24))
    assert len(_cells(space))
    plain = list(islice(candidates(space.on_stream(1), seed=1, duplicates="allow"), 4000))
    narrowed = list(islice(candidates(space, seed=1, duplicates="allow"), 4000))
    for name in ("depth_1", "depth_2", "depth_3", "width_1"):
        one, other = ([candidate.params[name] for candidate in found] for found in (plain, narrowed))
        assert stats.ks_2samp(one, other).pvalue > 1e-6, name


def test_a_window_that_no_depth_can_meet_is_refused_at_once() -> None:
    with pytest.raises(
        InfeasibleWindow, match=r"resnext-b at 32 px inside flops :1M holds no network, whatever is drawn"
    ):
        _space("resnext-b", flops=":1M").sample(1)


@pytest.mark.parametrize("text", ["resnet[width_2=width_1]", "resnext-b[stages=5]"])
def test_tied_and_vast_spaces_are_drawn_from_their_law(text: str) -> None:
    space = _space(text, flops=":2G")
    assert space.narrowing is None and len(space.sample(3)) == 3
    assert _space("resnet").narrowing is None  # there is no window


def test_networks_too_large_to_be_counted_are_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="too large to be counted exactly"):
        _space("resnet[width=1048576]", resolution=65_536, flops=":1G").sample(1)


def test_copies_make_the_cells_again() -> None:
    space = _space("resnet", flops="100M:110M")
    assert len(_cells(space))
    copy = pickle.loads(pickle.dumps(space))
    assert copy == space and "narrowing" not in copy.__dict__
    assert [one.params for one in copy.sample(3)] == [one.params for one in space.sample(3)]
