"""Rank correlations at equal complexity, and their bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.rank_correlation import bootstrap, kendall, kendall_bootstrap, percentiles, rank_correlations


@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.integers(2, 9))
def test_with_one_bin_it_is_spearmans(seed: int, count: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score, target = rng.integers(levels, size=count), rng.integers(levels, size=count)
    found = rank_correlations(score, target)[0]
    if np.ptp(score) and np.ptp(target):
        assert found == pytest.approx(stats.spearmanr(score, target).statistic, abs=1e-12)
    else:
        assert np.isnan(found)


def test_what_only_says_the_bin_says_nothing_at_equal_complexity() -> None:
    """A score that is the complexity itself, and a target that rises with it: 0 within bins is unknown, not 1."""
    bins = np.repeat([0, 1, 2], 5)
    target = 10 * bins + np.tile(np.arange(5), 3)
    size, good = bins.astype(float), np.tile(np.arange(5.0), 3)
    overall, within = rank_correlations([size, good], target), rank_correlations([size, good], target, bins)
    assert overall[0] > 0.9 and np.isnan(within[0])
    assert overall[1] < 0.5 and within[1] == pytest.approx(1)


@given(st.integers(0, 2**32 - 1))
def test_a_rising_function_of_a_score_has_the_same_correlation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, target, bins = rng.normal(size=20), rng.normal(size=20), rng.integers(3, size=20)
    found = rank_correlations([score, np.exp(score)], target, bins)
    assert found[0] == pytest.approx(found[1], abs=1e-12, nan_ok=True)


def test_the_bootstrap_covers_the_correlation_of_the_population() -> None:
    """Of a bivariate normal law with r = 0.6: Spearman's is 6 / pi asin(r / 2) = 0.582 (Kruskal 1958)."""
    truth, covered = 6 / np.pi * np.arcsin(0.3), 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        one, other = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=60).T
        draws = bootstrap(one, other, repeats=200, rng=rng)[:, 0]
        interval = percentiles(float(rank_correlations(one, other)[0]), draws)
        covered += interval.low <= truth <= interval.high
    assert covered >= 50  # of 60 at 95 %: fewer happen with probability 0.0004


def test_all_scores_meet_the_same_samples() -> None:
    rng = np.random.default_rng(0)
    score, target = rng.normal(size=15), rng.normal(size=15)
    drawn = bootstrap([score, 2 * score, -score], target, repeats=50, rng=rng)
    assert np.allclose(drawn[:, 0], drawn[:, 1]) and np.allclose(drawn[:, 0], -drawn[:, 2])


def test_kendalls_tau_counts_pairs() -> None:
    assert kendall([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)


def test_numbers_that_cannot_be_ordered_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 4"):
        rank_correlations([1, 2, 3], [1, 2, 3])
    with pytest.raises(UsageError, match="finite"):
        rank_correlations([1, 2, np.nan, 3], [1, 2, 3, 4])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 6))
def test_the_bootstrap_of_kendalls_tau_is_tau_of_samples_ties_and_all(seed: int, count: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score, target = rng.integers(levels, size=count), rng.integers(levels, size=count)
    found = kendall_bootstrap(score, target, repeats=5, rng=np.random.default_rng(seed))
    again = np.random.default_rng(seed)
    for value in found:
        rows = again.integers(count, size=count)
        assert value == pytest.approx(stats.kendalltau(score[rows], target[rows]).statistic, abs=1e-12, nan_ok=True)
