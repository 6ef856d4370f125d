"""Anytime curves: incumbents step by step, steps at given times, summaries against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.statistics.anytime import against, curve_summary, incumbents
from regnas.statistics.arrays import Floats

signals = st.lists(
    st.one_of(st.integers(-4, 4).map(float), st.sampled_from([math.nan, math.inf, -math.inf])), min_size=1, max_size=15
).map(np.array)


def _slow(signal: Floats, score: Floats) -> list[float]:
    """Evaluation by evaluation."""
    best, shown, found = math.inf, math.nan, []
    for seen, value in zip(signal.tolist(), score.tolist(), strict=True):
        if math.isfinite(seen) and seen < best:
            best, shown = seen, value
        found.append(shown)
    return found


@given(signals)
def test_the_network_that_looks_best_so_far_is_returned(signal: Floats) -> None:
    score = np.arange(len(signal)) / 10  # tells the networks apart: the first of equals stays
    assert np.array_equal(incumbents(signal, score), _slow(signal, score), equal_nan=True)


@given(signals)
def test_only_the_order_of_the_signal_matters(signal: Floats) -> None:
    score = np.arange(len(signal), dtype=np.float64)
    bent = np.where(np.isfinite(signal), np.exp(np.where(np.isfinite(signal), signal, 0)) - 3, signal)
    assert np.array_equal(incumbents(bent, score), incumbents(signal, score), equal_nan=True)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 30))
def test_many_runs_at_once_are_each_run_alone(seed: int, runs: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    signal, score = rng.integers(0, 9, size=(runs, count)).astype(float), rng.random((runs, count))
    signal[rng.random((runs, count)) < 0.2] = math.nan
    alone = [incumbents(one, other) for one, other in zip(signal, score, strict=True)]
    assert np.array_equal(incumbents(signal, score), alone, equal_nan=True)
    shared = [incumbents(one, score[0]) for one in signal]
    assert np.array_equal(incumbents(signal, score[0]), shared, equal_nan=True)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=15).map(lambda values: np.array(values) / 10))
def test_a_signal_that_is_the_score_never_gets_worse(score: Floats) -> None:
    assert np.array_equal(incumbents(score, score), np.minimum.accumulate(score))


def test_the_score_of_the_incumbent_may_get_worse_where_the_signal_errs() -> None:
    assert incumbents([0.3, 0.2, 0.25, 0.1], [0.1, 0.4, 0.0, 0.2]).tolist() == [0.1, 0.4, 0.4, 0.2]


def test_no_evaluation_has_no_incumbent() -> None:
    assert incumbents(np.empty((3, 0)), np.empty((3, 0))).shape == (3, 0)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=10).map(sorted),
    st.lists(st.integers(-2, 24), min_size=1, max_size=8),
)
def test_a_step_curve_has_the_value_of_the_last_event(times: list[int], at: list[int]) -> None:
    values = np.arange(len(times), dtype=np.float64)
    expected = [max((float(k) for k, when in enumerate(times) if when <= one), default=math.nan) for one in at]
    assert np.array_equal(against(times, values, at), expected, equal_nan=True)
    both = against([times, times], [values, -values], at)
    assert np.array_equal(both, np.array([expected, np.negative(expected)]), equal_nan=True)


def test_a_run_that_ended_early_keeps_its_last_value() -> None:
    found = against([[1.0, 2.0, math.nan], [1.0, 2.0, 3.0]], [[0.3, 0.2, math.nan], [0.5, 0.4, 0.1]], [0, 1, 2.5, 10])
    expected = [[math.nan, 0.3, 0.2, 0.2], [math.nan, 0.5, 0.4, 0.1]]
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("times", "values", "words"),
    [([1, 3, 2], [1, 1, 1], "times never fall"), ([1, 2], [1, 1, 1], "each value has its time")],
)
def test_events_out_of_order_are_refused(times: list[float], values: list[float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        against(times, values, [1])


def test_a_summary_is_of_the_runs_at_each_place() -> None:
    curves = np.random.default_rng(0).random((11, 7))
    found = curve_summary(curves, rng=np.random.default_rng(1))
    assert found.median == pytest.approx(np.median(curves, axis=0))
    assert found.mean == pytest.approx(curves.mean(axis=0))
    assert found.low_quartile == pytest.approx(np.percentile(curves, 25, axis=0))
    assert found.high_quartile == pytest.approx(np.percentile(curves, 75, axis=0))
    assert ((found.low < found.mean) & (found.mean < found.high)).all() and found.runs == 11


def test_the_interval_of_the_mean_is_that_of_resampled_runs() -> None:
    """5 standard errors of the level in 5,000 resamples, both sides resampled."""
    rng = np.random.default_rng(2)
    curves, repeats = rng.lognormal(size=(15, 4)), 5000
    found = curve_summary(curves, confidence=0.9, repeats=repeats, rng=rng)
    means = np.array([curves[rng.integers(15, size=15)].mean(axis=0) for _ in range(repeats)])
    slack = 5 * math.sqrt(2 * 0.05 * 0.95 / repeats)
    for ends, level in ((found.low, 0.05), (found.high, 0.95)):
        below, above = np.quantile(means, [level - slack, level + slack], axis=0)
        assert ((below <= ends) & (ends <= above)).all()


def test_a_long_curve_is_summarised_as_its_pieces_are(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = np.random.default_rng(3).random((6, 40))
    whole = curve_summary(curves, repeats=50, rng=np.random.default_rng(4))
    monkeypatch.setattr("regnas.statistics.arrays._CELLS", 150)  # three places a piece
    pieces = curve_summary(curves, repeats=50, rng=np.random.default_rng(4))
    assert pieces.low == pytest.approx(whole.low) and pieces.high == pytest.approx(whole.high)


@given(st.floats(-1, 1), st.integers(1, 12))
@settings(deadline=None, max_examples=30)
def test_runs_that_agree_have_no_spread(value: float, runs: int) -> None:
    found = curve_summary(np.full((runs, 3), value), repeats=50, rng=np.random.default_rng(5))
    assert (found.low == value).all() and (found.high == value).all() and (found.median == value).all()


def test_where_a_run_has_no_value_there_is_no_summary() -> None:
    curves = np.array([[math.nan, 0.2, 0.1], [0.4, 0.3, 0.3]])
    found = curve_summary(curves, rng=np.random.default_rng(6))
    assert np.isnan(found.mean).tolist() == [True, False, False]
    assert np.isnan(found.low).tolist() == [True, False, False]
    assert found.mean[1:] == pytest.approx([0.25, 0.2])
    nothing = curve_summary(np.full((2, 3), math.nan), rng=np.random.default_rng(6))
    assert np.isnan(nothing.median).all()


@pytest.mark.parametrize("shape", [(3,), (0, 4)])
def test_curves_without_runs_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="at least one run"):
        curve_summary(np.zeros(shape), rng=np.random.default_rng(7))
