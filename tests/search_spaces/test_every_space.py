"""What holds for every space that ships with regnas, on candidates of its stream."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

import regnas
from regnas.architecture import from_json
from regnas.candidate import Candidate
from regnas.design_space import Images, Space, make_space
from regnas.dimension import Choice
from regnas.plugins import registry
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.space import StagedSpace
from regnas.window import Window

NAMES = [
    name
    for name, point in registry.installed("space").items()
    if point.dist
    and point.dist.name == "regnas"
    and name not in ("table", "growing")  # nothing without a file or a space
]
STAGED = [name for name in NAMES if isinstance(make_space(name), StagedSpace)]
# Spaces of other blocks, stages, stems and ties: what a spec can make of the named ones.
DERIVED = [
    "regnetx[w0=wa,wm=2]",
    "regnetx[block=r]",
    "regnetx[block=v]",
    "regnety[block=vr,stages=3]",
    "regnetx[bottleneck_ratio=0.25|1|4,stem=resnet,head_width=64]",
    "regnetx[stages=5,strides=1-2-2-2-2,activation=silu]",
    "anynetx-a[stages=2,block=linear,se=0.125]",
    "anynetx-e[last_depth=free,stages=3,stem=cifar,strides=1-2-2]",
    "anynetx-d[width_2=64]",
    "anynetx-c[block=basic]",
    "resnext-a[width=24|64,bottleneck_ratio=0.5|1|2,groups=1|8]",
    "darts[inputs=distinct,stem=imagenet]",
    "nasnet[normal_1_op_x=conv_1x1|none,reduce_op=skip_connect|none]",
    "pnas[reduction=same,depth=4:12]",
    "enas[normal_0_op_x=normal_1_op_y]",
    "enas-macro[layers=9,form=final,filters=8|24,op_2=op_1]",
    "mnasnet[filters_1=filters_2,layers_7=layers_1,skip_3=none]",
    "mobile[stages=3,se=0|0.5,depth_2=1]",
    "efficientnet[base=mobilenetv2,depth=0.5:2]",
]
every_space = pytest.mark.parametrize("name", NAMES)
every_staged_space = pytest.mark.parametrize("name", STAGED)
every_spec = pytest.mark.parametrize("text", NAMES + DERIVED)


def _check(space: Space, candidate: Candidate) -> None:
    params, network = candidate.params, candidate.architecture
    assert list(params) == [*space.dimensions, *dict(space.ties)]
    assert space.canonical(params) == params
    assert space.contains(params)
    assert space.decode(params) == network
    read = from_json(json.loads(json.dumps(network.to_json())))
    assert read == network and read.key() == network.key()


@every_spec
def test_candidates_are_canonical_points_that_decode_to_their_network(text: str) -> None:
    space = make_space(text)
    for candidate in space.sample(40, seed=1):
        _check(space, candidate)
        judged = space.judge(candidate.params)
        assert judged is not None
        assert (judged.params, judged.architecture) == (candidate.params, candidate.architecture)
        assert judged.complexity == candidate.complexity


@pytest.mark.slow
@every_space
def test_ten_thousand_candidates_are_canonical_points_that_decode_to_their_network(name: str) -> None:
    space = make_space(name)
    for candidate in islice(space.stream(seed=2), 10_000):
        _check(space, candidate)


def _windowed(text: str) -> Space:
    """A window around the middle of the space in all three complexities, so that some of it remains."""
    space = regnas.space(text, resolution=64, classes=100)
    costs = [candidate.complexity for candidate in space.sample(300, seed=3)]

    def bounds(values: list[int]) -> str:
        low, high = np.quantile(values, [0.2, 0.8])
        return f"{int(low)}:{int(high)}"

    return space.within(
        Window.parse(
            bounds([cost.flops for cost in costs]),
            bounds([cost.params for cost in costs]),
            bounds([cost.activations for cost in costs]),
        )
    )


def _inside(space: Space, count: int) -> None:
    for candidate in space.sample(count, seed=4):
        cost = candidate.architecture.complexity(64)
        assert cost == candidate.complexity
        for value, bounds in (
            (cost.flops, space.window.flops),
            (cost.params, space.window.params),
            (cost.activations, space.window.activations),
        ):
            assert bounds.low is not None and bounds.high is not None
            assert bounds.low <= value <= bounds.high


@every_spec
def test_every_candidate_lies_inside_the_window(text: str) -> None:
    _inside(_windowed(text), 25)


@pytest.mark.slow
@every_staged_space
def test_ten_thousand_candidates_lie_inside_the_window(name: str) -> None:
    _inside(_windowed(name), 10_000)


@every_spec
def test_any_point_becomes_canonical_once_and_for_all(text: str) -> None:
    """From values between and beyond the grids, as model-based samplers suggest them."""
    space = make_space(text)
    rng = np.random.default_rng(8)
    for drawn in range(60):
        drawn_point = {name: column.tolist()[0] for name, column in space.draw(rng, 1).items()}
        free = {name: drawn_point[name] for name in space.distributions}
        between = {name: law for name, law in space.dimensions.items() if not (isinstance(law, Choice) and law.labels)}
        raw = {
            name: one * rng.uniform(0.9, 1.1) if name in between and not isinstance(one, str) else one
            for name, one in free.items()
        }
        once = space.canonical(raw)
        assert space.canonical(once) == once, drawn
        assert all(law.snap(once[name]) == once[name] for name, law in space.dimensions.items())


@every_spec
def test_arrays_and_single_points_agree_on_membership_and_networks(text: str) -> None:
    space = make_space(text)
    columns = space.draw(np.random.default_rng(9), 300)
    batch = space.batch(columns)
    rows = dict(zip(batch.rows.tolist(), range(len(batch.rows)), strict=True))
    cost = batch.complexity(space.resolution)
    assert len(rows) + sum(batch.rejected.values()) == 300
    for row in range(300):
        point = space.ordered({name: values[row : row + 1].tolist()[0] for name, values in columns.items()})
        assert (space.member(point) is None) == (row in rows)
        if row in rows:
            network = space.decode(point)
            assert batch.architecture(rows[row]) == network
            assert cost.row(rows[row]) == network.complexity(space.resolution)


@every_spec
def test_mutations_stay_on_the_grid(text: str) -> None:
    space = make_space(text)
    rng = np.random.default_rng(10)
    point = space.sample(1)[0].params
    for _ in range(60):
        point = space.mutate(point, rng)
        assert space.canonical(point) == point


@every_staged_space
def test_the_images_of_a_data_set_set_classes_stem_and_strides(name: str) -> None:
    images = Images(resolution=32, classes=10, stem_stride=1, stem_width=16, strides=(2, 2, 1))
    for candidate in make_space(name).on(images).sample(5):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert (network.stem, network.stem_width, network.classes) == ("cifar", 16, 10)
        assert network.strides == (2, 2, 1, 1)[: network.stages]  # the last stride repeats
        assert candidate.complexity == network.complexity(32)


@every_staged_space
def test_a_spec_outweighs_the_data_set(name: str) -> None:
    named = make_space(name)
    assert isinstance(named, StagedSpace)
    strides = (2, 1, 2, 1)[: named.stages]
    space = named.fix(stem="simple", stem_width=24, strides=strides).on(
        Images(stem_stride=1, stem_width=16, strides=(1, 1, 2))
    )
    network = space.sample(1)[0].architecture
    assert isinstance(network, Staged)
    assert (network.stem, network.stem_width, network.strides) == ("simple", 24, strides)


# The caps of regnetx-constrained depend on the flops, and these on the resolution.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "regnetx-constrained"])
def test_the_same_draws_whatever_the_images(name: str) -> None:
    large = make_space(name).on(Images(resolution=64)).stream(duplicates="allow")
    small = make_space(name).on(Images(resolution=32)).stream(duplicates="allow")
    assert [c.params for c in islice(large, 20)] == [c.params for c in islice(small, 20)]


@every_space
def test_a_named_space_has_its_own_name_and_nothing_derived(name: str) -> None:
    space = make_space(name)
    assert (space.name, space.spec, space.overrides) == (name, name, ())
    assert set(space.distributions) <= set(space.dimensions)
