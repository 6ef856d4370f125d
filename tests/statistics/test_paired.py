"""Paired comparisons of algorithms: brute force, symmetry, ties and equal pairs, false alarms."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats
from regnas.statistics.paired import paired_mean, vargha_delaney, wilcoxon
from regnas.statistics.two_sample import mann_whitney

# Whole numbers: their differences tie, and many pairs are equal.
pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=10).map(
    lambda rows: np.array(rows, dtype=np.float64).T
)
groups = st.lists(st.integers(0, 8), min_size=1, max_size=15)


def _share_of_signs(d: Floats) -> tuple[float, float]:
    """P(T <= t) and P(T >= t) over all signs of the differences, ranks of equal pairs kept out (Pratt)."""
    ranks = stats.rankdata(np.abs(d))[d != 0]
    signs = np.array(list(product([0, 1], repeat=len(ranks))))
    sums = signs @ ranks
    seen = ranks[d[d != 0] > 0].sum()
    return float((sums <= seen + 1e-9).mean()), float((sums >= seen - 1e-9).mean())


@given(pairs)
@settings(deadline=None)
def test_the_p_value_is_the_share_of_all_signs_that_are_as_extreme(both: Floats) -> None:
    a, b = both
    below, above = _share_of_signs(a - b)
    assert wilcoxon(a, b).p == pytest.approx(below)
    assert wilcoxon(a, b, "two-sided").p == pytest.approx(min(1, 2 * min(below, above)))


@given(st.integers(0, 10**6), st.integers(3, 50))
@settings(deadline=None, max_examples=50)
def test_without_ties_the_p_value_is_scipys_exact_one(seed: int, count: int) -> None:
    a, b = np.random.default_rng(seed).random((2, count))
    for alternative in ("less", "two-sided"):
        found = wilcoxon(a, b, alternative)
        assert found.p == pytest.approx(stats.wilcoxon(a, b, alternative=alternative, method="exact").pvalue)


@given(pairs)
@settings(deadline=None)
def test_swapping_the_algorithms_swaps_the_answer(both: Floats) -> None:
    a, b = both
    forth, back = wilcoxon(a, b), wilcoxon(b, a)
    assert forth.median == -back.median and forth.unequal == back.unequal
    ranks = stats.rankdata(np.abs(a - b))
    assert forth.statistic + back.statistic == pytest.approx(ranks[a != b].sum())
    assert forth.p + back.p >= 1 - 1e-12  # by the probability of what was seen, which both count
    assert wilcoxon(a, b, "two-sided").p == pytest.approx(wilcoxon(b, a, "two-sided").p)


@given(pairs, st.integers(1, 9), st.integers(-5, 5))
@settings(deadline=None)
def test_units_do_not_matter(both: Floats, scale: int, shift: int) -> None:
    a, b = both
    assert wilcoxon(scale * a + shift, scale * b + shift).p == pytest.approx(wilcoxon(a, b).p)


@pytest.mark.parametrize("count", [1, 5, 500])
def test_equal_pairs_are_equal_and_not_a_missing_number(count: int) -> None:
    a = np.linspace(0.1, 0.2, count)
    for alternative in ("less", "two-sided"):
        found = wilcoxon(a, a, alternative)
        assert (found.p, found.equal, found.median, found.pairs, found.unequal) == (1, True, 0, count, 0)
    same = paired_mean(a, a, rng=np.random.default_rng(0))
    assert same.estimate == 0 and (count == 1 or (same.low, same.high) == (0, 0))


@pytest.mark.parametrize("zeros", [0, 40])
def test_beyond_the_exact_pairs_the_p_value_is_close_to_the_exact_one(zeros: int) -> None:
    """Near the limit both can be had: 200 pairs exactly and 201 by the normal distribution, one of no weight apart."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=200)
    a[:zeros] = 0
    for shift in (0.0, 0.1, 0.2):
        moved = np.where(a == 0, 0, a - shift)
        exact = wilcoxon(moved, np.zeros(200))
        limit = wilcoxon(np.append(moved, 1e-9), np.zeros(201))  # the smallest rank of all, but for equal pairs
        assert limit.p == pytest.approx(exact.p, rel=0.1, abs=0.003)


def _exchangeable(rng: np.random.Generator, count: int, kind: str) -> tuple[Floats, Floats]:
    """Scores of two algorithms that are one: correlated within a pair, as paired seeds make them."""
    shared = rng.gamma(2, size=count)
    noise = rng.lognormal(size=(2, count)) if kind != "few values" else rng.integers(0, 3, size=(2, count))
    if kind == "mostly equal":
        noise[1] = np.where(rng.random(count) < 0.6, noise[0], noise[1])
    a, b = np.round(shared, 3) + noise if kind != "few values" else noise.astype(np.float64)
    return a, b


@pytest.mark.parametrize("kind", ["continuous", "few values", "mostly equal"])
@pytest.mark.parametrize("count", [10, 30, 250])
def test_an_algorithm_is_rarely_better_than_itself(count: int, kind: str) -> None:
    """One-sided at 0.05, 2,000 experiments: above 0.05 + 5 standard errors by chance less than once in a million.

    The exact test cannot exceed alpha; with 250 pairs the normal distribution errs by less than the 0.2 % granted.
    """
    rng = np.random.default_rng(2)
    rejected = np.mean([wilcoxon(*_exchangeable(rng, count, kind)).p <= 0.05 for _ in range(2000)])
    assert rejected <= 0.05 + 5 * math.sqrt(0.05 * 0.95 / 2000) + (0.002 if count > 200 else 0)
    if kind == "continuous":
        assert rejected >= 0.05 - 0.012 - 5 * math.sqrt(0.05 * 0.95 / 2000)  # ten pairs reach 4.2 %, not 5 %


def test_a_better_algorithm_is_found_better_and_not_worse() -> None:
    rng = np.random.default_rng(3)
    b = rng.random(30)
    a = b - rng.normal(0.05, 0.05, size=30)
    assert wilcoxon(a, b).p < 0.001 and wilcoxon(b, a).p > 0.99
    found = paired_mean(a, b, rng=rng)
    assert found.low < found.estimate < found.high < 0
    assert wilcoxon(a, b).median == pytest.approx(np.median(a - b))


def test_an_interval_of_the_mean_is_scipys() -> None:
    """BCa of 20 skewed differences; levels of 8,000 resamples within 5 standard errors, on both sides resampled."""
    rng = np.random.default_rng(4)
    d = rng.lognormal(size=20)
    found = paired_mean(d, np.zeros(20), confidence=0.9, repeats=8000, rng=rng)
    other = stats.bootstrap((d,), np.mean, confidence_level=0.9, n_resamples=8000, method="BCa", rng=rng)
    draws = np.sort(other.bootstrap_distribution)
    slack = 5 * math.sqrt(2 * 0.05 * 0.95 / 8000) * 2  # the levels are moved by the correction, by less than twice
    for end, theirs in ((found.low, other.confidence_interval.low), (found.high, other.confidence_interval.high)):
        level = np.searchsorted(draws, theirs) / len(draws)
        below, above = np.quantile(draws, [max(0, level - slack), min(1, level + slack)])
        assert below <= end <= above


def test_an_interval_of_the_mean_holds_it_about_as_often_as_it_says() -> None:
    """500 samples of 40 skewed differences: 5 standard errors, and 3 % that few skewed pairs are known to cost."""
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(500):
        found = paired_mean(rng.gamma(2, size=40), np.zeros(40), repeats=500, rng=rng)
        inside += found.low <= 2 <= found.high
    assert abs(inside / 500 - 0.95) <= 5 * math.sqrt(0.05 * 0.95 / 500) + 0.03


def test_an_interval_of_the_mean_moves_with_the_scores_and_depends_on_the_key_alone() -> None:
    a, b = np.random.default_rng(6).random((2, 25))
    plain, again, moved, swapped = (
        paired_mean(*both, rng=np.random.default_rng(7)) for both in ((a, b), (a, b), (a + 2, b), (b, a))
    )
    assert plain == again
    ends = [plain.estimate, plain.low, plain.high]
    assert [moved.estimate - 2, moved.low - 2, moved.high - 2] == pytest.approx(ends)
    assert [-swapped.estimate, -swapped.high, -swapped.low] == pytest.approx(ends, abs=2e-3)


def test_constant_differences_have_no_spread_and_one_pair_has_no_interval() -> None:
    steady = paired_mean([0.5, 1.5, 2.5], [0.25, 1.25, 2.25], rng=np.random.default_rng(8))
    assert (steady.estimate, steady.low, steady.high) == (0.25, 0.25, 0.25)
    single = paired_mean([0.5], [0.25], rng=np.random.default_rng(8))
    assert (single.estimate, single.low, single.high) == (0.25, -math.inf, math.inf)


@given(groups, groups)
@settings(deadline=None)
def test_the_effect_size_is_the_share_of_all_pairs_that_the_first_wins(a: list[int], b: list[int]) -> None:
    direct = np.mean([(x < y) + 0.5 * (x == y) for x in a for y in b])
    assert vargha_delaney(a, b) == pytest.approx(direct)
    assert vargha_delaney(a, b) == pytest.approx(mann_whitney(a, b).statistic)


@given(groups, groups)
@settings(deadline=None)
def test_effect_sizes_of_both_directions_make_a_whole_and_only_order_matters(a: list[int], b: list[int]) -> None:
    assert vargha_delaney(a, b) + vargha_delaney(b, a) == pytest.approx(1)
    assert vargha_delaney(np.exp(a), np.exp(b)) == vargha_delaney(a, b)
    assert vargha_delaney(a, a) == pytest.approx(0.5)


@given(groups)
def test_an_algorithm_that_always_wins_has_the_largest_effect(b: list[int]) -> None:
    assume(b)
    assert vargha_delaney([-1.0], b) == 1


def test_sides_of_different_length_and_unknown_alternatives_are_refused() -> None:
    with pytest.raises(UsageError, match="as many scores on both sides, got 2 and 3"):
        wilcoxon([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="'less' or 'two-sided', got 'more'"):
        wilcoxon([1, 2], [1, 3], "more")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="scores are finite numbers, and number 1 is nan"):
        wilcoxon([1, math.nan], [1, 3])
