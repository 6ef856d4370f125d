"""AnyNetX_A to AnyNetX_E."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from regnas.design_space import make_space
from regnas.dimension import Choice, LogUniform
from regnas.errors import UsageError
from regnas.sampling.stream import survey
from regnas.search_spaces.staged.anynet import AnyNetSpace
from regnas.search_spaces.staged.architecture import Staged


def _anynet(text: str) -> AnyNetSpace:
    space = make_space(text)
    assert isinstance(space, AnyNetSpace)
    return space


@pytest.mark.parametrize(
    ("name", "free", "size"),
    [
        # (16 * 128 * 3 * 6) ** 4 and its restrictions: Radosavovic et al. 2020, table 1, as exact integers. Ordered
        # stages are multisets, C(131, 4) widths and C(19, 4) depths, where the paper divides by 4!.
        ("anynetx-a", 16, (16 * 128 * 3 * 6) ** 4),
        ("anynetx-b", 13, (16 * 128 * 6) ** 4 * 3),
        ("anynetx-c", 10, (16 * 128) ** 4 * 3 * 6),
        ("anynetx-d", 10, math.comb(131, 4) * 16**4 * 18),
        ("anynetx-e", 10, math.comb(131, 4) * math.comb(19, 4) * 18),
    ],
)
def test_a_space_has_the_papers_size_and_parameters(name: str, free: int, size: int) -> None:
    space = _anynet(name)
    assert space.cardinality() == size
    assert len(space.distributions) == free


def test_sizes_as_they_are_quoted() -> None:
    quoted = {
        "anynetx-a": 1_846_757_322_198_614_016,
        "anynetx-b": 68_398_419_340_689_408,
        "anynetx-c": 316_659_348_799_488,
        "anynetx-d": 13_821_510_942_720,
        "anynetx-e": 817_446_539_520,
        # The last stage's depth exempt: C(131, 4) * C(18, 3) * 16 * 18.
        "anynetx-e[last_depth=free]": math.comb(131, 4) * math.comb(18, 3) * 16 * 18,
    }
    assert {name: _anynet(name).cardinality() for name in quoted} == quoted


@pytest.mark.parametrize("letter", "abcde")
def test_the_size_is_the_number_of_points_of_a_small_space(letter: str) -> None:
    """Counted point by point in a space of 2 stages, 3 depths, 3 widths, 2 ratios and 2 group widths."""
    text = f"anynetx-{letter}[stages=2,depth=1|2|3,width=8|16|24,bottleneck_ratio=1|2,group_width=1|2]"
    space = _anynet(text)
    grids = [law.values for law in space.dimensions.values() if isinstance(law, Choice)]
    points = (dict(zip(space.dimensions, values, strict=True)) for values in itertools.product(*grids))
    assert sum(space.contains(point) for point in points) == space.cardinality()


def test_the_ranges_are_the_papers() -> None:
    """Section 3.2: d <= 16 and w <= 1024 drawn log-uniformly, b of 1, 2, 4 and g of 1, 2, ..., 32."""
    laws = _anynet("anynetx-a").dimensions
    assert list(laws) == [
        f"{kind}_{stage}" for kind in ("depth", "width", "bottleneck_ratio", "group_width") for stage in range(1, 5)
    ]
    assert laws["depth_1"] == LogUniform(1, 16)
    assert laws["width_2"] == LogUniform(8, 1024, 8)
    assert laws["bottleneck_ratio_3"] == Choice((1, 2, 4))
    assert laws["group_width_4"] == Choice((1, 2, 4, 8, 16, 32))


@pytest.mark.parametrize("name", ["anynetx-b", "anynetx-c", "anynetx-d", "anynetx-e"])
def test_shared_parameters_are_the_same_in_every_stage(name: str) -> None:
    for candidate in _anynet(name).sample(50):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert set(network.bottleneck_ratios) == {candidate.params["bottleneck_ratio"]}
        if name != "anynetx-b":
            widest = candidate.params["group_width"]
            narrow = zip(network.bottleneck_widths, network.group_widths, strict=True)
            assert all(group == min(widest, inner) for inner, group in narrow)


def _stages(candidate_params: dict[str, int], kind: str) -> list[int]:
    return [candidate_params[f"{kind}_{stage}"] for stage in range(1, 5)]


def test_widths_of_d_and_e_and_depths_of_e_never_decrease() -> None:
    for name, rising in (("anynetx-d", ("width",)), ("anynetx-e", ("width", "depth"))):
        found = [candidate.params for candidate in _anynet(name).sample(200)]
        for kind in ("width", "depth"):
            all_rise = all(_stages(params, kind) == sorted(_stages(params, kind)) for params in found)
            assert all_rise == (kind in rising)


def test_a_sorted_draw_is_a_draw_of_the_unordered_law_sorted() -> None:
    """The mean of the widest stage equals that of the widest of four independent widths, within 5 standard errors."""
    widest = np.array([max(_stages(c.params, "width")) for c in _anynet("anynetx-d").sample(4000, duplicates="allow")])
    law = LogUniform(8, 1024, 8)
    values = np.arange(8, 1025, 8)
    start = law.low - 4  # pycls: log-uniform on (low - min(step, low / 2), high], rounded up
    below = np.log(values / start) / math.log(1024 / start)  # P(width <= value)
    chances = np.diff(below**4, prepend=0.0)
    mean = float((chances * values).sum())
    error = math.sqrt(float((chances * (values - mean) ** 2).sum()) / 4000)
    assert abs(widest.mean() - mean) < 5 * error


def test_the_last_depth_can_be_exempt_from_the_order() -> None:
    """The paper notes that the depths of good models rise "not necessarily in the last stage"."""
    found = [_stages(candidate.params, "depth") for candidate in _anynet("anynetx-e[last_depth=free]").sample(200)]
    assert all(depths[:3] == sorted(depths[:3]) for depths in found)
    assert any(depths[3] < depths[2] for depths in found)


def test_stages_of_other_laws_are_rejected_where_they_are_not_in_order() -> None:
    """Sorting would change which stage has which law."""
    space = _anynet("anynetx-d[width_2=64]")
    found = space.sample(50)
    for candidate in found:
        widths = _stages(candidate.params, "width")
        assert widths[1] == 64 and widths == sorted(widths)
    assert survey(space, draws=1000).rejected["order of the stages"] > 0
    assert not space.contains({**found[0].params, "width_1": 72})
    assert space.member({**found[0].params, "width_1": 72}) == "widths not rising"


def test_points_out_of_order_are_outside_and_their_canonical_form_is_sorted() -> None:
    space = _anynet("anynetx-e")
    point = space.sample(1)[0].params
    turned = {**point, "width_1": 1024, "width_2": 8, "depth_1": 16, "depth_2": 1}
    assert not space.contains(turned)
    again = space.canonical(turned)
    assert _stages(again, "width") == sorted(_stages(turned, "width"))
    assert _stages(again, "depth") == sorted(_stages(turned, "depth"))
    assert space.contains(again)


def test_a_key_without_a_stage_stands_for_all_stages() -> None:
    params = _anynet("anynetx-a[depth=2,width_3=64,group_width=8|16]").sample(1)[0].params
    assert _stages(params, "depth") == [2, 2, 2, 2]
    assert params["width_3"] == 64
    space = _anynet("anynetx-a[depth=1:4]")
    assert {space.dimensions[f"depth_{stage}"] for stage in range(1, 5)} == {LogUniform(1, 4)}


def test_a_stages_own_key_wins_over_the_one_for_all() -> None:
    for text in ("anynetx-a[depth=2,depth_3=5]", "anynetx-a[depth_3=5,depth=2]"):
        assert _stages(_anynet(text).sample(1)[0].params, "depth") == [2, 2, 5, 2]


def test_more_stages_bring_parameters_of_their_own() -> None:
    space = _anynet("anynetx-a[stages=5,depth_5=3]")
    candidate = space.sample(1)[0]
    assert candidate.params["depth_5"] == 3
    assert len(candidate.architecture.to_json()["depths"]) == 5
    with pytest.raises(UsageError, match="anynetx-a has no parameter or option 'depth_4'"):
        make_space("anynetx-a[stages=3,depth_4=3]")


def test_one_stage_whose_depth_is_free_is_a_space_too() -> None:
    space = _anynet("anynetx-e[stages=1,last_depth=free]")
    assert space.cardinality() == 16 * 128 * 18
    assert space.contains(space.sample(3)[2].params)


def test_stages_can_be_tied_to_each_other() -> None:
    for candidate in _anynet("anynetx-a[width_2=width_1,group_width_1=4]").sample(30):
        assert candidate.params["width_1"] == candidate.params["width_2"]
    with pytest.raises(UsageError, match="width_1 stands for 1 parameters and cannot be tied to 4"):
        make_space("anynetx-a[width=width_1]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("anynetx-d[last_depth=free]", "last_depth is rising or free, in spaces with rising depths; got 'free'"),
        ("anynetx-e[last_depth=maybe]", "last_depth is rising or free, .*; got 'maybe'"),
        ("anynetx-a[width=0]", "width_1 is a whole number from 1 to 1,048,576, got 0"),
        ("anynetx-a[depth_2=1.5]", "depth_2 is a whole number from 1 to 10,000, got 1.5"),
        ("anynetx-b[bottleneck_ratio_1=2]", "anynetx-b has no parameter or option 'bottleneck_ratio_1'"),
        ("anynetx-a[bottleneck_ratio=0.3]", "bottleneck_ratio_1 is w / w_b: .*; got 0.3"),
        ("anynetx-a[width=wide]", "width_1 is a whole number from 1 to 1,048,576, got 'wide'"),
        ("anynetx-a[wm=2]", "anynetx-a has no parameter or option 'wm'; its parameters are depth_1, "),
    ],
)
def test_an_option_that_no_anynet_has_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_space(text)


def test_ratios_left_out_of_a_description_are_one() -> None:
    point = {f"{kind}_{stage}": 8 for kind in ("depth", "width", "group_width") for stage in range(1, 5)}
    assert _anynet("anynetx-a").complete(point)["bottleneck_ratio_4"] == 1


def test_an_order_of_the_stages_is_an_option_of_every_space_with_stages() -> None:
    ordered, d = make_space("anynetx-c[order=width]"), make_space("anynetx-d")
    assert isinstance(ordered, AnyNetSpace) and isinstance(d, AnyNetSpace)
    assert (ordered.rising, ordered.cardinality()) == (d.rising, d.cardinality())
    assert ordered.spec == "anynetx-c[order=width]"
    both = make_space("resnet[order=depth|width]").sample(50, seed=1)
    for one in both:
        for kind in ("depth", "width"):
            values = [one.params[f"{kind}_{stage}"] for stage in (1, 2, 3)]
            assert values == sorted(values)


@pytest.mark.parametrize("value", ["groups", "bottleneck_ratio", "", "width|"])
def test_an_order_names_parameters_that_every_stage_has(value: str) -> None:
    with pytest.raises(UsageError, match="order names what never decreases, of depth, width"):
        make_space("anynetx-c").derive({"order": value})


def test_points_of_unequal_ordered_ranges_are_counted_one_by_one() -> None:
    space = make_space("anynetx-e[stages=2,width_1=8:24,width_2=16:32,depth=1:2,bottleneck_ratio=1,group_width=1]")
    assert isinstance(space, AnyNetSpace)
    widths = [(a, b) for a in (8, 16, 24) for b in (16, 24, 32) if a <= b]
    assert space.cardinality() == len(widths) * 3  # and depths 1 1, 1 2, 2 2
