"""Power and numbers of models, against SciPy's exact tests, noncentral t, textbook tables and simulation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.power import (
    critical_distance,
    detectable_difference,
    detectable_distance,
    difference_power,
    distance_power,
    lehmann_exponent,
    models_for_difference,
    models_for_distance,
    models_for_equivalence,
)


@pytest.mark.parametrize(
    ("difference", "sd_a", "sd_b", "count"), [(1.0, 1.0, 1.0, 12), (1.5, 1.0, 3.0, 30), (0.0, 1.0, 2.0, 15)]
)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_power_is_that_of_welchs_t_in_a_simulation(
    difference: float, sd_a: float, sd_b: float, count: int, alpha: float
) -> None:
    """5 standard errors of 20,000 experiments, and 0.5 % for Satterthwaite's degrees of freedom, which the test
    estimates and the formula knows.
    """
    rng = np.random.default_rng(1)
    a, b = sd_a * rng.normal(size=(20_000, count)), difference + sd_b * rng.normal(size=(20_000, count))
    seen = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue <= alpha).mean()
    found = difference_power(difference, sd_a, sd_b, count, alpha=alpha)
    assert abs(found - seen) <= 5 * math.sqrt(found * (1 - found) / 20_000) + 0.005


@given(st.floats(0, 3), st.integers(2, 100), st.floats(0.001, 0.3))
@settings(deadline=None)
def test_with_equal_spreads_power_is_a_noncentral_t(difference: float, count: int, alpha: float) -> None:
    """The spread is averaged at 1,000 midpoints: within 0.2 %."""
    freedom, shift = 2 * count - 2, difference / math.sqrt(2 / count)
    edge = stats.t.isf(alpha / 2, freedom)
    upper, lower = stats.nct.sf(edge, freedom, shift), stats.nct.cdf(-edge, freedom, shift)
    exact = upper + (0 if math.isnan(lower) else lower)  # not a number, where it is below 1e-10
    assert difference_power(difference, 1, 1, count, alpha=alpha) == pytest.approx(exact, abs=2e-3)


def test_power_of_no_spread_and_of_single_models() -> None:
    assert difference_power(0.1, 0, 0, 5) == 1
    assert difference_power(0.1, 1, 1, 1) == 0
    assert difference_power(-0.5, 1, 2, 20) == difference_power(0.5, 1, 2, 20)


@pytest.mark.parametrize(("effect", "count"), [(0.5, 64), (0.8, 26)])
def test_models_for_a_difference_are_the_textbook_numbers(effect: float, count: int) -> None:
    # Cohen 1988, table 2.4.1: alpha 5 % two-sided, power 80 %.
    assert models_for_difference(effect, 1, 1) == count
    assert models_for_difference(-3 * effect, 3, 3) == count


@given(st.floats(0.15, 4), st.floats(0.1, 3), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([0.01, 0.05]))
@settings(deadline=None, max_examples=40)
def test_models_for_a_difference_are_the_fewest_that_see_it(
    difference: float, sd_b: float, power: float, alpha: float
) -> None:
    count = models_for_difference(difference, 1, sd_b, alpha=alpha, power=power)
    assert difference_power(difference, 1, sd_b, count, alpha=alpha) >= power
    assert difference_power(difference, 1, sd_b, count - 1, alpha=alpha) < power


@given(st.integers(3, 500), st.floats(0.1, 3), st.sampled_from([0.5, 0.8, 0.95]))
@settings(deadline=None, max_examples=15)
def test_the_detectable_difference_is_the_inverse(count: int, sd_b: float, power: float) -> None:
    found = detectable_difference(1, sd_b, count, power=power)
    assert difference_power(found, 1, sd_b, count) == pytest.approx(power, abs=1e-6)
    assert models_for_difference(found * (1 + 1e-6), 1, sd_b, power=power) == count
    assert models_for_difference(found * (1 - 1e-6), 1, sd_b, power=power) == count + 1


def test_the_detectable_difference_of_too_few_models_and_of_no_spread() -> None:
    assert detectable_difference(1, 1, 1) == math.inf
    assert detectable_difference(0, 0, 10) == 0


@pytest.mark.parametrize("difference", [0.0, math.nan, math.inf])
def test_a_difference_to_detect_is_a_number_above_0(difference: float) -> None:
    with pytest.raises(UsageError, match="a difference to detect is not 0"):
        models_for_difference(difference, 1, 1)


def test_a_difference_that_would_take_a_million_models_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 1,000,000 models"):
        models_for_difference(0.001, 1, 1)


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (1.0, 0.8), (0.05, 0.0), (0.05, 1.0)])
def test_alpha_and_power_are_probabilities(alpha: float, power: float) -> None:
    with pytest.raises(UsageError, match="alpha and power lie between 0 and 1"):
        models_for_difference(1, 1, 1, alpha=alpha, power=power)
    with pytest.raises(UsageError, match="alpha and power lie between 0 and 1"):
        detectable_difference(1, 1, 10, alpha=alpha, power=power)
    with pytest.raises(UsageError, match="alpha and power lie between 0 and 1"):
        models_for_distance(0.5, alpha=alpha, power=power)


def test_models_for_equivalence_by_hand() -> None:
    # 2 ((1.644854 + 1.281552) / 0.5)^2 = 68.5: both ends are missed with 10 % each.
    assert models_for_equivalence(0, 1, 1, 0.5) == 69
    # 2 ((1.644854 + 0.841621) / 0.25)^2 = 197.9: the far end is not missed.
    assert models_for_equivalence(-0.25, 1, 1, 0.5) == 198


@pytest.mark.parametrize(("difference", "sd_a", "sd_b"), [(0.0, 1.0, 1.0), (0.2, 1.0, 2.0), (-0.4, 0.5, 0.5)])
def test_so_many_models_are_practically_equal_as_often_as_asked(difference: float, sd_a: float, sd_b: float) -> None:
    """5 standard errors of 100,000 estimates."""
    count = models_for_equivalence(difference, sd_a, sd_b, 0.5, power=0.7)
    assert count is not None
    error = math.hypot(sd_a, sd_b) / math.sqrt(count)
    half = stats.norm.isf(0.05) * error
    estimates = np.random.default_rng(0).normal(difference, error, 100_000)
    inside = ((estimates - half >= -0.5) & (estimates + half <= 0.5)).mean()
    assert 0.7 - 5 * math.sqrt(0.21 / 100_000) <= inside <= 0.7 + 0.03  # one model more is up to 3 points more


@pytest.mark.parametrize("difference", [0.5, -0.5, 0.7])
def test_a_difference_outside_the_margin_is_never_equivalent(difference: float) -> None:
    assert models_for_equivalence(difference, 1, 1, 0.5) is None


@given(st.floats(0.001, 0.99))
@settings(deadline=None)
def test_lehmanns_alternative_is_the_distance_apart(distance: float) -> None:
    """The largest u - u^k over a grid that is finer where u^k falls; it is flat there, so that 1e-5 is plenty."""
    exponent = lehmann_exponent(distance)
    u = np.concatenate([np.linspace(0, 1, 20_001), 1 - np.geomspace(1e-9, 1, 20_001)])
    assert exponent > 1
    assert (u - u**exponent).max() == pytest.approx(distance, abs=1e-5)


def test_the_best_of_two_models_is_a_quarter_apart_from_one() -> None:
    assert lehmann_exponent(0.25) == pytest.approx(2)  # u - u^2 is largest at 1/2


@pytest.mark.parametrize("distance", [0.0, 1.0, -0.1, math.nan])
def test_a_distance_lies_between_0_and_1(distance: float) -> None:
    with pytest.raises(UsageError, match="a distance of two distributions lies between 0 and 1"):
        lehmann_exponent(distance)


@cache
def _scipys_p(steps: int, count: int) -> float:
    """Exact p of two samples that are ``steps / count`` apart."""
    a = np.arange(count)
    found = stats.ks_2samp(a, a + steps - 0.5, method="exact")
    assert found.statistic == pytest.approx(steps / count)
    return float(found.pvalue)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.2, 0.8])
@pytest.mark.parametrize("count", [5, 6, 9, 20, 50, 137, 1000])
def test_the_critical_distance_is_the_smallest_that_scipys_exact_test_rejects(count: int, alpha: float) -> None:
    steps = round(critical_distance(count, alpha) * count)
    assert critical_distance(count, alpha) == steps / count
    assert _scipys_p(steps, count) <= alpha < _scipys_p(steps - 1, count)


def test_three_models_are_never_significant() -> None:
    # By hand: the smallest p is 2 / C(6, 3) = 0.1 with 3 models of each, and 2 / C(8, 4) = 0.029 with 4.
    assert critical_distance(3) > 1
    assert critical_distance(4) == 1
    assert critical_distance(3, alpha=0.1001) == 1
    assert detectable_distance(3) == 1
    with pytest.raises(UsageError, match="a test needs models"):
        critical_distance(0)


def test_the_critical_distance_of_many_models_is_that_of_the_limit() -> None:
    limit = float(stats.kstwobign.isf(0.05))
    for count in (20_000, 20_001, 500_000):  # the formula changes at 20,000
        assert critical_distance(count) * math.sqrt(count / 2) == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize(("distance", "count"), [(0.35, 30), (0.2, 60), (0.6, 8)])
def test_the_power_of_a_distance_is_that_of_scipys_test_in_a_simulation(distance: float, count: int) -> None:
    """Exponential errors whose rates are 1 and k are Lehmann's alternative. 5 standard errors of both simulations,
    of 2,000 experiments here and of 20,000 there.
    """
    rng = np.random.default_rng(2)
    exponent = lehmann_exponent(distance)
    a, b = rng.exponential(size=(2000, count)), rng.exponential(1 / exponent, size=(2000, count))
    seen = np.mean([_scipys_p(steps, count) <= 0.05 for steps in _steps_apart(a, b).tolist()])
    found = distance_power(distance, count, simulations=20_000)
    assert 0.2 < found < 0.9  # or there is little to compare
    assert abs(found - seen) <= 5 * math.sqrt(found * (1 - found) * (1 / 2000 + 1 / 20_000))


def _steps_apart(a: Floats, b: Floats) -> Ints:
    """n D of pairs of samples: the largest difference of models up to an error, over all errors; ``(experiments,)``."""
    at = np.hstack([a, b])[:, :, None]
    steps = np.abs((a[:, None] <= at).sum(axis=2) - (b[:, None] <= at).sum(axis=2)).max(axis=1)
    assert steps[0] == round(stats.ks_2samp(a[0], b[0]).statistic * a.shape[1])
    return np.asarray(steps)


def test_equal_questions_about_a_distance_get_equal_answers() -> None:
    assert distance_power(0.3, 40) == distance_power(0.3, 40)
    assert distance_power(0.4, 40) > distance_power(0.3, 40)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_models_for_a_distance_have_the_power_and_a_tenth_fewer_do_not(power: float) -> None:
    """Power changes by 4 % over a tenth of the models, 4 standard errors of the 2,000 simulations."""
    count = models_for_distance(0.3, power=power)
    assert distance_power(0.3, count) >= power
    assert distance_power(0.3, math.floor(0.9 * count)) < power


def test_many_models_see_what_fewer_see_at_a_larger_distance() -> None:
    """The limit and the simulation agree at 8,000 models, within four standard errors of the two simulations."""
    distance, count = 0.02, 8000
    limit = distance_power(distance, count)
    exponent, critical = lehmann_exponent(distance), critical_distance(count)
    rng = np.random.default_rng(5)
    seen = [
        stats.ks_2samp(rng.random(count), 1 - rng.random(count) ** (1 / exponent), method="asymp").statistic >= critical
        for _ in range(500)
    ]
    assert 0.5 < limit < 0.95
    assert abs(np.mean(seen) - limit) < 4 * math.hypot(0.0224, 0.0112)
    assert distance_power(0.5, 1_000_000) == 1.0


@pytest.mark.parametrize("count", [10, 60])
def test_the_detectable_distance_has_the_power_and_a_step_less_does_not(count: int) -> None:
    """It is found to 1 / 1,024 by halving; equal random numbers, so that nothing here is chance."""
    found = detectable_distance(count)
    assert distance_power(found, count) >= 0.8
    assert distance_power(found - 1 / 1024, count) < 0.8
