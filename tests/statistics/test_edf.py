"""F(e) with its bands, area and quantiles, against their definitions, exact binomials and brute force."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats
from regnas.statistics.bins import bin_weights
from regnas.statistics.edf import area_below, bootstrap_band, dkw_half_width, edf, quantile

# Few values, so that many models tie; weights are whole numbers, so that shares are known exactly.
models = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 4)), min_size=1, max_size=30).filter(
    lambda rows: any(weight for _, weight in rows)
)


def test_only_models_strictly_below_count() -> None:
    assert edf([1, 2, 2, 3], [0, 1, 2, 2.5, 3, 3.5]).tolist() == [0, 0, 0.25, 0.75, 0.75, 1]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=50), st.lists(st.integers(-1, 21), min_size=1, max_size=20))
@settings(deadline=None)
def test_it_is_the_share_of_models_below(errors: list[int], at: list[int]) -> None:
    direct = [np.mean([error < e for error in errors]) for e in at]
    assert edf(errors, at) == pytest.approx(direct, abs=1e-12)


@given(models, st.lists(st.integers(-1, 21), min_size=1, max_size=20), st.floats(0.01, 100))
@settings(deadline=None)
def test_it_is_the_share_of_weight_below_on_any_scale_of_weights(
    rows: list[tuple[int, int]], at: list[int], scale: float
) -> None:
    total = sum(weight for _, weight in rows)
    direct = [sum(weight for error, weight in rows if error < e) / total for e in at]
    errors, weights = np.array(rows).T
    assert edf(errors, at, scale * weights) == pytest.approx(direct, abs=1e-12)


@pytest.mark.parametrize(
    ("errors", "weights", "message"),
    [
        pytest.param([], None, "errors need at least 1 values, got 0", id="nothing"),
        pytest.param([0.1, np.nan], None, "number 1 is nan", id="NaN"),
        pytest.param([0.1, np.inf], None, "number 1 is inf", id="infinite"),
        pytest.param([0.1, 0.2], [1], "got 1 weights for 2 models", id="another-length"),
        pytest.param([0.1, 0.2], [1, -1], "at least 0", id="negative"),
        pytest.param([0.1, 0.2], [0, 0], "not all 0", id="all-0"),
        pytest.param([0.1, 0.2], [1, np.nan], "weights are finite", id="weight-NaN"),
    ],
)
def test_errors_that_are_not_finite_and_weights_without_a_sum_are_refused(
    errors: list[float], weights: list[float] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        edf(errors, [0.5], weights)


def test_the_band_of_dvoretzky_kiefer_and_wolfowitz_has_its_width() -> None:
    assert dkw_half_width(100) == pytest.approx(math.sqrt(math.log(40) / 200), rel=1e-14)
    # It is the first term of Kolmogorov's series; the second is 2 exp(-8 x^2), below 1e-5 of it at 95 % and beyond.
    for confidence in (0.95, 0.99):
        assert dkw_half_width(10_000, confidence) * 100 == pytest.approx(stats.kstwobign.isf(1 - confidence), rel=1e-5)


@pytest.mark.parametrize(("count", "confidence"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_a_band_needs_models_and_a_confidence(count: int, confidence: float) -> None:
    with pytest.raises(UsageError, match="a band needs models"):
        dkw_half_width(count, confidence)


def test_the_band_of_dvoretzky_kiefer_and_wolfowitz_holds_the_whole_distribution() -> None:
    """5 standard errors of 4,000 populations, around the exact chance from Kolmogorov's distribution."""
    rng = np.random.default_rng(1)
    count, repeats, half = 30, 4000, dkw_half_width(30)
    inside = 0
    for errors in rng.random((repeats, count)):
        # F jumps at the errors only: its distance from the true one is largest right before or right after one.
        before, after = edf(errors, errors), edf(errors, np.nextafter(errors, 2))
        inside += max(np.abs(before - errors).max(), np.abs(after - errors).max()) <= half
    exact = stats.kstwo.cdf(half, count)
    assert exact >= 0.95  # Massart 1990: the constant holds at every size
    assert abs(inside / repeats - exact) <= 5 * math.sqrt(exact * (1 - exact) / repeats)


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_the_bootstrap_band_of_one_bin_has_the_quantiles_of_a_binomial(confidence: float) -> None:
    """Of n resampled models, Binomial(n, F) are below e. Tolerance: 5 standard errors of the level, in 100,000."""
    rng = np.random.default_rng(2)
    errors, repeats = rng.integers(1, 11, size=1000) / 10, 100_000
    at = np.arange(1, 12) / 10
    low, high = bootstrap_band(errors, at, confidence=confidence, repeats=repeats, rng=rng)
    tail = (1 - confidence) / 2
    slack = 5 * math.sqrt(tail * (1 - tail) / repeats)
    for ends, q in ((low, tail), (high, 1 - tail)):
        share = edf(errors, at)
        assert (1000 * ends >= stats.binom.ppf(q - slack, 1000, share) - 1e-9).all()
        assert (1000 * ends <= stats.binom.ppf(q + slack, 1000, share) + 1e-9).all()


def test_the_bootstrap_band_of_many_models_is_off_by_one_group_at_most() -> None:
    """Beyond 1,024 distinct errors the larger ones are in 512 groups: 9 of these 4,488 in the largest."""
    rng = np.random.default_rng(3)
    errors, repeats = rng.random(5000), 2000
    at = np.array([0.05, 0.2, 0.5, 0.9])
    low, high = bootstrap_band(errors, at, repeats=repeats, rng=rng)
    slack = 5 * math.sqrt(0.025 * 0.975 / repeats)
    for ends, q in ((low, 0.025), (high, 0.975)):
        share = edf(errors, at)
        assert (5000 * ends >= stats.binom.ppf(max(q - slack, 1e-6), 5000, share) - 9).all()
        assert (5000 * ends <= stats.binom.ppf(min(q + slack, 1 - 1e-6), 5000, share)).all()


def test_the_bootstrap_band_of_several_bins_is_that_of_resampling_models_within_them() -> None:
    rng = np.random.default_rng(4)
    members = np.repeat([0, 1, -1], [30, 9, 5])
    errors = rng.lognormal(-1.5, 0.5, size=len(members)) + 0.1 * members
    at, repeats = np.quantile(errors, [0.2, 0.5, 0.8]), 4000
    ends = bootstrap_band(errors, at, members, repeats=repeats, rng=rng)
    brute = np.array([_resampled_edf(errors, members, at, rng) for _ in range(repeats)])
    for found, q in zip(ends, (0.025, 0.975), strict=True):
        slack = 5 * math.sqrt(2 * q * (1 - q) / repeats)  # 5 standard errors of the level, both sides resampled
        below, above = np.quantile(brute, [max(q - slack, 0), min(q + slack, 1)], axis=0)
        assert ((found >= below - 1e-12) & (found <= above + 1e-12)).all()


def _resampled_edf(errors: Floats, members: Floats, at: Floats, rng: np.random.Generator) -> Floats:
    drawn = [rng.choice(np.flatnonzero(members == one), (members == one).sum()) for one in (0, 1)]
    places = np.concatenate(drawn)
    return edf(errors[places], at, bin_weights(members[places].astype(np.int64)))


def test_equal_seeds_give_equal_bands() -> None:
    errors = np.random.default_rng(5).random(50)
    first = bootstrap_band(errors, [0.3, 0.6], repeats=200, rng=np.random.default_rng(6))
    again = bootstrap_band(errors, [0.3, 0.6], repeats=200, rng=np.random.default_rng(6))
    other = bootstrap_band(errors, np.linspace(0, 1, 40), repeats=200, rng=np.random.default_rng(7))
    third = bootstrap_band(errors, np.linspace(0, 1, 40), repeats=200, rng=np.random.default_rng(6))
    assert np.array_equal(first, again)
    assert not np.array_equal(other, third)


@given(models, st.floats(0.5, 30))
@settings(deadline=None)
def test_the_area_is_one_minus_the_mean_share_of_the_limit(rows: list[tuple[int, int]], limit: float) -> None:
    errors, weights = np.array(rows, dtype=np.float64).T
    direct = 1 - sum(w * min(1.0, e / limit) for e, w in zip(errors, weights, strict=True)) / weights.sum()
    assert area_below(errors, limit, weights) == pytest.approx(direct, abs=1e-12)


@given(models, st.floats(0.5, 30))
@settings(deadline=None, max_examples=50)
def test_the_area_is_the_integral_of_the_distribution(rows: list[tuple[int, int]], limit: float) -> None:
    """F rises from 0 to 1 at most, so an integral over 20,000 midpoints is off by half a step at most."""
    errors, weights = np.array(rows, dtype=np.float64).T
    middles = (np.arange(20_000) + 0.5) / 20_000 * limit
    assert area_below(errors, limit, weights) == pytest.approx(edf(errors, middles, weights).mean(), abs=2.6e-5)


def test_the_area_goes_from_no_model_below_the_limit_to_perfect_models() -> None:
    assert area_below([0.5, 0.7], 0.5) == 0
    assert area_below([0.0, 0.0], 0.5) == 1
    with pytest.raises(UsageError, match="the area goes up to an error above 0"):
        area_below([0.5, 0.7], 0)


@given(models, st.fractions(0, 1, max_denominator=60))
@settings(deadline=None)
def test_a_quantile_is_the_smallest_error_that_reaches_the_share(rows: list[tuple[int, int]], q: Fraction) -> None:
    total = sum(weight for _, weight in rows)
    reaching = [e for e, _ in rows if sum(weight for error, weight in rows if error <= e) >= q * total]
    errors, weights = np.array(rows).T
    if q > 0:  # every error reaches a share of 0, and the smallest may have no weight
        assert quantile(errors, float(q), weights) == min(reaching)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_the_share_of_k_models_of_n_is_reached_by_the_kth_smallest(errors: list[int], data: st.DataObject) -> None:
    """k / n is not exact in floating point, and must not slip to the next model."""
    k = data.draw(st.integers(1, len(errors)))
    assert quantile(errors, k / len(errors)) == sorted(errors)[k - 1]
