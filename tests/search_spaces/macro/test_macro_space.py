"""ENAS's macro space: its size, its law, its options, its windows."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from regnas.costs import Complexities
from regnas.design_space import make_space
from regnas.dimension import values_of
from regnas.errors import InfeasibleWindow, UsageError
from regnas.sampling.batch import Columns, column
from regnas.search_spaces.macro.narrowing import SolvedOperations
from regnas.search_spaces.macro.space import MacroSpace
from regnas.window import Bounds, Window


def space_of(spec: str) -> MacroSpace:
    space = make_space(spec)
    assert isinstance(space, MacroSpace)
    return space


def test_networks_are_as_many_as_the_paper_counts() -> None:
    """6^12 2^66, 1.6e29: Pham et al. 2018, section 2.3; one point is one network."""
    size = math.prod(law.size for law in space_of("enas-macro").free.values())
    assert size == 160618186625454535808756219904


def test_every_choice_is_uniform_and_skips_are_as_likely_as_none() -> None:
    """Within 5 standard errors of a share at 20,000 draws."""
    space, count = space_of("enas-macro"), 20_000
    columns = space.draw(np.random.default_rng(3), count)
    for name in ("op_1", "op_12", "skip_0_2", "skip_10_12"):
        law, share = space.dimensions[name], 1 / space.dimensions[name].size
        for value in law.levels(law.size):
            assert abs((columns[name] == value).mean() - share) <= 5 * (share * (1 - share) / count) ** 0.5


@pytest.mark.parametrize("spec", ["enas-macro", "enas-macro[form=final,layers=7,filters=3|4|10]"])
@pytest.mark.parametrize("resolution", [1, 28, 33])
def test_costs_in_arrays_are_those_of_each_network(spec: str, resolution: int) -> None:
    space = space_of(spec)
    batch = space.batch(space.draw(np.random.default_rng(1), 40))
    alone = Complexities.of([batch.architecture(row).complexity(resolution) for row in range(len(batch.rows))])
    together = batch.complexity(resolution)
    for name in ("flops", "params", "activations"):
        assert together[name].tolist() == alone[name].tolist(), name


@pytest.mark.parametrize(
    ("option", "name", "values"),
    [
        ("op=conv3|sep3|conv5|sep5", "op_12", ["conv3", "sep3", "conv5", "sep5"]),
        ("op=conv3,op_2=max3", "op_2", ["max3"]),
        ("skip=0", "skip_4_9", [0]),
        ("filters=24|48", "filters", [24, 48]),
        ("layers=3", "op_3", ["conv3", "sep3", "conv5", "sep5", "avg3", "max3"]),
    ],
)
def test_an_option_narrows_all_that_it_stands_for(option: str, name: str, values: list[Any]) -> None:
    assert space_of(f"enas-macro[{option}]").dimensions[name].levels(9) == values


def test_layers_bring_their_parameters() -> None:
    assert len(space_of("enas-macro[layers=5]").free) == 5 + 10
    assert space_of("enas-macro[layers=24]").sample(1)[0].params["skip_22_24"] in (0, 1)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("op=conv7", "op_1 is one of conv3, sep3, conv5, sep5, avg3, max3, got 'conv7'"),
        ("skip=2", "skip_0_2 is 0 or 1"),
        ("layers=0", "layers is a whole number from 1 to 48, got '0'"),
        ("layers=6:8", "layers is a whole number from 1 to 48"),
        ("form=other", "form is one of search, final, got 'other'"),
        ("filters=1", "filters is a whole number from 2"),
        ("depth=3", "depth"),
    ],
)
def test_a_value_that_there_is_not_is_refused(option: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        make_space(f"enas-macro[{option}]")


def test_odd_filters_are_no_networks_of_the_space() -> None:
    assert {one.params["filters"] for one in space_of("enas-macro[layers=3,filters=3|4|5|6]").sample(20)} == {4, 6}


# --- windows: all points of small spaces are listed -------------------------------------------------------------

SPACES = {
    "search": space_of("enas-macro[layers=4,filters=4,op=conv3|sep3|max3]"),
    "final": space_of("enas-macro[layers=4,filters=4,op=conv3|avg3,form=final]"),
    "uneven": space_of("enas-macro[layers=4,op=conv3|avg3,op_3=sep3|conv5|max3,op_4=sep3,filters=4|8,skip_0_4=1]"),
}


def points(space: MacroSpace) -> Columns:
    laws = {name: values_of(law) for name, law in space.dimensions.items()}
    rows = list(zip(*product(*laws.values()), strict=True))
    kinds = [np.dtype(object if isinstance(row[0], str) else np.int64) for row in rows]
    return {name: column(list(row), kind) for name, row, kind in zip(laws, rows, kinds, strict=True)}


POINTS = {name: points(space) for name, space in SPACES.items()}
COSTS = {name: space.costs_of(space.batch(POINTS[name])) for name, space in SPACES.items()}


def inside(name: str, window: Window) -> Any:
    return ~np.logical_or.reduce(list(window.tests(COSTS[name]).values()))


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=25, deadline=None)
@given(data=some.data())
def test_no_network_of_the_window_is_left_out_and_none_is_too_likely(name: str, data: some.DataObject) -> None:
    """Given all that is not solved for, the combinations of the window are never likelier than is allowed for.

    By the derivation in `regnas.search_spaces.macro.narrowing` that is exactness.
    """
    measure = data.draw(some.sampled_from(["flops", "params", "activations"]))
    costs = sorted(set(COSTS[name][measure].tolist()))
    low, high = sorted(data.draw(some.tuples(*[some.integers(0, len(costs) - 1)] * 2)))
    end = data.draw(some.sampled_from(["both", "low", "high"]))
    bounds = Bounds(costs[low] if end != "high" else None, costs[high] if end != "low" else None)
    window = Window({measure: bounds})
    found = SPACES[name].within(window).narrowing
    assert isinstance(found, SolvedOperations)
    own, kept = POINTS[name], inside(name, window)
    solved = {f"op_{layer}" for group in found._groups for layer in group.layers}
    combinations = math.prod(SPACES[name].dimensions[one].size for one in solved)
    places = [np.unique(own[key], return_inverse=True)[1] for key in own if key not in solved]
    _, rests = np.unique(np.stack(places), axis=1, return_inverse=True)
    chances = np.bincount(rests.ravel(), weights=kept) / combinations
    filters = np.zeros(len(chances), dtype=np.int64)
    filters[rests.ravel()] = own["filters"]
    for number, table in zip(found._filters, found._tables, strict=True):
        assert chances[filters == number].max() <= table.most * (1 + 1e-9)
    assert kept.mean() <= found.share * (1 + 1e-9)


@pytest.mark.parametrize("name", SPACES)
def test_points_of_the_window_are_as_likely_as_their_law_says(name: str) -> None:
    """Of n proposals each point of the window is one with probability p / W; chi-square over all of them."""
    low, high = (float(np.quantile(COSTS[name].flops, share)) for share in (0.4, 0.6))
    window = Window(flops=Bounds(low, high))
    narrowing = SPACES[name].within(window).narrowing
    assert isinstance(narrowing, SolvedOperations)
    proposals = 60_000
    rows, columns = narrowing.propose(np.random.default_rng(1), proposals)
    own = POINTS[name]
    assert {len(values) for values in columns.values()} == {len(rows)}
    levels = [np.unique(own[key]) for key in own]
    shape = [len(level) for level in levels]

    def numbers(points: Columns) -> Any:
        places = [np.searchsorted(level, points[key]) for level, key in zip(levels, own, strict=True)]
        return np.ravel_multi_index(places, shape)

    listed = numbers(own)[inside(name, window)]
    counts = np.bincount(numbers(columns), minlength=math.prod(shape))
    assert counts[listed].sum() == len(rows), "a proposal outside of the window"
    expected = proposals / len(own["filters"]) / narrowing.share
    assert expected > 5
    statistic = float(((counts[listed] - expected) ** 2 / expected).sum())
    assert stats.chi2.sf(statistic, len(listed)) > 1e-4


def test_most_proposals_in_a_narrow_window_are_points_of_it() -> None:
    """Measured: 94 % and 67 % of windows around the median that hold 10 % of the law."""
    for form in ("search", "final"):
        space = space_of(f"enas-macro[form={form}]")
        flops = space.costs_of(space.batch(space.draw(np.random.default_rng(0), 4000))).flops
        low, high = (float(np.quantile(flops, share)) for share in (0.45, 0.55))
        narrowing = space.within(Window(flops=Bounds(low, high))).narrowing
        assert narrowing is not None
        rows, _ = narrowing.propose(np.random.default_rng(1), 4000)
        assert len(rows) > 2000


def test_a_window_that_no_network_can_meet_is_refused_at_once() -> None:
    least = int(COSTS["search"].flops.min())
    space = SPACES["search"].within(Window(flops=Bounds(None, least - 1)))
    assert space.narrowing is not None and space.narrowing.share == 0
    with pytest.raises(InfeasibleWindow):
        space.sample(1)


def test_what_cannot_be_narrowed_is_drawn_from_the_law() -> None:
    assert space_of("enas-macro").narrowing is None  # no window
    tied = space_of("enas-macro[op_1=op_2]").within(Window.parse(flops="40M:60M"))
    assert tied.narrowing is None
    assert all(one.params["op_1"] == one.params["op_2"] for one in tied.sample(5))
