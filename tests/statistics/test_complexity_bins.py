"""Complexity bins: what lies in which, which of them count, and that each of them weighs the same."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.statistics.bins import OUTSIDE, bin_weights, common_bins

complexities = st.lists(st.integers(0, 100), min_size=1, max_size=40)


def test_bins_share_the_range_that_both_populations_reach() -> None:
    # Overlap: 2 to 8; bins [2, 4), [4, 6), [6, 8].
    found = common_bins([[0, 2, 3.9, 4, 8], [2, 5, 6, 8, 9]], bins=3)
    assert found.edges.tolist() == [2, 4, 6, 8]
    assert found.counts.tolist() == [[2, 1, 1], [1, 1, 2]]
    assert found.used.tolist() == [True, True, True]
    assert [one.tolist() for one in found.members] == [[OUTSIDE, 0, 0, 1, 2], [0, 1, 2, 2, OUTSIDE]]
    assert found.coverage == 1


def test_a_bin_that_is_empty_for_one_population_counts_for_none() -> None:
    found = common_bins([[0, 1, 5, 9, 10], [0, 1, 9, 9, 10]], bins=5)
    assert found.counts.tolist() == [[2, 0, 1, 0, 2], [2, 0, 0, 0, 3]]
    assert found.used.tolist() == [True, False, False, False, True]
    # Bins that count are numbered on, so that their weights add up.
    assert [one.tolist() for one in found.members] == [[0, 0, OUTSIDE, 1, 1], [0, 0, 1, 1, 1]]
    assert found.coverage == 0.4


def test_a_bin_with_fewer_models_than_asked_for_is_not_used() -> None:
    values = [[0, 1, 9, 10], [0, 9, 9, 10]]
    assert common_bins(values, bins=2).used.tolist() == [True, True]
    found = common_bins(values, bins=2, least=2)
    assert found.used.tolist() == [False, True]
    assert [one.tolist() for one in found.members] == [[OUTSIDE, OUTSIDE, 0, 0], [OUTSIDE, 0, 0, 0]]


def test_a_range_fixed_beforehand_does_not_depend_on_the_populations() -> None:
    found = common_bins([[1, 3], [3, 12]], bins=2, low=0, high=10)
    assert found.edges.tolist() == [0, 5, 10]
    assert found.used.tolist() == [True, False]
    assert [one.tolist() for one in found.members] == [[0, 0], [0, OUTSIDE]]
    assert found.coverage == 0.5


def test_populations_that_share_one_complexity_have_one_bin() -> None:
    found = common_bins([[1, 3, 3], [3, 8]], bins=10)
    assert [one.tolist() for one in found.members] == [[OUTSIDE, 0, 0], [0, OUTSIDE]]
    assert found.coverage == 1


@given(st.lists(complexities, min_size=1, max_size=3), st.integers(1, 12), st.integers(0, 3))
@settings(deadline=None)
def test_models_are_counted_as_in_a_histogram_and_only_used_bins_have_members(
    populations: list[list[int]], bins: int, least: int
) -> None:
    if max(map(min, populations)) > min(map(max, populations)):
        with pytest.raises(UsageError, match="share no complexity"):
            common_bins(populations, bins=bins)
        return
    found = common_bins(populations, bins=bins, least=least)
    for one, counts, members in zip(populations, found.counts, found.members, strict=True):
        if len(found.edges) > 2 or found.edges[0] < found.edges[-1]:
            assert counts.tolist() == np.histogram(one, found.edges)[0].tolist()
        assert np.bincount(members[members >= 0], minlength=found.used.sum()).tolist() == counts[found.used].tolist()
    assert (found.counts[:, found.used] >= max(1, least)).all()
    assert (found.counts[:, ~found.used] < max(1, least)).any(axis=0).all()
    assert found.coverage == pytest.approx(np.mean(found.used))


@pytest.mark.parametrize(
    ("populations", "bins", "message"),
    [
        pytest.param([[1, 2], [3, 4]], 2, "share no complexity: one begins at 3, another ends at 2", id="apart"),
        pytest.param([[1, np.nan], [1, 2]], 2, "complexities are finite numbers, and number 1 is nan", id="NaN"),
        pytest.param([[1, 2], [1, np.inf]], 2, "complexities are finite numbers", id="infinite"),
        pytest.param([[1, 2], []], 2, "complexities need at least 1 values", id="nothing"),
        pytest.param([[1, 2], [1, 2]], 0, "bins are at least 1, got 0", id="no-bins"),
    ],
)
def test_a_range_that_is_not_shared_is_refused(populations: list[list[float]], bins: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        common_bins(populations, bins=bins)


def test_weights_are_one_over_bins_times_models() -> None:
    weights = bin_weights(np.array([0, 0, 1, OUTSIDE, 0, 1]))
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 4, 0, 1 / 6, 1 / 4])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 4), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_weights_sum_to_one_and_every_bin_weighs_the_same(sizes: list[int], outside: int, random: Random) -> None:
    members = np.repeat(np.arange(-1, len(sizes)), [outside, *sizes])
    members = np.array(random.sample(members.tolist(), len(members)))
    weights = bin_weights(members)
    assert weights.sum() == pytest.approx(1)
    assert (weights[members < 0] == 0).all()
    for number, size in enumerate(sizes):
        assert weights[members == number] == pytest.approx(np.full(size, 1 / (len(sizes) * size)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param([-1, -1], "no model lies in a bin that counts", id="all-outside"),
        pytest.param([], "no model lies in a bin that counts", id="nothing"),
        pytest.param([0, 2, 2], "bin 1 is empty", id="a-gap"),
    ],
)
def test_weights_need_models_in_every_bin(members: list[int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bin_weights(np.array(members, dtype=np.int64))
