"""Latency as a sum over layers: what is such a sum is found again, and the margin covers what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

import regnas
from regnas.evaluators.latency.predictor import features_of, fit, left_out
from regnas.evaluators.latency.screen import conformal
from regnas.testing.network_rules.small_network import SmallNetwork


def _seconds(row: dict[str, float]) -> float:
    """A made-up machine: 20 us, 3 us a layer, 50 us for a million multiply-adds, four times that in blocks of no 16."""
    slow = sum(row.get(f"{kind}.flops", 0) for kind in ("grouped", "depthwise.odd"))
    return 2e-5 + 3e-6 * row["all.layers"] + 5e-11 * (row["all.flops"] + 3 * slow)


@pytest.mark.parametrize("space", ["regnetx", "nasbench201", "darts"])
def test_a_sum_over_layers_is_found_from_thirty_networks(space: str) -> None:
    found = regnas.space(space, resolution=32, classes=10).sample(80, seed=1)
    rows = [features_of(one.architecture, 32) for one in found]
    seconds = [_seconds(row) for row in rows]
    predictor = fit(rows[:30], seconds[:30])
    expected = [predictor.seconds(row) for row in rows[30:]]
    assert kendalltau(expected, seconds[30:]).statistic > 0.9
    assert np.median(np.abs(np.log(np.array(expected) / seconds[30:]))) < 0.05


def test_what_a_network_takes_is_expected_by_the_others_alone() -> None:
    rows: list[dict[str, float]] = [{"all.layers": float(number)} for number in range(1, 12)]
    seconds = [1e-3 * row["all.layers"] for row in rows]
    disturbed = [*seconds[:-1], 100 * seconds[-1]]
    assert left_out(rows, disturbed)[-1] == pytest.approx(left_out(rows, seconds)[-1])
    assert left_out(rows, seconds) == pytest.approx(seconds, rel=0.1)  # the penalty shrinks by a few per cent


def test_a_network_that_does_not_know_its_layers_is_seen_by_its_costs() -> None:
    small, large = SmallNetwork((8, 16)), SmallNetwork((8, 64))
    assert features_of(small, 32) == dict(small.complexity(32))
    rows = [features_of(SmallNetwork((8, wide)), 32) for wide in range(8, 68, 4)]
    predictor = fit(rows, [1e-9 * row["flops"] for row in rows])
    assert predictor.seconds(features_of(small, 32)) < predictor.seconds(features_of(large, 32))


@given(st.lists(st.floats(-1, 1), min_size=10, max_size=50, unique=True), st.integers(0, 2**31))
def test_a_further_residual_of_the_same_law_is_rarely_above_the_conformal_one(values: list[float], seed: int) -> None:
    """Over all choices of the further one, exactly: the bound is violated by at most 5 %, or by 1 of n + 1."""
    residuals = np.random.default_rng(seed).permutation(np.array(values))
    above = sum(residuals[place] > conformal(np.delete(residuals, place)) for place in range(len(residuals)))
    assert above <= max(1, np.floor(0.05 * len(residuals)))
