"""The step that makes widths, bottleneck ratios and group widths fit each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.search_spaces.staged.compatibility import compatible

widths = st.integers(1, 2048)
groups = st.integers(1, 300)
whole_ratios = st.sampled_from([1, 2, 3, 4, 8])
inverted_ratios = st.sampled_from([1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8])
laws = settings(deadline=None, max_examples=300)


def _compatible(width: int, ratio: float, group: int) -> tuple[int, int]:
    adjusted, groups = compatible([width], [ratio], [group])
    return int(adjusted[0]), int(groups[0])


def _authors(width: int, ratio: float, group: int) -> tuple[int, int]:
    """The five steps in exact fractions (pycls ``blocks.adjust_block_compatibility``), for whole b or 1 / b."""
    b = Fraction(1) / round(ratio) if ratio >= 1 else Fraction(round(1 / ratio))
    v = max(1, int(width * b))
    g = min(group, v)
    m = int(np.lcm(g, int(b))) if b > 1 else g
    v = max(m, round(Fraction(v, m)) * m)
    return int(v / b), g


@given(widths, st.one_of(whole_ratios, inverted_ratios), groups)
@laws
def test_it_is_the_authors_step(width: int, ratio: float, group: int) -> None:
    assert _compatible(width, ratio, group) == _authors(width, ratio, group)


@given(widths, st.one_of(whole_ratios, inverted_ratios, st.floats(1, 16)), groups)
@laws
def test_groups_divide_the_bottleneck_whatever_goes_in(width: int, ratio: float, group: int) -> None:
    adjusted, group_width = _compatible(width, ratio, group)
    bottleneck = round(adjusted / ratio)
    assert 1 <= group_width <= group
    assert bottleneck >= group_width and bottleneck % group_width == 0


@given(widths, st.one_of(whole_ratios, inverted_ratios), groups)
@laws
def test_doing_it_again_changes_nothing(width: int, ratio: float, group: int) -> None:
    once = _compatible(width, ratio, group)
    assert _compatible(once[0], ratio, once[1]) == once
    assert _compatible(once[0], ratio, group) == once


@given(widths, groups)
@laws
def test_without_a_bottleneck_the_width_changes_by_at_most_a_third(width: int, group: int) -> None:
    """Appendix D's claim. Worst is 3/2 groups: 12 channels in groups of 8 become 16."""
    adjusted, _ = _compatible(width, 1, group)
    assert 3 * abs(adjusted - width) <= width


@given(widths, whole_ratios, groups)
@laws
def test_the_claim_holds_for_every_whole_ratio_that_divides_the_width(width: int, ratio: int, group: int) -> None:
    adjusted, _ = _compatible(width * ratio, ratio, group)
    assert 3 * abs(adjusted - width * ratio) <= width * ratio


@given(widths, st.integers(0, 3), st.integers(0, 8))
@laws
def test_the_claim_holds_for_inverted_bottlenecks_of_powers_of_two(width: int, times: int, group: int) -> None:
    """The width itself must be at least one channel of the common multiple, which powers of two share."""
    adjusted, _ = _compatible(width, 1 / 2**times, 2**group)
    assert 3 * abs(adjusted - width) <= width


def test_the_claim_does_not_hold_for_every_inverted_bottleneck() -> None:
    """b = 1/4 and groups of 21: the bottleneck is rounded to lcm(21, 4) = 84 channels, which 32 are far from."""
    assert _compatible(8, 1 / 4, 21) == (21, 21)


@pytest.mark.parametrize(
    ("width", "ratio", "group", "expected"),
    [
        pytest.param(12, 1, 8, (16, 8), id="1.5 groups round to 2"),
        pytest.param(20, 1, 8, (16, 8), id="2.5 groups round to 2, half to even"),
        pytest.param(392, 1, 16, (384, 16), id="24.5 groups of RegNetX-400MF round to 24"),
        pytest.param(8, 1, 32, (8, 8), id="a group wider than the width is the width"),
        pytest.param(16, 4, 8, (16, 4), id="a group wider than the bottleneck is the bottleneck"),
        pytest.param(2, 4, 8, (4, 1), id="a bottleneck has at least one channel"),
        pytest.param(100, 4, 8, (96, 8), id="the bottleneck of 25 rounds to 24"),
        pytest.param(24, 1 / 4, 1, (24, 1), id="inverted, depthwise"),
        pytest.param(24, 1 / 4, 32, (24, 32), id="inverted, a group wider than the width but not the bottleneck"),
        pytest.param(20, 1 / 4, 32, (16, 32), id="inverted, 2.5 groups"),
        pytest.param(8, 1 / 4, 64, (8, 32), id="inverted, a group wider than the bottleneck"),
        pytest.param(11, 1 / 6, 8, (12, 8), id="inverted, to a multiple of group and ratio"),
    ],
)
def test_examples(width: int, ratio: float, group: int, expected: tuple[int, int]) -> None:
    assert _compatible(width, ratio, group) == expected


def test_arrays_are_broadcast_and_stages_are_adjusted_apart() -> None:
    rows = np.array([[12, 40], [20, 100]])
    adjusted, group_widths = compatible(rows, np.array([[1], [4]]), np.array([[8], [8]]))
    assert adjusted.tolist() == [[16, 40], [20, 96]]
    assert group_widths.tolist() == [[8, 8], [5, 8]]
    assert adjusted.dtype == group_widths.dtype == np.int64
