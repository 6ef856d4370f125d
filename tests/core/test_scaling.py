"""Factors of scaling, and how depths, widths, groups and pixels are rounded.

Golden values: ``tests/data/scaling-vectors.json``, made with timm 1.0.31 and facebookresearch/pycls at commit 5719de6.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.scaling import (
    Rounding,
    Scaling,
    scale,
    scaled_depth,
    scaled_group,
    scaled_resolution,
    scaled_width,
)
from regnas.testing.network_rules.small_network import SmallNetwork

VECTORS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "scaling-vectors.json").read_text()
)
# EfficientNet-B0: stem, widths, depths, head (Tan & Le 2019, table 1)
B0: dict[str, Any] = {
    "widths": (16, 24, 40, 80, 112, 192, 320),
    "depths": (1, 2, 2, 3, 3, 4, 1),
    "stem": 32,
    "head": 1280,
}

ROUNDINGS: tuple[Rounding, ...] = ("up", "even")

factors = st.floats(0.01, 100)
roundings = st.sampled_from(["even", "up"])


@pytest.mark.parametrize("row", VECTORS["compound_scaling"]["rows"], ids=lambda row: f"{row['width']}-{row['depth']}")
def test_numbers_of_efficientnet_are_rounded_as_its_authors_do(row: dict[str, Any]) -> None:
    scaling = Scaling(depth=row["depth"], width=row["width"], rounding="up")
    assert [scaled_width(width, scaling) for width in B0["widths"]] == row["widths"]
    assert [scaled_depth(depth, scaling) for depth in B0["depths"]] == row["depths"]
    assert [scaled_width(B0[part], scaling) for part in ("stem", "head")] == [row["stem"], row["head"]]


def test_depths_are_rounded_up_from_what_floats_make_of_the_product() -> None:
    """1.1 * 50 is 55.00000000000001 in floats, and the authors' formula has 56 of it."""
    assert scaled_depth(50, Scaling(depth=1.1, rounding="up")) == 56
    assert scaled_depth(50, Scaling(depth=1.1)) == 55


def test_halves_are_rounded_to_even() -> None:
    assert [scaled_depth(depth, Scaling(depth=0.5)) for depth in (1, 3, 5)] == [1, 2, 2]
    assert [scaled_width(8, Scaling(width=width)) for width in (1.5, 2.5)] == [16, 16]


@pytest.mark.parametrize(
    ("group", "factor", "found"), [(2, 1.2, 2), (2, 2.4, 4), (8, 0.2, 2), (16, 1.32, 24), (6, 1.1, 8)]
)
def test_groups_are_few_channels_or_a_multiple_of_eight(group: int, factor: float, found: int) -> None:
    """By the rule of pycls ``models/scaler.py``: up to 2 as they are, up to 5 are 4."""
    assert scaled_group(group, Scaling(group=factor)) == found


@given(st.integers(1, 5000), factors, roundings, st.sampled_from([2, 4, 8]))
def test_a_width_is_a_multiple_within_half_a_step_or_a_tenth(
    width: int, factor: float, rounding: Rounding, multiple: int
) -> None:
    found, exact = scaled_width(width, Scaling(width=factor, rounding=rounding), multiple), factor * width
    if factor == 1:
        assert found == width
        return
    assert found % multiple == 0 and found >= multiple
    if rounding == "even":
        assert abs(found - exact) <= multiple / 2 + 1e-9 or found == multiple
    else:
        assert found >= 0.9 * exact - 1e-9 and found - exact <= multiple


@given(st.integers(1, 500), factors)
def test_a_depth_rounded_up_is_not_below_the_nearest(depth: int, factor: float) -> None:
    up, even = (scaled_depth(depth, Scaling(depth=factor, rounding=one)) for one in ROUNDINGS)
    assert up >= even >= 1 and up - even <= 1
    assert up >= factor * depth


@given(st.integers(4, 1000), st.floats(0.1, 10))
def test_pixels_are_a_multiple_of_four_within_two(resolution: int, factor: float) -> None:
    found = scaled_resolution(resolution, Scaling(resolution=factor))
    assert found == resolution if factor == 1 else found % 4 == 0
    assert factor == 1 or found == 4 or abs(found - factor * resolution) <= 2 + 1e-9


@pytest.mark.parametrize("wrong", [0, -1, math.inf, math.nan, True, "2", 1e7])
def test_a_factor_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="a factor of width is a number from 1e-06 to 1e"):
        Scaling(width=wrong)


def test_more_pixels_than_images_have_are_refused() -> None:
    with pytest.raises(UsageError, match="up to 65,536 px"):
        scaled_resolution(224, Scaling(resolution=1000))


def test_a_network_that_cannot_be_scaled_says_so() -> None:
    with pytest.raises(UsageError, match="cannot be scaled: it has no method scaled"):
        scale(SmallNetwork((8, 16)), 32, Scaling(width=2))
