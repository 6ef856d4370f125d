"""The difference of mean error at equal complexity: its formula, its exact permutation test, its interval."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.bins import bin_weights
from regnas.statistics.difference import Difference, normalised_difference

Side = list[Floats]  # errors of one population, by bin


def _side(bins: int) -> st.SearchStrategy[Side]:
    one = st.lists(st.integers(0, 20), min_size=2, max_size=7).map(lambda values: np.array(values) / 20)
    return st.lists(one, min_size=bins, max_size=bins)


sides = st.integers(1, 3).flatmap(lambda bins: st.tuples(_side(bins), _side(bins)))


def _random_side(rng: np.random.Generator, sizes: list[int], shift: float = 0.0) -> Side:
    return [shift + 0.2 * number + rng.lognormal(-1, 0.4, size=size) for number, size in enumerate(sizes)]


def _members(side: Side) -> Ints:
    return np.repeat(np.arange(len(side)), [len(one) for one in side])


def _found(a: Side, b: Side, repeats: int = 99, seed: int = 1) -> Difference:
    return normalised_difference(
        np.concatenate(a),
        np.concatenate(b),
        _members(a),
        _members(b),
        repeats=repeats,
        rng=np.random.default_rng(seed),
    )


def _slowly(a: Side, b: Side) -> tuple[float, float]:
    """Estimate and standard error: over k bins the mean of differences, each with Welch's standard error."""
    shift = sum(float(one.mean() - other.mean()) for one, other in zip(a, b, strict=True))
    square = sum(
        float(one.var(ddof=1)) / len(one) + float(other.var(ddof=1)) / len(other)
        for one, other in zip(a, b, strict=True)
    )
    return shift / len(a), math.sqrt(square) / len(a)


@given(sides)
@settings(deadline=None, max_examples=50)
def test_the_estimate_is_the_mean_over_bins_of_differences_of_means(both: tuple[Side, Side]) -> None:
    a, b = both
    estimate, error = _slowly(a, b)
    found = _found(a, b, repeats=1)
    assert found.estimate == pytest.approx(estimate, abs=1e-12)
    # Also the difference of means with the weights 1 / (k m).
    weighted = [bin_weights(_members(side)) @ np.concatenate(side) for side in both]
    assert found.estimate == pytest.approx(weighted[0] - weighted[1], abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-7)  # variances are differences of squares
    for side, sd in ((a, found.sd_a), (b, found.sd_b)):
        assert sd == pytest.approx(math.sqrt(np.mean([one.var(ddof=1) for one in side])), abs=1e-7)


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.4])
def test_the_p_value_of_one_bin_is_that_of_a_permutation_test_of_welchs_t(shift: float) -> None:
    """5 standard errors of 9,999 permutations, around scipy's exact test over all C(11, 5) dealings."""
    rng = np.random.default_rng(2)
    a, b = _random_side(rng, [5]), _random_side(rng, [6], shift)

    def welch(x: Floats, y: Floats, axis: int) -> Floats:
        return np.asarray(np.abs(stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic))

    exact = stats.permutation_test((a[0], b[0]), welch, vectorized=True, n_resamples=np.inf, alternative="greater")
    found = _found(a, b, repeats=9999)
    assert found.estimate / found.standard_error == pytest.approx(
        stats.ttest_ind(a[0], b[0], equal_var=False).statistic, rel=1e-9
    )
    tolerance = 5 * math.sqrt(exact.pvalue * (1 - exact.pvalue) / 9999) + 1 / 10_000
    assert abs(found.p - exact.pvalue) <= tolerance


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3])
def test_the_p_value_of_several_bins_is_that_of_all_dealings_within_them(shift: float) -> None:
    """5 standard errors of 9,999 permutations, around the share among all C(6, 3) C(6, 2) dealings."""
    rng = np.random.default_rng(3)
    a, b = _random_side(rng, [3, 2]), _random_side(rng, [3, 4], shift)
    pools = [np.concatenate(pair) for pair in zip(a, b, strict=True)]
    estimate, error = _slowly(a, b)
    as_large = []
    for first in combinations(range(6), 3):
        for second in combinations(range(6), 2):
            left = [pools[0][list(first)], pools[1][list(second)]]
            right = [np.delete(pools[0], first), np.delete(pools[1], second)]
            shifted, spread = _slowly(left, right)
            as_large.append(abs(shifted) / spread >= abs(estimate) / error * (1 - 1e-9))
    exact = float(np.mean(as_large))
    found = _found(a, b, repeats=9999)
    assert abs(found.p - exact) <= 5 * math.sqrt(exact * (1 - exact) / 9999) + 1 / 10_000


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.05])
def test_the_p_value_of_many_models_is_that_of_welchs_t(shift: float) -> None:
    """5 standard errors of 3,999 permutations, and 1 % for the normal limit at 300 models of each side."""
    rng = np.random.default_rng(4)
    a, b = _random_side(rng, [300]), _random_side(rng, [300], shift)
    limit = float(stats.ttest_ind(a[0], b[0], equal_var=False).pvalue)
    found = _found(a, b, repeats=3999)
    assert abs(found.p - limit) <= 5 * math.sqrt(limit * (1 - limit) / 3999) + 0.01


@given(sides, st.sampled_from([0.5, 0.8, 0.9, 0.95]), st.integers(0, 99))
@settings(deadline=None)
def test_the_interval_leaves_0_out_exactly_where_the_test_rejects(
    both: tuple[Side, Side], confidence: float, seed: int
) -> None:
    found = _found(*both, seed=seed)
    assume(found.standard_error > 1e-6)
    ends = found.interval(confidence)
    assert (ends.estimate, ends.confidence) == (found.estimate, confidence)
    assert ends.estimate - ends.low == pytest.approx(ends.high - ends.estimate)
    # With so few models a permutation is often the observed dealing again, and ties up to the last digits.
    out = max(ends.low, -ends.high) > 1e-9 * abs(ends.estimate)
    assert out == (found.p <= 1 - confidence + 1e-12)


def test_the_interval_of_many_models_is_that_of_welch() -> None:
    """The level of the end of a 95 % interval is known to 5 standard errors of 3,999 permutations: 1.7 %."""
    rng = np.random.default_rng(5)
    a, b = _random_side(rng, [200]), _random_side(rng, [250])
    found = _found(a, b, repeats=3999)
    half = (found.interval(0.95).high - found.estimate) / found.standard_error
    level = 5 * math.sqrt(0.05 * 0.95 / 3999)
    assert stats.norm.isf((0.05 + level) / 2) <= half <= stats.norm.isf((0.05 - level) / 2)


def test_too_few_permutations_for_a_confidence_give_an_interval_without_ends() -> None:
    rng = np.random.default_rng(6)
    found = _found(_random_side(rng, [5]), _random_side(rng, [5]), repeats=18)
    assert (found.interval(0.95).low, found.interval(0.95).high) == (-math.inf, math.inf)
    assert found.interval(0.9).high < math.inf


@given(sides)
@settings(deadline=None, max_examples=50)
def test_swapping_the_sides_turns_the_sign_and_nothing_else(both: tuple[Side, Side]) -> None:
    a, b = both
    forth, back = _found(a, b, repeats=1), _found(b, a, repeats=1)
    assert back.estimate == pytest.approx(-forth.estimate, abs=1e-12)
    # Variances are differences of squares: a spread of 0 may come out as 1e-9.
    assert back.standard_error == pytest.approx(forth.standard_error, abs=1e-7)
    assert (back.sd_a, back.sd_b) == pytest.approx((forth.sd_b, forth.sd_a), abs=1e-7)


def test_swapping_the_sides_gives_the_same_p_value_up_to_chance() -> None:
    """5 standard errors of two times 4,999 permutations."""
    rng = np.random.default_rng(7)
    a, b = _random_side(rng, [6, 4]), _random_side(rng, [5, 7], 0.15)
    forth, back = _found(a, b, 4999, seed=8), _found(b, a, 4999, seed=9)
    assert 0.02 < forth.p < 0.98  # or there is nothing to compare
    assert abs(forth.p - back.p) <= 5 * math.sqrt(2 * forth.p * (1 - forth.p) / 4999)


@given(st.floats(0.001, 1000), st.floats(-10, 10))
@settings(deadline=None, max_examples=30)
def test_errors_on_another_scale_give_the_same_p_value(scale: float, shift: float) -> None:
    rng = np.random.default_rng(10)
    a, b = _random_side(rng, [6, 4]), _random_side(rng, [5, 7], 0.1)
    plain = _found(a, b)
    other = _found([scale * one + shift for one in a], [scale * one + shift for one in b])
    assert other.p == plain.p
    assert other.estimate == pytest.approx(scale * plain.estimate, rel=1e-6)


def test_equal_seeds_give_equal_p_values() -> None:
    rng = np.random.default_rng(11)
    a, b = _random_side(rng, [6, 4]), _random_side(rng, [5, 7], 0.1)
    first, again, other = (_found(a, b, seed=seed) for seed in (1, 1, 2))
    assert first.permuted.tolist() == again.permuted.tolist() != other.permuted.tolist()
    assert (np.diff(first.permuted) <= 0).all() and len(first.permuted) == 99


def test_equal_constant_populations_do_not_differ() -> None:
    found = _found([np.full(3, 0.5), np.full(2, 0.25)], [np.full(2, 0.5), np.full(4, 0.25)])
    assert (found.estimate, found.standard_error, found.p) == (0, 0, 1)
    assert (found.interval(0.95).low, found.interval(0.95).high) == (0, 0)


def test_constant_populations_that_differ_have_the_smallest_p_value_of_so_few_models() -> None:
    # 2 of the C(4, 2) dealings are as far apart; with 12 models of each side fewer than one in 1,000.
    few = _found([np.zeros(2)], [np.ones(2)], repeats=999)
    many = _found([np.zeros(12)], [np.ones(12)], repeats=999)
    assert (few.estimate, few.p) == (-1, 1 / 3)
    assert (many.estimate, many.p) == (-1, 1 / 1000)


def test_models_outside_the_bins_are_ignored() -> None:
    rng = np.random.default_rng(12)
    a, b = _random_side(rng, [6, 4]), _random_side(rng, [5, 7])
    plain = _found(a, b)
    more = normalised_difference(
        np.append(np.concatenate(a), [7.0, 0.0]),
        np.insert(np.concatenate(b), 0, 99.0),
        np.append(_members(a), [-1, -1]),
        np.insert(_members(b), 0, -1),
        repeats=99,
        rng=np.random.default_rng(1),
    )
    assert (more.estimate, more.standard_error, more.p) == (plain.estimate, plain.standard_error, plain.p)


@pytest.mark.parametrize(
    ("members_a", "members_b"),
    [
        pytest.param([0, 0, 1], [0, 0, 1, 1], id="one-model-in-a-bin"),
        pytest.param([0, 0, 0], [0, 0, 1, 1], id="none-in-a-bin"),
        pytest.param([0, 0, 2, 2], [0, 0, 2, 2], id="a-gap"),
        pytest.param([-1, -1], [-1, -1], id="all-outside"),
    ],
)
def test_a_bin_with_fewer_than_two_models_of_a_side_is_refused(members_a: list[int], members_b: list[int]) -> None:
    a, b = (np.arange(len(members)) / 10 for members in (members_a, members_b))
    with pytest.raises(UsageError, match="every bin needs 2 models of each population"):
        normalised_difference(a, b, members_a, members_b, rng=np.random.default_rng(0))


def test_sides_that_are_constant_and_differ_have_the_p_value_of_the_rarest_dealing() -> None:
    """Sums of squares would leave a spread of 1e-9 here; 2 of the 252 dealings of ten models differ as much."""
    rng = np.random.default_rng(159)
    zeros = np.zeros(5, dtype=np.int64)
    found = normalised_difference(np.full(5, 0.5764021932696409), np.full(5, 0.3609621194843561), zeros, zeros, rng=rng)
    assert found.p == pytest.approx(2 / 252)
    assert found.interval(0.95).low > 0


def test_an_interval_does_not_leave_out_what_the_test_does_not_reject() -> None:
    """Two models a side can be dealt in six ways: p = 1 / 3 is the smallest there is."""
    zeros = np.zeros(2, dtype=np.int64)
    apart = normalised_difference([0, 0], [1, 1], zeros, zeros, rng=np.random.default_rng(0))
    assert apart.p == pytest.approx(1 / 3)
    assert apart.interval(0.95).low < 0 < apart.interval(0.95).high
    tied = normalised_difference(
        [0.2, 0, 0.3, 0],
        [0.1, 0.5, 0.2, 0.3],
        np.zeros(4, int),
        np.zeros(4, int),
        repeats=99,
        rng=np.random.default_rng(43),
    )
    for confidence in (0.5, 0.6, 0.7, 0.8, 0.9):
        interval = tied.interval(confidence)
        assert (interval.low > 0 or interval.high < 0) == (tied.p <= 1 - confidence + 1e-12)
