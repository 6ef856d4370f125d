"""Looking several times: published boundaries, the chance to cross them, and a p value that has paid for all looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats
from regnas.statistics.sequential import nominal_levels, sequential_p, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def _scores(fractions: tuple[float, ...], paths: int, seed: int) -> Floats:
    """Z of every look where nothing differs, ``(paths, looks)``: Brownian motion over its own spread."""
    steps = np.sqrt(np.diff(fractions, prepend=0))
    motion = np.cumsum(np.random.default_rng(seed).normal(size=(paths, len(fractions))) * steps, axis=1)
    return np.asarray(motion / np.sqrt(fractions))


def test_boundaries_of_five_looks_are_the_published_ones() -> None:
    # Reboussin, DeMets, Kim and Lan 2000 (Controlled Clinical Trials 21), two-sided O'Brien-Fleming type at 5 %;
    # the same numbers come from the R package ldbounds. Their integration is coarser: the second is 3.3570.
    z = stats.norm.isf(np.array(nominal_levels(0.05, FIVE)) / 2)
    assert z == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=1.5e-4)


@pytest.mark.parametrize("fractions", [(0.2, 0.4), (0.5, 1.0), (0.9, 1.0)])
def test_the_second_boundary_is_that_of_adaptive_quadrature(fractions: tuple[float, float]) -> None:
    first, second = nominal_levels(0.05, fractions)
    root, step = math.sqrt(fractions[0]), math.sqrt(fractions[1] - fractions[0])
    edge, next_edge = stats.norm.isf(first / 2) * root, stats.norm.isf(second / 2) * math.sqrt(fractions[1])

    def crossing(score: float) -> float:
        ends = stats.norm.cdf((score - next_edge) / step) + stats.norm.cdf((-next_edge - score) / step)
        return float(stats.norm.pdf(score / root) / root * ends)

    crossed = integrate.quad(crossing, -edge, edge, epsabs=1e-12, epsrel=1e-10)[0]
    assert crossed == pytest.approx(spent(0.05, fractions[1]) - spent(0.05, fractions[0]), rel=1e-6)


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.3])
def test_a_single_look_at_all_data_has_all_of_alpha(alpha: float) -> None:
    assert nominal_levels(alpha, (1.0,)) == pytest.approx([alpha])
    assert spent(alpha, 1.0) == pytest.approx(alpha)


def test_what_is_spent_early_is_little() -> None:
    # By hand: 4 (1 - Phi(2.241403 / sqrt(0.5))), the quantile being that of 1 - 0.05 / 4.
    assert spent(0.05, 0.5) == pytest.approx(4 * stats.norm.sf(2.2414027 / math.sqrt(0.5)), rel=1e-6)
    assert nominal_levels(0.05, (0.5, 1.0))[0] == pytest.approx(spent(0.05, 0.5))


@pytest.mark.parametrize("fractions", [FIVE, (0.5, 1.0), (0.1, 0.15, 0.7), (0.3, 0.9, 0.95, 1.0)])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_boundaries_are_crossed_as_often_as_alpha_is_spent(alpha: float, fractions: tuple[float, ...]) -> None:
    """At every look so far together, within 5 standard errors of 100,000 paths where nothing differs."""
    bounds = stats.norm.isf(np.array(nominal_levels(alpha, fractions)) / 2)
    crossed = np.logical_or.accumulate(np.abs(_scores(fractions, 100_000, 1)) >= bounds, axis=1).mean(axis=0)
    due = np.array([spent(alpha, fraction) for fraction in fractions])
    assert (np.abs(crossed - due) <= 5 * np.sqrt(due * (1 - due) / 100_000)).all()


def test_later_looks_do_not_change_the_levels_of_earlier_ones() -> None:
    assert nominal_levels(0.05, (0.2, 0.4, 0.9))[:2] == nominal_levels(0.05, FIVE)[:2]


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.5, 0.4), (0.0, 1.0), (0.5, 1.1)])
def test_looks_see_ever_more_of_the_data(fractions: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="a look sees a fraction|looks see ever more"):
        nominal_levels(0.05, fractions)


@pytest.mark.parametrize("alpha", [1e-6, 0.001, 0.01, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_p_value_on_the_boundary_of_alpha_is_alpha(alpha: float, count: int) -> None:
    """Within 0.1 %."""
    level = nominal_levels(alpha, FIVE[:count])[-1]
    assert sequential_p(level, FIVE[:count]) == pytest.approx(alpha, rel=1e-3)


@given(st.floats(1e-12, 1), st.integers(1, 5), st.sampled_from([0.01, 0.05, 0.2]))
@settings(deadline=None)
def test_it_is_at_most_alpha_exactly_where_the_look_rejects(p: float, count: int, alpha: float) -> None:
    found = sequential_p(p, FIVE[:count])
    assume(abs(found / alpha - 1) > 1e-3)  # the interpolation is good to 0.1 %
    assert (found <= alpha) == (p <= nominal_levels(alpha, FIVE[:count])[-1])


@given(st.floats(1e-12, 1), st.floats(1e-12, 1), st.integers(1, 5))
@settings(deadline=None)
def test_a_smaller_p_value_is_never_worth_less(one: float, two: float, count: int) -> None:
    low, high = sorted((one, two))
    assert sequential_p(low, FIVE[:count]) <= sequential_p(high, FIVE[:count])


@pytest.mark.parametrize("p", [1e-6, 0.003, 0.05, 0.7])
def test_a_single_look_at_all_data_pays_nothing(p: float) -> None:
    assert sequential_p(p, [1.0]) == pytest.approx(p, rel=1e-3)


def test_looks_reject_in_alpha_of_all_cases_where_nothing_differs() -> None:
    """At any of the looks, 5 standard errors of 10,000 paths."""
    p_values = 2 * stats.norm.sf(np.abs(_scores(FIVE, 10_000, 2)))
    found = np.array([[sequential_p(p, FIVE[: k + 1]) for k, p in enumerate(row)] for row in p_values.tolist()])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert abs((found.min(axis=1) <= level).mean() - level) <= 5 * math.sqrt(level * (1 - level) / 10_000)


@pytest.mark.parametrize(("p", "fractions"), [(0.1, []), (1.1, [1.0]), (-0.1, [1.0]), (math.nan, [1.0])])
def test_a_look_has_a_p_value_and_a_fraction(p: float, fractions: list[float]) -> None:
    with pytest.raises(UsageError, match="a look has a p value in"):
        sequential_p(p, fractions)


def test_interim_reports_that_each_pay_as_the_only_look_err_little_more_than_alpha_together() -> None:
    """Ten unplanned looks: 6.4 % of 100,000 paths cross some boundary, and 19 % would at 5 % each. docs/compare.md."""
    fractions = tuple((np.arange(1, 11) / 10).tolist())
    p_values = 2 * stats.norm.sf(np.abs(_scores(fractions, 100_000, 3)))
    levels = np.array([nominal_levels(0.05, (fraction,))[-1] for fraction in fractions])
    paid, unpaid = ((p_values <= level).any(axis=1).mean() for level in (levels, 0.05))
    assert paid == pytest.approx(0.064, abs=0.005) and unpaid > 0.18
