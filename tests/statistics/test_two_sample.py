"""Two populations: statistics against their definitions, p values against all permutations, intervals against
brute-force bootstraps.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.bins import bin_weights
from regnas.statistics.difference import normalised_difference
from regnas.statistics.edf import edf
from regnas.statistics.two_sample import (
    kolmogorov_smirnov,
    mann_whitney,
    mean_difference,
    quantile_difference,
    weighted_kolmogorov_smirnov,
)

few_values = st.lists(st.integers(0, 12), min_size=1, max_size=20)  # many tie


def _distance(a: Floats, b: Floats, weights_a: Floats | None = None, weights_b: Floats | None = None) -> float:
    """sup |F_a - F_b|, read right before and right after every error."""
    at = np.concatenate([a, b, np.nextafter(a, np.inf), np.nextafter(b, np.inf)])
    return float(np.abs(edf(a, at, weights_a) - edf(b, at, weights_b)).max())


def _dealings(count: int, first: int) -> list[tuple[Ints, Ints]]:
    """All ways to give ``first`` of ``count`` places to one side and the others to the other."""
    ways = [np.array(some) for some in combinations(range(count), first)]
    return [(some, np.setdiff1d(np.arange(count), some)) for some in ways]


# SciPy gives up on some exact p values that are 1, and warns.
@pytest.mark.filterwarnings("ignore:ks_2samp")
@given(few_values, few_values)
@settings(deadline=None, max_examples=50)
def test_the_distance_is_the_largest_between_the_two_distributions(a: list[int], b: list[int]) -> None:
    found = kolmogorov_smirnov(a, b)
    assert found.statistic == pytest.approx(_distance(np.array(a, dtype=float), np.array(b, dtype=float)))
    scipys = stats.ks_2samp(a, b)
    assert (found.statistic, found.p, found.repeats) == (scipys.statistic, scipys.pvalue, 0)


def test_the_p_value_of_a_distance_is_the_share_of_dealings_that_are_as_far_apart() -> None:
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.5, 1.0):
        values = np.concatenate([rng.normal(size=5), shift + rng.normal(size=6)])
        seen = _distance(values[:5], values[5:])
        as_far = [_distance(values[one], values[other]) >= seen - 1e-12 for one, other in _dealings(11, 5)]
        assert kolmogorov_smirnov(values[:5], values[5:]).p == pytest.approx(np.mean(as_far))


def _in_bins(seed: int, sizes_a: list[int], sizes_b: list[int]) -> tuple[Floats, Floats, Ints, Ints]:
    """Errors of two populations that are equal within bins, and differ between bins."""
    rng = np.random.default_rng(seed)
    members_a, members_b = (np.repeat(np.arange(len(sizes)), sizes) for sizes in (sizes_a, sizes_b))
    a, b = (rng.lognormal(-1, 0.5, size=len(m)) + 0.3 * m for m in (members_a, members_b))
    return a, b, members_a, members_b


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 40))
@settings(deadline=None, max_examples=50)
def test_the_weighted_distance_is_the_largest_between_the_weighted_distributions(
    seed: int, bins: int, values: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes_a, sizes_b = rng.integers(1, 8, size=(2, bins)).tolist()
    members_a, members_b = (np.repeat(np.arange(bins), sizes) for sizes in (sizes_a, sizes_b))
    a, b = (rng.integers(values, size=len(m)).astype(float) for m in (members_a, members_b))
    found = weighted_kolmogorov_smirnov(a, b, members_a, members_b, repeats=1, rng=rng)
    slow = _distance(a, b, bin_weights(members_a), bin_weights(members_b))
    assert found.statistic == pytest.approx(slow, abs=1e-12)


@pytest.mark.filterwarnings("ignore:ks_2samp")  # as above
@given(few_values, few_values)
@settings(deadline=None, max_examples=50)
def test_with_one_bin_the_weighted_distance_is_the_plain_one(a: list[int], b: list[int]) -> None:
    bins_a, bins_b = np.zeros(len(a), dtype=int), np.zeros(len(b), dtype=int)
    found = weighted_kolmogorov_smirnov(a, b, bins_a, bins_b, repeats=1, rng=np.random.default_rng(0))
    assert found.statistic == pytest.approx(kolmogorov_smirnov(a, b).statistic, abs=1e-12)


def test_models_outside_the_bins_do_not_change_the_weighted_distance() -> None:
    a, b, members_a, members_b = _in_bins(2, [5, 3], [4, 6])
    plain = weighted_kolmogorov_smirnov(a, b, members_a, members_b, repeats=99, rng=np.random.default_rng(3))
    more = weighted_kolmogorov_smirnov(
        np.append(a, [0.0, 9.0]),
        np.insert(b, 0, -5.0),
        np.append(members_a, [-1, -1]),
        np.insert(members_b, 0, -1),
        repeats=99,
        rng=np.random.default_rng(3),
    )
    assert plain == more


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_the_p_value_of_the_weighted_distance_is_that_of_all_dealings_within_bins(shift: float) -> None:
    """5 standard errors of 9,999 permutations, around the share among all C(7, 3) C(6, 2) dealings."""
    a, b, members_a, members_b = _in_bins(4, [3, 2], [4, 4])
    b = b + shift
    found = weighted_kolmogorov_smirnov(a, b, members_a, members_b, repeats=9999, rng=np.random.default_rng(5))
    values = [np.concatenate([a[members_a == one], b[members_b == one]]) for one in (0, 1)]
    weights_a, weights_b = np.repeat([1 / 6, 1 / 4], [3, 2]), np.repeat([1 / 8, 1 / 8], [4, 4])
    seen = _distance(a, b, weights_a, weights_b)
    as_far = []
    for one, other in _dealings(7, 3):
        for third, fourth in _dealings(6, 2):
            first = np.concatenate([values[0][one], values[1][third]])
            second = np.concatenate([values[0][other], values[1][fourth]])
            as_far.append(_distance(first, second, weights_a, weights_b) >= seen - 1e-12)
    exact = float(np.mean(as_far))
    assert found.repeats == 9999
    assert abs(found.p - exact) <= 5 * math.sqrt(exact * (1 - exact) / 9999) + 1 / 10_000


def test_p_values_of_the_weighted_distance_are_uniform_where_the_populations_are_equal() -> None:
    """By Dvoretzky, Kiefer and Wolfowitz the share of 1,000 p values up to u is within 0.085 of u, but for 1 in 10^6;
    distances that tie make p larger by the share of ties, 2 % with these bins.
    """
    rng = np.random.default_rng(6)
    found = []
    for seed in range(1000):
        a, b, members_a, members_b = _in_bins(seed, [9, 4], [6, 7])
        found.append(weighted_kolmogorov_smirnov(a, b, members_a, members_b, repeats=99, rng=rng).p)
    levels = np.arange(1, 101) / 100
    shares = np.array([(np.array(found) <= level + 1e-12).mean() for level in levels])
    assert (shares - levels).max() <= 0.085
    assert (levels - shares).max() <= 0.085 + 0.02


def test_a_difference_in_one_bin_alone_is_seen() -> None:
    a, b, members_a, members_b = _in_bins(7, [40, 15], [20, 25])
    b = b + 2.0 * (members_b == 1)
    found = weighted_kolmogorov_smirnov(a, b, members_a, members_b, repeats=999, rng=np.random.default_rng(8))
    assert found.p == 1 / 1000
    # In the other bin nothing differs, so the distance is at most that of the bin's weight, a half.
    assert 0.3 <= found.statistic <= 0.8


@given(few_values, few_values)
@settings(deadline=None, max_examples=50)
def test_the_effect_of_mann_and_whitney_is_the_probability_of_a_smaller_error(a: list[int], b: list[int]) -> None:
    direct = np.mean([(x < y) + 0.5 * (x == y) for x in a for y in b])
    assert mann_whitney(a, b).statistic == pytest.approx(direct)
    assert mann_whitney(b, a).statistic == pytest.approx(1 - direct)


def test_the_p_value_of_mann_and_whitney_is_the_share_of_dealings_that_are_as_uneven() -> None:
    rng = np.random.default_rng(9)
    for shift in (0.3, 1.0, 1.5):
        values = np.concatenate([rng.normal(size=5), shift + rng.normal(size=6)])
        found = mann_whitney(values[:5], values[5:])

        def uneven(one: Ints, other: Ints, values: Floats = values) -> float:
            return abs(float((values[one][:, None] < values[other]).mean()) - 0.5)

        seen = abs(found.statistic - 0.5)
        as_uneven = [uneven(one, other) >= seen - 1e-12 for one, other in _dealings(11, 5)]
        assert found.p == pytest.approx(np.mean(as_uneven))


def test_populations_of_equal_errors_do_not_differ() -> None:
    assert (mann_whitney([1, 1, 1], [1, 1]).statistic, mann_whitney([1, 1, 1], [1, 1]).p) == (0.5, 1)
    assert (kolmogorov_smirnov([1, 1, 1], [1, 1]).statistic, kolmogorov_smirnov([1, 1, 1], [1, 1]).p) == (0, 1)


def test_an_interval_of_the_mean_difference_is_that_of_a_brute_force_bootstrap_of_welchs_t() -> None:
    rng = np.random.default_rng(10)
    a, b = rng.lognormal(-1, 0.6, size=15), rng.lognormal(-1.2, 0.4, size=25)
    repeats = 8000
    found = mean_difference(a, b, confidence=0.9, repeats=repeats, rng=rng)
    welch = stats.ttest_ind(a, b, equal_var=False)
    error = (a.mean() - b.mean()) / welch.statistic
    left, right = rng.choice(a, size=(repeats, 15)), rng.choice(b, size=(repeats, 25))
    # Centred, so that the resampled populations have no difference.
    ratios = stats.ttest_ind(left - a.mean(), right - b.mean(), axis=1, equal_var=False).statistic
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    slack = 5 * math.sqrt(2 * 0.05 * 0.95 / repeats)  # 5 standard errors of the level, both sides resampled
    for end, q in ((found.low, 0.95), (found.high, 0.05)):
        below, above = np.quantile(ratios, [q - slack, q + slack])
        assert below <= (found.estimate - end) / error <= above


def test_an_interval_of_the_mean_difference_holds_the_true_one_as_often_as_it_says() -> None:
    """5 standard errors of 600 simulations, 4.4 %: the studentised bootstrap errs by the order of 1 / n beside."""
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(600):
        a, b = rng.gamma(4, size=30), rng.normal(3, 1, size=40)
        found = mean_difference(a, b, repeats=399, rng=rng)
        inside += found.low <= 1 <= found.high
    assert abs(inside / 600 - 0.95) <= 5 * math.sqrt(0.05 * 0.95 / 600)


def test_an_interval_of_the_mean_difference_moves_with_its_populations_and_widens_with_confidence() -> None:
    a, b = np.random.default_rng(12).random((2, 20))
    plain, moved, wide = (
        mean_difference(a + shift, b, confidence=confidence, repeats=500, rng=np.random.default_rng(13))
        for shift, confidence in ((0, 0.9), (2, 0.9), (0, 0.99))
    )
    ends = [plain.estimate, plain.low, plain.high]
    assert [moved.estimate - 2, moved.low - 2, moved.high - 2] == pytest.approx(ends)
    assert wide.low < plain.low < plain.estimate < plain.high < wide.high
    assert (plain.confidence, wide.confidence) == (0.9, 0.99)


def test_constant_populations_differ_by_exactly_their_difference() -> None:
    found = mean_difference([0.5, 0.5], [0.25, 0.25, 0.25], rng=np.random.default_rng(14))
    assert (found.estimate, found.low, found.high) == (0.25, 0.25, 0.25)
    with pytest.raises(UsageError, match="errors need at least 2 values, got 1"):
        mean_difference([0.5], [0.25, 0.25], rng=np.random.default_rng(14))


@pytest.mark.parametrize(("q", "kth"), [(0.05, 2), (0.25, 10), (0.26, 11), (0.9, 36)])
def test_a_resampled_quantile_has_the_law_of_an_order_statistic(q: float, kth: int) -> None:
    """The k-th smallest of n resampled models is at most the j-th model with the chance that at least k of n draws
    are among the j smallest: a binomial. Tolerance: 5 standard errors of the level, in 20,000 repeats.
    """
    rng = np.random.default_rng(15)
    a, repeats = np.sort(rng.random(40)), 20_000
    found = quantile_difference(a, np.zeros(7), q, confidence=0.9, repeats=repeats, rng=rng)
    reached = stats.binom.sf(kth - 1, 40, np.arange(1, 41) / 40)
    assert found.estimate == a[kth - 1]
    slack = 5 * math.sqrt(0.05 * 0.95 / repeats)
    for end, level in ((found.low, 0.05), (found.high, 0.95)):
        first, last = np.searchsorted(reached, [level - slack, level + slack])
        assert a[first] <= end <= a[last]


def test_an_interval_of_the_quantile_difference_is_that_of_a_brute_force_bootstrap() -> None:
    rng = np.random.default_rng(16)
    a, b = rng.lognormal(-1, 0.6, size=40), rng.lognormal(-1.2, 0.4, size=60)
    repeats = 10_000
    found = quantile_difference(a, b, 0.1, confidence=0.9, repeats=repeats, rng=rng)
    left = np.sort(rng.choice(a, size=(repeats, 40)), axis=1)[:, 3]  # 10 % of 40 models are 4, of 60 they are 6
    right = np.sort(rng.choice(b, size=(repeats, 60)), axis=1)[:, 5]
    assert found.estimate == np.sort(a)[3] - np.sort(b)[5]
    slack = 5 * math.sqrt(2 * 0.05 * 0.95 / repeats)
    for end, q in ((found.low, 0.05), (found.high, 0.95)):
        below, above = np.quantile(left - right, [q - slack, q + slack])
        assert below <= end <= above


def test_spaces_whose_errors_are_all_equal_are_no_distance_apart() -> None:
    """Weights that cancel leave a rounding of 1e-16, which permutations must not be held against."""
    rng = np.random.default_rng(0)
    members_a, members_b = np.r_[0, 1, 2, rng.integers(0, 3, 9)], np.r_[0, 1, 2, rng.integers(0, 3, 14)]
    found = weighted_kolmogorov_smirnov(np.full(12, 0.5), np.full(17, 0.5), members_a, members_b, repeats=199, rng=rng)
    assert found.statistic == pytest.approx(0, abs=1e-12) and found.p == 1


def test_a_quantile_that_is_a_whole_number_of_models_is_that_model() -> None:
    """0.07 x 100 is 7.000000000000001 in floating point, and the 7 % quantile of 100 models their seventh."""
    found = quantile_difference(np.arange(100.0), np.zeros(100), 0.07, rng=np.random.default_rng(0))
    assert found.estimate == 6


def test_an_interval_of_few_models_with_ties_is_no_longer_than_the_errors_allow() -> None:
    """Resamples of equal errors have no spread: they are left out instead of being infinitely far away."""
    found = mean_difference([0.1, 0.1, 0.1, 0.2], [0.2, 0.2, 0.2, 0.3], rng=np.random.default_rng(0))
    assert found.estimate == pytest.approx(-0.1) and found.low < -0.1 < found.high
    assert found.high - found.low < 10


def test_two_models_of_each_have_no_interval() -> None:
    bins = np.zeros(2, dtype=np.int64)
    found = normalised_difference([0.1, 0.2], [0.3, 0.4], bins, bins, repeats=99, rng=np.random.default_rng(0))
    assert found.p > 0.1 and not np.isfinite(found.interval(0.99).high)
