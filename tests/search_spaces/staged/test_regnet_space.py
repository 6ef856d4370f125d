"""RegNet: the quantised line, its stages in arrays, and the named spaces.

Equations: Radosavovic et al. 2020, section 3.3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.costs import Complexities
from regnas.design_space import Params, make_space
from regnas.dimension import Choice, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.line import block_widths, level_width, levels, stage_arrays, stages_of
from regnas.search_spaces.staged.regnet import RegNetSpace

depths = st.integers(1, 64)
starts = st.integers(1, 32).map(lambda eighths: 8 * eighths)
slopes = st.one_of(st.just(0.0), st.integers(1, 2560).map(lambda tenths: tenths / 10))
ratios = st.integers(1100, 3000).map(lambda thousandths: thousandths / 1000)

Columns = dict[str, npt.NDArray[Any]]


def _regnet(text: str) -> RegNetSpace:
    space = make_space(text)
    assert isinstance(space, RegNetSpace)
    return space


def _scalar(depth: int, w0: float, wa: float, wm: float, stages: int) -> tuple[list[int], list[int]] | None:
    """Equations 2 to 4 block by block; None unless there are ``stages`` stages and no level is skipped or merged."""
    line = [w0 + wa * j for j in range(depth)]
    level = [round(math.log(u / w0) / math.log(wm)) for u in line]
    widths = [round(w0 * wm**k / 8) * 8 for k in level]
    distinct = sorted(set(widths))
    if len(distinct) != stages or max(level) + 1 != stages:
        return None
    return [widths.count(width) for width in distinct], distinct


def _agree(columns: Columns, stages: int) -> int:
    """Compare the arrays with the scalar equations; how many points have that number of stages."""
    found, stage_depths, stage_widths = stage_arrays(**columns, stages=stages)
    depth, w0, wa, wm = (columns[name].tolist() for name in ("depth", "w0", "wa", "wm"))
    expected = [_scalar(*point, stages) for point in zip(depth, w0, wa, wm, strict=True)]
    rows = [row for row, stages_of_row in enumerate(expected) if stages_of_row is not None]
    assert found.tolist() == rows
    assert list(zip(stage_depths.tolist(), stage_widths.tolist(), strict=True)) == [expected[row] for row in rows]
    return len(rows)


@given(depths, starts, slopes, ratios)
@settings(deadline=None, max_examples=200)
def test_block_widths_never_shrink_and_are_multiples_of_eight(depth: int, w0: int, wa: float, wm: float) -> None:
    widths = block_widths(depth, w0, wa, wm)
    assert len(widths) == depth
    assert widths[0] == w0
    assert (np.diff(widths) >= 0).all()
    assert all(width % 8 == 0 and width >= 8 for width in widths)


@given(depths, starts, slopes, ratios)
@settings(deadline=None, max_examples=200)
def test_levels_start_at_zero_and_follow_the_line_within_half_a_level(
    depth: int, w0: int, wa: float, wm: float
) -> None:
    for block, level in enumerate(levels(depth, w0, wa, wm)):
        assert abs(math.log((w0 + wa * block) / w0) / math.log(wm) - level) <= 0.5 + 1e-9


@given(depths, starts, slopes, ratios)
@settings(deadline=None, max_examples=200)
def test_stages_hold_all_blocks_in_rising_widths(depth: int, w0: int, wa: float, wm: float) -> None:
    widths = block_widths(depth, w0, wa, wm)
    stage_depths, stage_widths = stages_of(widths)
    assert [width for width, count in zip(stage_widths, stage_depths, strict=True) for _ in range(count)] == widths
    assert (np.diff(stage_widths) > 0).all()


def test_widths_are_rounded_half_to_even() -> None:
    """pycls rounds 8 * 2.5 / 8 = 2.5 to 2; half up would give 24."""
    assert level_width(8, 2.5, 1) == 16
    assert level_width(24, 1.5, 1) == 32  # 4.5


def test_levels_are_rounded_half_to_even() -> None:
    """wm = 2.25 has the exact root 1.5: the line meets it at half a level."""
    assert levels(2, 8, 4, 2.25) == [0, 0]  # 12 / 8 = 1.5: level 1/2 goes down to 0
    assert levels(2, 8, 19, 2.25) == [0, 2]  # 27 / 8 = 1.5 ** 3: level 3/2 goes up to 2


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 5])
def test_stages_in_arrays_equal_the_scalar_equations_on_random_points(stages: int) -> None:
    """10,000 draws from the law of RegNetX."""
    space = make_space("regnetx")
    drawn = space.draw(np.random.default_rng(stages), 10_000)
    assert _agree({name: drawn[name] for name in ("depth", "w0", "wa", "wm")}, stages) > 30


@pytest.mark.parametrize("stages", [3, 4, 5])
@pytest.mark.parametrize(
    "grid",
    [
        # Levels at exact halves: sqrt(2.25) = 1.5, so w0 + wa j = w0 * 1.5 ** (2 k - 1) has solutions.
        pytest.param({"w0": range(8, 129, 8), "wa": [2, 4, 8, 12, 16, 19, 24, 32, 38], "wm": [2.25]}, id="wm-2.25"),
        # Widths at exact halves: 8 * 2.5 = 2.5 quanta, 16 * 2.5 ** 2 = 12.5 quanta.
        pytest.param({"w0": [8, 16, 24, 48, 80], "wa": [4.0, 8.0, 12.5, 20.0, 31.2], "wm": [2.5]}, id="wm-2.5"),
        pytest.param({"w0": range(8, 65, 8), "wa": [4.0, 8.0, 16.0, 24.0], "wm": [1.5, 2.0, 3.0]}, id="wm-1.5-2-3"),
        # The line's last block at a level's border, and no slope at all.
        pytest.param({"w0": [8, 64], "wa": [0.0, 0.1, 4.0, 255.9], "wm": [1.5, 2.0, 2.25, 3.0]}, id="extremes"),
    ],
)
def test_stages_in_arrays_equal_the_scalar_equations_at_ties(grid: dict[str, Any], stages: int) -> None:
    mesh = np.meshgrid(np.arange(1, 41), grid["w0"], grid["wa"], grid["wm"], indexing="ij")
    columns = {name: values.ravel() for name, values in zip(("depth", "w0", "wa", "wm"), mesh, strict=True)}
    assert _agree(columns, stages) > 0


@pytest.mark.parametrize("stages", [3, 4, 5])
def test_stages_in_arrays_equal_the_scalar_equations_where_w0_is_wa(stages: int) -> None:
    """The paper's simplification u_j = wa (j + 1), with lines that do not start at a multiple of 8 too."""
    rng = np.random.default_rng(6)
    wa = np.round(rng.uniform(8, 256, 3000), 1)
    columns = {"depth": rng.integers(1, 64, 3000), "w0": wa, "wa": wa, "wm": np.round(rng.uniform(1.5, 3, 3000), 3)}
    assert _agree(columns, stages) > 30


def test_the_ranges_are_the_papers() -> None:
    """Section 3.3: d < 64, w0, wa < 256 (256 included in pycls), 1.5 <= wm <= 3, b and g as AnyNet."""
    expected = {
        "depth": Uniform(4, 63),
        "w0": LogUniform(8, 256, 8),
        "wa": LogUniform(8.0, 256.0, 0.1),
        "wm": LogUniform(1.5, 3.0, 0.001),
        "bottleneck_ratio": Choice((1, 2, 4)),
        "group_width": Choice((1, 2, 4, 8, 16, 32)),
    }
    assert dict(make_space("regnetx").dimensions) == expected
    assert dict(make_space("regnety").dimensions) == expected


def test_the_authors_sweep_has_the_ranges_of_their_sampler() -> None:
    """pycls ``sweep/config.py``, REGNET_SAMPLER (commit 5719de6)."""
    assert dict(make_space("regnetx-pycls").dimensions) == {
        "depth": Uniform(12, 28),
        "w0": LogUniform(8, 256, 8),
        "wa": LogUniform(8.0, 256.0, 0.1),
        "wm": LogUniform(2.0, 3.0, 0.001),
        "bottleneck_ratio": Choice((1,)),
        "group_width": LogUniform(8, 128, 8),
    }


def test_depth_is_uniform() -> None:
    """Mean of 17 equally likely depths, 12 to 28, over 4000 draws of a fixed seed, within 5 standard errors."""
    drawn = make_space("regnetx-pycls").draw(np.random.default_rng(7), 4000)["depth"]
    assert abs(drawn.mean() - 20) < 5 * math.sqrt((17**2 - 1) / 12 / 4000)
    assert set(drawn.tolist()) == set(range(12, 29))


def test_regnety_is_regnetx_with_squeeze_and_excitation() -> None:
    point = {"depth": 16, "w0": 48, "wa": 27.89, "wm": 2.09, "group_width": 8}
    plain, squeezing = (_regnet(name).decode(_regnet(name).complete(point)) for name in ("regnetx", "regnety"))
    assert (plain.se_ratio, squeezing.se_ratio) == (0, 0.25)
    assert {**squeezing.to_json(), "se_ratio": 0.0} == plain.to_json()


def test_the_constrained_space_caps_parameters_and_activations() -> None:
    """Section 4.2: params <= 3 + 5.5 F and acts <= 6.5 sqrt(F), in millions, with F in GF; bounds inclusive."""
    space = _regnet("regnetx-constrained")
    cost = Complexities(
        flops=np.array([4_000_000_000] * 4),
        params=np.array([25_000_000, 25_000_001, 25_000_000, 1]),
        activations=np.array([13_000_000, 13_000_000, 13_000_001, 1]),
    )
    assert space.admits(cost).tolist() == [True, False, False, True]
    assert _regnet("regnetx").admits(cost).all()


def test_every_constrained_candidate_keeps_the_caps() -> None:
    for candidate in make_space("regnetx-constrained").sample(300):
        giga = candidate.complexity.flops / 1e9
        assert candidate.complexity.params <= (3 + 5.5 * giga) * 1e6
        assert candidate.complexity.activations <= 6.5 * math.sqrt(giga) * 1e6
        assert 12 <= candidate.params["depth"] <= 28
        assert candidate.params["wm"] >= 2 and candidate.params["bottleneck_ratio"] == 1


@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_another_number_of_stages_filters_for_that_number(stages: int) -> None:
    for candidate in make_space(f"regnetx[stages={stages}]").sample(30):
        assert len(candidate.architecture.to_json()["depths"]) == stages


def test_a_point_with_another_number_of_stages_is_described_but_not_in_the_space() -> None:
    """Two stages: the golden network "x_3stage" of pycls; the last stride repeats or is left out."""
    space = _regnet("regnetx")
    point = space.complete({"depth": 12, "w0": 48, "wa": 12.5, "wm": 2.6, "group_width": 24})
    assert space.member(point) == "number of stages"
    assert not space.contains({**point, "group_width": 16})
    network = space.decode(point)
    assert (network.depths, network.widths, network.strides) == ((3, 9), (48, 120), (2, 2))
    five = space.decode(space.complete({"depth": 12, "w0": 8, "wa": 20, "wm": 2.5, "group_width": 8}))
    assert five.strides == (2, 2, 2, 2, 2)


def test_a_bottleneck_ratio_left_out_is_one() -> None:
    assert _regnet("regnetx").complete({"depth": 8, "w0": 8, "wa": 8, "wm": 2, "group_width": 8})[
        "bottleneck_ratio"
    ] == 1  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 0}, "depth is a whole number from 1 to 10,000, got 0"),
        ({"depth": 8.5}, "depth is a whole number from 1 to 10,000, got 8.5"),
        ({"w0": 25}, "w0 is a multiple of 8 from 8 to 1,048,576, got 25"),
        ({"w0": 0}, "w0 is a multiple of 8 from 8 to 1,048,576, got 0"),
        ({"wa": -0.1}, "wa is 0 to 1,048,576 channels per block, got -0.1"),
        ({"wm": 1}, "wm is above 1 and up to 1024, got 1"),
        ({"wm": "two"}, "wm is a number, got 'two'"),
        ({"group_width": 0.5}, "group_width is a whole number from 1 to 1,048,576, got 0.5"),
        (
            {"bottleneck_ratio": 0.3},
            "bottleneck_ratio is w / w_b: a number from 1 to 1024, or one over a whole number up to that; got 0.3",
        ),
        ({"bottleneck_ratio": 0}, "bottleneck_ratio is w / w_b: .*; got 0"),
    ],
)
def test_a_point_that_no_network_has_is_refused_with_its_value(change: Params, message: str) -> None:
    space = _regnet("regnetx")
    point = {"depth": 22, "w0": 24, "wa": 24.48, "wm": 2.54, "bottleneck_ratio": 1, "group_width": 16}
    assert isinstance(space.decode(point), Staged)
    with pytest.raises(UsageError, match=message):
        space.decode({**point, **change})


def test_a_tied_line_that_starts_at_nothing_is_refused() -> None:
    space = _regnet("regnetx[w0=wa]")
    with pytest.raises(UsageError, match="w0 is above 0 and up to 1,048,576 channels, got 0"):
        space.decode(space.complete({"depth": 8, "wa": 0, "wm": 2, "group_width": 8}))


@pytest.mark.parametrize("ratio", [0.25, 1.1, 1.5, 2.5, 3, 8])
def test_every_ratio_that_a_spec_allows_can_be_sampled(ratio: float) -> None:
    for candidate in make_space(f"regnetx[bottleneck_ratio={ratio}]").sample(100):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert all(w % g == 0 for w, g in zip(network.bottleneck_widths, network.group_widths, strict=True))
