"""How much of a ranking is noise: analysis of variance and rank correlation, by hand and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.noise import rank_correlation, variance_components

tables = st.tuples(st.integers(2, 8), st.integers(2, 4), st.integers(0, 10**6)).map(
    lambda shape: np.random.default_rng(shape[2]).normal(size=shape[:2])
)


def test_components_of_a_table_worked_by_hand() -> None:
    # Means 2, 6, 7 with variance 7; within networks variance 2. Between: 7 - 2 / 2 = 6.
    found = variance_components([[1, 3], [5, 7], [6, 8]], rng=np.random.default_rng(1))
    assert found.architecture == pytest.approx(math.sqrt(6))
    assert found.seed == pytest.approx(math.sqrt(2))
    assert found.ratio.estimate == pytest.approx(math.sqrt(3))
    assert (found.networks, found.seeds, found.ratio.confidence) == (3, 2, 0.9)


@given(tables)
@settings(deadline=None)
def test_components_follow_from_the_f_of_scipys_analysis_of_variance(table: np.ndarray[tuple[int, int]]) -> None:
    """E[MS between] = seed^2 + s architecture^2 and E[MS within] = seed^2, so (F - 1) / s is their squared ratio."""
    found = variance_components(table, repeats=1, rng=np.random.default_rng(1))
    f = float(stats.f_oneway(*table).statistic)
    assert found.seed == pytest.approx(math.sqrt(np.mean([one.var(ddof=1) for one in table])))
    assert found.ratio.estimate == pytest.approx(math.sqrt(max(f - 1, 0) / table.shape[1]), rel=1e-6, abs=1e-7)
    assert found.architecture == pytest.approx(found.seed * found.ratio.estimate)


def test_components_of_many_networks_are_the_true_ones() -> None:
    """Of 4,000 networks with 3 seeds: variances of mean squares are 2 ms^2 / df (normal errors); 5 standard errors."""
    rng = np.random.default_rng(2)
    table = 0.3 + 0.02 * rng.normal(size=(4000, 1)) + 0.01 * rng.normal(size=(4000, 3))
    found = variance_components(table, repeats=2, rng=rng)
    within, between = 0.01**2, 0.01**2 + 3 * 0.02**2
    error = math.sqrt(2 * between**2 / 3999 + 2 * within**2 / 8000) / 3
    assert abs(found.architecture**2 - 0.02**2) <= 5 * error
    assert abs(found.seed**2 - within) <= 5 * math.sqrt(2 * within**2 / 8000)


def test_seeds_that_explain_everything_leave_nothing_to_architectures() -> None:
    found = variance_components([[1, 3], [3, 1], [2, 2]], rng=np.random.default_rng(3))
    assert (found.architecture, found.ratio.estimate) == (0, 0)
    assert found.seed > 0


def test_seeds_that_explain_nothing_give_an_infinite_ratio() -> None:
    found = variance_components([[1, 1], [2, 2]], repeats=50, rng=np.random.default_rng(4))
    assert (found.seed, found.ratio.estimate, found.ratio.high) == (0, math.inf, math.inf)


def test_the_interval_of_the_ratio_is_that_of_resampling_networks() -> None:
    rng = np.random.default_rng(5)
    table = 2 * rng.normal(size=(25, 1)) + rng.normal(size=(25, 3))
    repeats = 3000
    found = variance_components(table, confidence=0.9, repeats=repeats, rng=rng)
    resamples = table[rng.integers(25, size=(repeats, 25))]
    f = stats.f_oneway(*resamples.transpose(1, 0, 2), axis=1).statistic
    brute = np.sqrt(np.maximum(f - 1, 0) / 3)
    slack = 5 * math.sqrt(2 * 0.05 * 0.95 / repeats)  # 5 standard errors of the level, both sides resampled
    for end, q in ((found.ratio.low, 0.05), (found.ratio.high, 0.95)):
        below, above = np.quantile(brute, [q - slack, q + slack])
        assert below <= end <= above


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([[1.0], [2.0]], id="one-seed"),
        pytest.param([[1.0, 2.0]], id="one-network"),
        pytest.param([1.0, 2.0], id="no-table"),
        pytest.param([[1.0, math.nan], [1.0, 2.0]], id="NaN"),
    ],
)
def test_noise_needs_two_networks_with_two_seeds_each(table: list[list[float]]) -> None:
    with pytest.raises(UsageError, match="noise needs finite errors of 2 networks with 2 seeds each"):
        variance_components(table, rng=np.random.default_rng(0))


def test_rank_correlation_of_rankings_worked_by_hand() -> None:
    # Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24).
    assert rank_correlation([0.1, 0.2, 0.3, 0.4, 0.5], [20, 10, 40, 30, 50]) == pytest.approx(0.8)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30))
@settings(deadline=None)
def test_rank_correlation_is_the_correlation_of_ranks_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    assume(np.ptp(first) > 0 and np.ptp(second) > 0)
    direct = np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1]
    assert rank_correlation(first, second) == pytest.approx(direct, abs=1e-9)


def test_a_constant_ranking_has_no_correlation() -> None:
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
    assert math.isnan(rank_correlation([1, 2, 3], [1, 1, 1]))


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2, 3]), ([1], [1])])
def test_rankings_are_of_the_same_models(first: list[float], second: list[float]) -> None:
    with pytest.raises(UsageError, match="two rankings of the same 2 or more models"):
        rank_correlation(first, second)
