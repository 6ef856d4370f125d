"""The space of NAS-RL: its law, its options, its costs in arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regnas.costs import Complexities
from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.sampling.moves import feasible_mutant
from regnas.search_spaces.chain.architecture import LayerChain
from regnas.search_spaces.chain.space import ChainSpace, chain
from regnas.window import Window


def space_of(spec: str) -> ChainSpace:
    space = make_space(spec)
    assert isinstance(space, ChainSpace)
    return space


def test_chains_without_strides_are_as_many_as_the_paper_counts() -> None:
    """64 layers, and any earlier ones that feed each: Zoph & Le 2017, sections 3.1 and 3.3."""
    space = space_of("chain[strides=1,layers=6]")
    assert math.prod(law.size for law in space.free.values()) == 64**6 * 2**15


def test_every_parameter_is_uniform_where_it_is_active() -> None:
    """Within 5 standard errors of a share at 20,000 draws."""
    space, count = chain(), 20_000
    columns = space.draw(np.random.default_rng(3), count)
    active = space.hierarchy.where(columns)
    for name in ("layers", "filters_1", "filter_height_7", "stride_width_20", "skip_1_2", "skip_3_15", "skip_19_20"):
        law, there = space.dimensions[name], active.get(name, np.ones(count, dtype=np.bool_))
        values, share, drawn = columns[name][there], 1 / law.size, int(there.sum())
        for value in law.levels(law.size):
            assert abs((values == value).mean() - share) <= 5 * (share * (1 - share) / drawn) ** 0.5, (name, value)


def test_candidates_of_a_window_are_the_law_inside_it() -> None:
    """Mean layers and skips of the stream, and of draws of the law that happen to lie inside, within 5 errors."""
    window = Window.parse(flops="10M:40M")
    space = chain().on(Images(resolution=16, classes=10))
    columns = space.draw(np.random.default_rng(5), 30_000)
    cost = space.costs_of(space.batch(columns))
    inside = ~np.logical_or.reduce(list(window.tests(cost).values()))
    found = space.within(window).sample(400)
    for name in ("layers", "filters_1", "filter_width_2"):
        law, seen = columns[name][inside], np.array([one.params[name] for one in found])
        error = (law.var() / len(law) + seen.var() / len(seen)) ** 0.5
        assert abs(law.mean() - seen.mean()) <= 5 * error, name


@pytest.mark.parametrize("resolution", [1, 7, 28, 33])
def test_costs_in_arrays_are_those_of_each_network(resolution: int) -> None:
    space = chain()
    batch = space.batch(space.draw(np.random.default_rng(1), 40))
    alone = Complexities.of([batch.architecture(row).complexity(resolution) for row in range(40)])
    together = batch.complexity(resolution)
    for name in ("flops", "params", "activations"):
        assert together[name].tolist() == alone[name].tolist(), name


def test_what_is_inactive_costs_nothing() -> None:
    space = chain()
    columns = space.draw(np.random.default_rng(2), 50)
    short = {**columns, "layers": np.full(50, 6)}
    loud = {
        name: values if name == "layers" else np.full(50, space.dimensions[name].levels(9)[-1])
        for name, values in short.items()
    }
    mixed = {name: short[name] if _early(name) else loud[name] for name in short}
    plain, noisy = (space.batch(one).complexity(32) for one in (short, mixed))
    assert plain["flops"].tolist() == noisy["flops"].tolist()


def _early(name: str) -> bool:
    return name == "layers" or int(name.rpartition("_")[2]) <= 6


@pytest.mark.parametrize(
    ("option", "name", "values"),
    [
        ("strides=1", "stride_width_20", [1]),
        ("filter=3|5", "filter_height_4", [3, 5]),
        ("filters=8|16", "filters_9", [8, 16]),
        ("skip=0", "skip_4_9", [0]),
        ("stride_height=1|2", "stride_height_1", [1, 2]),
        ("layers=4:8", "layers", [4, 5, 6, 7, 8]),
        ("skip_1_3=1", "skip_1_3", [1]),
    ],
)
def test_a_key_narrows_all_that_it_stands_for(option: str, name: str, values: list[int]) -> None:
    assert space_of(f"chain[{option}]").dimensions[name].levels(9) == values


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("filter=2", "filter_height_1 is an odd number from 1 to 31, got 2"),
        ("strides=0", "stride_height_1 is a whole number from 1 to 16"),
        ("skip=2", "skip_1_2 is 0 or 1"),
        ("layers=21", "layers is a whole number from 1 to 20"),
        ("depth=3", "depth"),
    ],
)
def test_a_value_that_no_layer_has_is_refused(option: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        make_space(f"chain[{option}]")


def test_shorter_chains_than_the_papers_have_parameters_for_their_layers_alone() -> None:
    space = space_of("chain[layers=2:3]")
    assert not any(name.endswith(("_4", "_20")) for name in space.free)
    assert {len(one.architecture.layers) for one in space.sample(20) if isinstance(one.architecture, LayerChain)} == {
        2,
        3,
    }


def test_a_mutant_in_a_narrow_window_is_another_network_of_it() -> None:
    space = chain().within(Window.parse(flops="40M:60M"))
    parent = space.sample(1)[0]
    mutant = feasible_mutant(space, parent.params, np.random.default_rng(0))
    assert mutant is not None
    assert mutant.architecture != parent.architecture and 40e6 <= mutant.complexity["flops"] <= 60e6
