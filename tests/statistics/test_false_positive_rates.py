"""Tests of two populations that are equal: how often do they see a difference?

5,000 pairs of small populations with skewed errors in two complexity bins that the populations fill unevenly. A rate
may exceed 5 % by 3 standard errors at most; permutation tests, which are exact, may not fall below by more either,
unless the statistic has few values.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.difference import normalised_difference
from regnas.statistics.two_sample import kolmogorov_smirnov, mann_whitney, weighted_kolmogorov_smirnov

SIMULATIONS = 5000
ALPHA = 0.05
SLACK = 3 * math.sqrt(ALPHA * (1 - ALPHA) / SIMULATIONS)
REPEATS = 199  # with it p is a multiple of 1 / 200, and 5 % is one of them
MEMBERS_A = np.repeat([0, 1], [14, 6])
MEMBERS_B = np.repeat([0, 1], [8, 12])
BINLESS = np.zeros(20, dtype=np.int64)

Measure = Callable[[Floats, Floats, np.random.Generator], float]


def _ks(a: Floats, b: Floats, rng: np.random.Generator) -> float:
    return kolmogorov_smirnov(a, b).p


def _mann_whitney(a: Floats, b: Floats, rng: np.random.Generator) -> float:
    return mann_whitney(a, b).p


def _weighted_ks(a: Floats, b: Floats, rng: np.random.Generator) -> float:
    return weighted_kolmogorov_smirnov(a, b, MEMBERS_A, MEMBERS_B, repeats=REPEATS, rng=rng).p


def _difference(a: Floats, b: Floats, rng: np.random.Generator) -> float:
    return normalised_difference(a, b, MEMBERS_A, MEMBERS_B, repeats=REPEATS, rng=rng).p


def _errors(members: Ints, digits: int, rng: np.random.Generator) -> Floats:
    """``(simulations, n)``: skewed, smaller and narrower in the second bin."""
    skewed = rng.lognormal(-1.5, 0.8, size=(SIMULATIONS, len(members)))
    errors: Floats = np.where(members == 1, 0.02 + 0.5 * skewed, 0.1 + skewed)
    return errors.round(digits)


def _rate(measure: Measure, members_a: Ints, members_b: Ints, digits: int) -> float:
    rng = np.random.default_rng(20_250_101)
    a, b = _errors(members_a, digits, rng), _errors(members_b, digits, rng)
    return float(np.mean([measure(x, y, rng) <= ALPHA + 1e-12 for x, y in zip(a, b, strict=True)]))


ties = pytest.mark.parametrize("digits", [pytest.param(15, id="continuous"), pytest.param(1, id="ties")])


@pytest.mark.slow
@ties
@pytest.mark.parametrize("measure", [_ks, _mann_whitney])
def test_tests_without_bins_see_a_difference_in_at_most_5_percent(measure: Measure, digits: int) -> None:
    # They compare the whole populations, so these are equal as a whole only where their bins are.
    rate = _rate(measure, BINLESS, BINLESS, digits)
    print(f"{measure.__name__} with {digits} digits: {rate:.4f}")
    assert rate <= ALPHA + SLACK


@pytest.mark.slow
@ties
@pytest.mark.parametrize("measure", [_weighted_ks, _difference])
def test_tests_within_bins_see_a_difference_in_5_percent(measure: Measure, digits: int) -> None:
    rate = _rate(measure, MEMBERS_A, MEMBERS_B, digits)
    print(f"{measure.__name__} with {digits} digits: {rate:.4f}")
    assert rate <= ALPHA + SLACK
    # Distances have few values where errors tie, and all permutations as far apart as the observed sides count.
    if digits > 1 or measure is _difference:
        assert rate >= ALPHA - SLACK


@pytest.mark.slow
def test_the_difference_of_larger_populations_with_unequal_spreads_is_seen_in_5_percent() -> None:
    """Equal means, where the smaller population spreads three times as wide: without its standard error the
    difference would be seen in an eighth of all cases. 3 standard errors of 2,000 simulations, and 1 % for the limit.
    """
    rng = np.random.default_rng(20_250_102)
    members_a, members_b = np.repeat([0, 1], [80, 40]), np.repeat([0, 1], [20, 40])
    found = []
    for _ in range(2000):
        a, b = rng.normal(members_a, 1), rng.normal(members_b, 3)
        found.append(normalised_difference(a, b, members_a, members_b, repeats=REPEATS, rng=rng).p <= ALPHA + 1e-12)
    rate = float(np.mean(found))
    print(f"unequal spreads: {rate:.4f}")
    assert abs(rate - ALPHA) <= 3 * math.sqrt(ALPHA * (1 - ALPHA) / 2000) + 0.01
