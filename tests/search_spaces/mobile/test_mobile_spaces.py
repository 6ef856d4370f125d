"""The mobile spaces: sizes, laws, conditions, images, options, scaling."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regnas
from regnas.baseline import baselines_of
from regnas.costs import Complexities
from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.scaling import Scaling, scale
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.efficientnet import EfficientNetSpace
from regnas.search_spaces.mobile.mnasnet import DEPTHS, WIDTHS, MnasNetSpace
from regnas.search_spaces.mobile.published import multiplied, round_filter
from regnas.search_spaces.mobile.space import MobileSpace, latest
from regnas.search_spaces.mobile.stage import Stage
from regnas.search_spaces.mobile.stagewise import AnyMobileSpace
from regnas.window import Window

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "mobile-vectors.json").read_text())
SMALL = Images(28, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2))


def mnasnet(spec: str = "mnasnet") -> MnasNetSpace:
    space = make_space(spec)
    assert isinstance(space, MnasNetSpace)
    return space


def networks(space: MobileSpace, count: int = 5) -> list[Mobile]:
    found = [candidate.architecture for candidate in space.sample(count)]
    assert all(isinstance(one, Mobile) for one in found)
    return found  # type: ignore[return-value]


# --- MnasNet ----------------------------------------------------------------------------------------------------


def test_a_stage_has_the_papers_number_of_layers() -> None:
    """Section 4.1: 4 ConvOps, 2 kernels, 2 ratios, 3 SkipOps, 3 filters, 3 layers are 432, of the stages that no rule
    shortens; where one layer is left, the SkipOp is none: 144 x 3 - 48 x 2, and of the first and the last 48 x 4."""
    whole, shortened, single = 432, 48 * (1 + 3 + 3), 48 * (1 + 3)
    assert mnasnet().cardinality() == single * shortened * whole**4 * single


def test_points_are_counted_as_they_are_drawn() -> None:
    """Of a space so small that draws meet every point."""
    stage = "op_{0}=sep,kernel_{0}=3,se_{0}=0,filters_{0}=1,layers_{0}=0"
    space = mnasnet(
        f"mnasnet[{','.join(stage.format(number) for number in range(2, 8))},op_1=sep|mb3,se_1=0,skip=none]"
    )
    assert space.cardinality() == 2 * 2 * 3 * 2
    columns = space.draw(np.random.default_rng(0), 2_000)
    assert len(set(zip(*(values.tolist() for values in columns.values()), strict=True))) == space.cardinality()
    assert len({key for key in space.batch(columns).identities(np.arange(2_000))}) == space.cardinality()


def test_the_middle_of_the_space_is_mobilenetv2() -> None:
    plain = {"op": "mb6", "kernel": 3, "se": 0.0, "skip": "identity", "filters": 1.0, "layers": 0}
    space = mnasnet("mnasnet[activation=relu6]")
    point = {f"{kind}_{stage}": value for kind, value in plain.items() for stage in range(1, 8)}
    found = space.decode(space.canonical({**point, "op_1": "sep"}))
    assert found == multiplied("mobilenetv2", 1.0)


@pytest.mark.parametrize(("filters", "factor"), [("0.75", 0.75), ("1", 1.0), ("1.25", 1.25)])
def test_filters_multiply_whole_channels(filters: str, factor: float) -> None:
    for one in networks(mnasnet(f"mnasnet[filters={filters}]"), 3):
        assert [stage.width for stage in one.stages] == [factor * width for width in WIDTHS]


@pytest.mark.parametrize("layers", ["0", "1"])
def test_layers_are_added_to_mobilenetv2s(layers: str) -> None:
    for one in networks(mnasnet(f"mnasnet[layers={layers}]"), 3):
        assert [stage.depth for stage in one.stages] == [depth + int(layers) for depth in DEPTHS]


def test_a_skip_is_active_where_a_stage_has_two_layers() -> None:
    space = mnasnet()
    assert set(space.conditions) == {"skip_1", "skip_2", "skip_7"}
    for candidate in space.sample(30):
        network, active = candidate.architecture, space.active(candidate.params)
        assert isinstance(network, Mobile)
        for number, stage in enumerate(network.stages, 1):
            assert (f"skip_{number}" in active) == (stage.depth > 1)
    assert "skip_2" not in mnasnet("mnasnet[layers_2=-1]").free
    assert "skip_1" in mnasnet("mnasnet[layers_1=1]").free and not mnasnet("mnasnet[layers_1=1]").conditions.get(
        "skip_1"
    )


@pytest.mark.parametrize("spec", ["mnasnet", "mobile"])
def test_different_points_are_different_networks(spec: str) -> None:
    space = make_space(spec)
    columns = space.draw(np.random.default_rng(8), 3_000)
    batch: Any = space.batch(columns)
    points = set(zip(*(values.tolist() for values in columns.values()), strict=True))
    identities = batch.identities(np.arange(3_000))
    assert len(points) == len(set(identities))
    assert len({batch.architecture(row).key() for row in range(200)}) == len(set(identities[:200]))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["mnasnet", "mobile", "efficientnet"]), st.integers(20, 97), st.integers(0, 2**32 - 1))
def test_arrays_cost_what_single_networks_do(spec: str, resolution: int, seed: int) -> None:
    space = make_space(spec).on(Images(resolution=resolution, classes=7))
    batch = space.batch(space.draw(np.random.default_rng(seed), 12))
    single = [batch.architecture(row).complexity(resolution) for row in range(len(batch.rows))]
    found, expected = batch.complexity(resolution), Complexities.of(single)
    assert all(np.array_equal(found[name], expected[name]) for name in found)


# --- images -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wished", "found"),
    [
        ((1, 2, 2, 2), (1, 1, 2, 2, 1, 2, 1)),
        ((1, 1, 2, 2), (1, 1, 1, 2, 1, 2, 1)),
        ((2, 2, 2, 2), (1, 2, 2, 2, 1, 2, 1)),
        ((1,), (1, 1, 1, 1, 1, 1, 1)),
        ((4, 4, 4), (1, 2, 2, 2, 1, 2, 1)),
    ],
)
def test_the_latest_stages_keep_their_strides(wished: tuple[int, ...], found: tuple[int, ...]) -> None:
    assert latest((1, 2, 2, 2, 1, 2, 1), wished) == found


def test_small_images_have_narrower_networks_that_shrink_them_less() -> None:
    for one in networks(mnasnet("mnasnet[filters=1]").on(SMALL)):
        assert (one.stem_width, one.stem_stride, one.head_width, one.classes) == (16, 2, 640, 10)
        assert [stage.width for stage in one.stages] == [width // 2 for width in WIDTHS]
        assert [stage.stride for stage in one.stages] == [1, 1, 2, 2, 1, 2, 1]
    assert mnasnet().on(SMALL).sees() == "stem and stages see 14, 14, 14, 7, 4, 4, 2, 2 px"


def test_a_spec_outweighs_the_data_set() -> None:
    spec = "mnasnet[multiplier=1,filters=1,strides=1-2-1-2-1-1-1,stem_stride=1,stem_width=24,head_width=0]"
    for one in networks(mnasnet(spec).on(SMALL)):
        assert (one.stem_width, one.stem_stride, one.head_width) == (24, 1, 0)
        assert [stage.width for stage in one.stages] == list(WIDTHS)
        assert [stage.stride for stage in one.stages] == [1, 2, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("spec", ["mnasnet", "mobile", "efficientnet"])
def test_images_too_small_for_the_strides_are_refused_with_what_would_do(spec: str) -> None:
    space = make_space(spec).on(Images(resolution=16))
    says = (
        "16 px are too small for the strides 1-2-2-2-1-2-1 behind a stem of stride 2: stage 6 .* take --resolution 17"
    )
    with pytest.raises(UsageError, match=says):
        space.sample(1)
    assert make_space(spec).on(Images(resolution=32)).sample(1)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mnasnet[multiplier=0]", "multiplier is a number from 1/64"),
        ("mnasnet[layers_1=-1]", "layers_1 is a whole number from 0"),
        ("mnasnet[filters_3=many]", "filters_3 is a factor of MobileNetV2's 32 channels"),
        ("mnasnet[op_2=mb1]", "an op is conv, sep"),
        ("mnasnet[op=mb65]", "expansion from 2 to 64"),
        ("mnasnet[kernel=4]", "kernel_1 is an odd number"),
        ("mnasnet[skip_2=sometimes]", "skip_2 is one of none, identity, pool"),
        ("mnasnet[se_2=2]", "se_2: se is a number from 0 to 1"),
        ("mnasnet[strides=1-2-2]", "7 stages ask for 7 strides"),
        ("mnasnet[stem_stride=4]", "stem_stride is a whole number from 1 to 2"),
        ("mnasnet[activation=gelu]", "activation is one of relu, silu, relu6"),
        ("mnasnet[norm_eps=0]", "norm_eps is a number above 0"),
        ("mobile[stages=0]", "stages is a whole number from 1 to 20"),
        ("mobile[width_1=0]", "width_1 is a whole number from 1"),
        ("efficientnet[base=b1]", "base is one of b0, mnasnet-a1"),
        ("efficientnet[width=0]", "width is a factor of b0's"),
        ("efficientnet[depth=0.2:100]", "depth is a factor of b0's"),
    ],
)
def test_what_no_network_can_have_is_refused(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_space(spec)


def test_a_window_that_holds_no_network_says_what_can_be_attained() -> None:
    with pytest.raises(regnas.errors.InfeasibleWindow, match="attainable: flops"):
        regnas.space("mnasnet", flops=":1M", resolution=64).sample(1)


@pytest.mark.parametrize("spec", ["mnasnet", "mobile", "efficientnet"])
def test_textbook_networks_are_as_wide_as_the_window_allows(spec: str) -> None:
    space = make_space(spec).on(SMALL).within(Window.parse(flops="2M:2.2M"))
    found = baselines_of(space)
    assert [one.name.partition(",")[0] for one in found] == ["MobileNetV2", "MnasNet-A1"]
    for one in found:
        assert isinstance(one.architecture, Mobile)
        assert [stage.stride for stage in one.architecture.stages] == [1, 1, 2, 2, 1, 2, 1]
    assert [one.name for one in baselines_of(make_space(spec))] == ["MobileNetV2", "MnasNet-A1"]
    assert baselines_of(make_space("mobile[stages=3]")) == ()


# --- any stages -------------------------------------------------------------------------------------------------


def test_a_line_is_a_point_of_the_space_of_any_stages() -> None:
    space = make_space("mobile[stages=3]")
    assert isinstance(space, AnyMobileSpace)
    for candidate in space.sample(10):
        line = candidate.architecture.summary().line  # type: ignore[attr-defined]
        point = space.canonical(space.point_of_line(line))
        assert point == candidate.params
    with pytest.raises(UsageError, match="3 stages, and the line 1"):
        space.point_of_line("ds_r1_k3_s1_c8")
    with pytest.raises(UsageError, match=r"take mobile\[strides=1-1-1\]"):
        space.point_of_line("ds_r1_k3_s1_c8 ds_r1_k3_s1_c8 ds_r1_k3_s1_c8")


# --- EfficientNet -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", VECTORS["compound_scaling"]["rows"], ids=lambda row: f"{row['width']}-{row['depth']}")
def test_compound_scaling_is_that_of_timm_and_pycls(row: dict[str, Any]) -> None:
    space = make_space("efficientnet").on(Images(resolution=row["resolution"]))
    one = space.decode({"width": row["width"], "depth": row["depth"], "resolution": 1.0})
    assert isinstance(one, Mobile)
    assert [stage.width for stage in one.stages] == row["widths"]
    assert [stage.depth for stage in one.stages] == row["depths"]
    assert (one.stem_width, one.head_width, one.input_size) == (row["stem"], row["head"], 0)
    cost = one.complexity(row["resolution"])
    assert (cost.params, cost.flops, cost.activations) == (row["params"], row["flops"], row["acts"])


@pytest.mark.parametrize("row", VECTORS["compound_scaling"]["rows"], ids=lambda row: f"{row['width']}-{row['depth']}")
def test_a_network_of_the_kind_is_scaled_as_its_space_is(row: dict[str, Any]) -> None:
    scaling = Scaling(width=row["width"], depth=row["depth"], rounding="up")
    base = make_space("efficientnet").decode({"width": 1.0, "depth": 1.0, "resolution": 1.0})
    one, pixels = scale(base, row["resolution"], scaling)
    cost = one.complexity(pixels)
    assert (cost.params, cost.flops, cost.activations) == (row["params"], row["flops"], row["acts"])


def test_pictures_are_brought_to_more_pixels_where_a_network_brings_them_to_some() -> None:
    one = Mobile(stages=(Stage(width=16),), head_width=0, input_size=48)
    scaled = one.scaled(Scaling(resolution=1.5))
    assert (scaled.input_size, scaled.head_width, scaled.stages) == (72, 0, one.stages)


@given(st.floats(1, 100_000))
def test_filters_are_the_nearest_multiples_of_eight_and_never_below_nine_tenths(scaled: float) -> None:
    found = round_filter(scaled)
    assert found % 8 == 0 and found >= max(8, 0.9 * scaled)
    assert found - scaled <= 8


def test_depths_are_rounded_up_in_the_order_of_the_authors_floats() -> None:
    """1.1 x 10 is 11.000000000000002, so 12."""
    space = make_space("efficientnet")
    for depth in (1.1, 2.2, 0.7):
        one = space.decode({"width": 1.0, "depth": depth, "resolution": 1.0})
        assert isinstance(one, Mobile)
        assert [stage.depth for stage in one.stages] == [math.ceil(depth * base) for base in (1, 2, 2, 3, 3, 4, 1)]


def test_a_resolution_is_whole_pixels_of_the_data_set() -> None:
    space = make_space("efficientnet").on(Images(resolution=32, classes=10))
    point = {"width": 1.0, "depth": 1.0}
    sizes = {}
    for factor in (0.6, 1.0, 1.5, 1.55):
        one = space.decode({**point, "resolution": factor})
        assert isinstance(one, Mobile)
        sizes[factor] = one.input_size
    assert sizes == {0.6: 19, 1.0: 0, 1.5: 48, 1.55: 50}
    larger = space.decode({**point, "resolution": 1.5}).complexity(32)
    assert larger == space.on(Images(resolution=48, classes=10)).decode({**point, "resolution": 1.0}).complexity(48)


def test_a_resolution_too_small_for_the_strides_is_no_network_of_the_space() -> None:
    space = make_space("efficientnet[resolution=0.5]").on(Images(resolution=24))
    assert space.member({"width": 1.0, "depth": 1.0, "resolution": 0.5}) == "maps too small for the strides"
    with pytest.raises(regnas.errors.InfeasibleWindow, match="maps too small for the strides"):
        space.sample(1)


@pytest.mark.parametrize("base", ["b0", "mnasnet-a1", "mnasnet-b1", "mobilenetv2"])
def test_any_published_network_can_be_scaled(base: str) -> None:
    space = make_space(f"efficientnet[base={base}]")
    assert isinstance(space, EfficientNetSpace)
    one = space.decode({"width": 1.0, "depth": 1.0, "resolution": 1.0})
    assert isinstance(one, Mobile)
    assert [stage.width for stage in one.stages] == [stage.width for stage in space.base_stages]
    said = make_space(f"efficientnet[base={base},activation=silu]").sample(1)[0].architecture
    assert isinstance(said, Mobile) and said.activation == "silu"
    assert one.activation == {"b0": "silu", "mobilenetv2": "relu6"}.get(base, "relu")
    assert one.stages == space.base_stages or base.startswith("mnasnet")  # whose first skip says nothing
