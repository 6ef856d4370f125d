"""Anytime curves of searches: the network that would be returned after every evaluation, and random search exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, pieces, sample
from regnas.statistics.best_of import equal_effort, expected_best, expected_best_unbiased


def incumbents(signal: npt.ArrayLike, score: npt.ArrayLike) -> Floats:
    """Score of the network that looks best after each evaluation: the signal chooses, the score is reported.

    Of networks that look equally good the first stays. Signals that are not finite, as failed evaluations have, never
    become incumbents.

    Args:
        signal: ``(n,)`` or ``(runs, n)``, lower is better.
        score: of the same shape, or ``(n,)`` for all runs.

    Returns:
        Of the signal's shape; NaN before the first finite signal.
    """
    seen = np.asarray(signal, dtype=np.float64)
    scores = np.broadcast_to(np.asarray(score, dtype=np.float64), seen.shape)
    seen = np.where(np.isfinite(seen), seen, np.inf)
    if seen.size == 0:
        return np.array(scores)
    before = np.minimum.accumulate(seen, axis=-1)[..., :-1]
    better = np.concatenate([np.isfinite(seen[..., :1]), seen[..., 1:] < before], axis=-1)
    places = np.where(better, np.arange(seen.shape[-1]), -1)
    places = np.maximum.accumulate(places, axis=-1)
    found = np.take_along_axis(scores, np.maximum(places, 0), axis=-1)
    return np.where(places >= 0, found, np.nan)


def against(times: npt.ArrayLike, values: npt.ArrayLike, at: npt.ArrayLike) -> Floats:
    """A step function: the value at a time is that of the last event up to then.

    Args:
        times: ``(n,)`` or ``(runs, n)``, never falling (seconds, or numbers of evaluations). NaN where nothing happened
            any more, at the end only.
        values: of the same shape; of several events at one time the last counts.
        at: ``(k,)``, where the curves are wanted.

    Returns:
        ``(k,)`` or ``(runs, k)``; NaN before the first event, the last value after the last one.

    Raises:
        UsageError: times that fall, or shapes that differ.
    """
    when, what = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    wanted = np.asarray(at, dtype=np.float64).ravel()
    if when.shape != what.shape or when.ndim not in (1, 2):
        raise UsageError(f"each value has its time, in (n,) or (runs, n), got shapes {what.shape} and {when.shape}")
    rows, steps = np.atleast_2d(when), np.atleast_2d(what)
    rows = np.where(np.isnan(rows), np.inf, rows)
    if (rows[:, 1:] < rows[:, :-1]).any():
        raise UsageError("times never fall along a run; order the events by their end")
    found = np.full((len(rows), len(wanted)), np.nan)
    for row, (ends, path) in enumerate(zip(rows, steps, strict=True)):
        places = np.searchsorted(ends, wanted, side="right") - 1
        there = places >= 0
        found[row, there] = path[places[there]]
    return found if when.ndim == 2 else found[0]


@dataclass(frozen=True, eq=False)
class CurveSummary:
    """Many runs of one algorithm, each array ``(n,)``; NaN where not every run has a value.

    Attributes:
        low_quartile, high_quartile: of the runs.
        low, high: bootstrap interval of the mean, at each place.
    """

    median: Floats
    low_quartile: Floats
    high_quartile: Floats
    mean: Floats
    low: Floats
    high: Floats
    runs: int


def curve_summary(
    curves: npt.ArrayLike, *, confidence: float = 0.95, repeats: int = 1000, rng: np.random.Generator
) -> CurveSummary:
    """Median, quartiles and mean of the runs at each place, with a percentile bootstrap interval of the mean.

    Whole runs are drawn, so neighbouring places share their resamples. Where a run has no value yet there is no
    summary: a mean over the rest would be of the fast ones.

    Args:
        curves: ``(runs, n)``.

    Raises:
        UsageError: no run, or another shape.

    Source: Efron and Tibshirani 1993, section 13.3.
    """
    rows = np.asarray(curves, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise UsageError(f"curves are (runs, n) with at least one run, got shape {rows.shape}")
    there = ~np.isnan(rows).any(axis=0)
    known = rows[:, there]
    draws = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=repeats) / len(rows)
    low, high = _interval(known, draws, confidence)
    median, low_quartile, high_quartile = np.quantile(known, [0.5, 0.25, 0.75], axis=0)

    def everywhere(values: Floats) -> Floats:
        found = np.full(rows.shape[1], np.nan)
        found[there] = values
        return found

    return CurveSummary(
        median=everywhere(median),
        low_quartile=everywhere(low_quartile),
        high_quartile=everywhere(high_quartile),
        mean=everywhere(known.mean(axis=0)),
        low=everywhere(low),
        high=everywhere(high),
        runs=len(rows),
    )


def _interval(curves: Floats, draws: Floats, confidence: float) -> Floats:
    """``(2, n)``: ends at each place, for weights ``(repeats, runs)`` of the runs."""
    ends = np.empty((2, curves.shape[1]))
    start = 0
    for piece in pieces(curves.shape[1], len(draws)):
        part = slice(start, start + piece)
        # From a middle curve: weights sum to 1 but for a rounding, which a constant must not show.
        base = curves[0, part]
        levels = [(1 - confidence) / 2, (1 + confidence) / 2]
        ends[:, part] = base + np.quantile(draws @ (curves[:, part] - base), levels, axis=0)
        start += piece
    return ends


def random_search_without_noise(score: npt.ArrayLike, n: npt.ArrayLike, *, replacement: bool = True) -> Floats:
    """Exactly what random search over a whole table is expected to find, if it saw the score itself.

    Args:
        score: ``(networks,)``, of every network, lower is better.
        n: ``(k,)`` numbers of evaluations; fractions interpolate.
        replacement: whether a network may be drawn again; without, ``n`` are whole numbers, and beyond the table's
            size nothing is left to find.

    Returns:
        ``(k,)``, E[min of n].
    """
    if replacement:
        return expected_best(score, n)
    values = sample(score, "scores")
    return expected_best_unbiased(values, np.minimum(np.asarray(n, dtype=np.float64), len(values)))


def budget_of_random(value: float, score: npt.ArrayLike) -> float:
    """Evaluations that random search without noise needs, in expectation, to find a score as good as ``value``.

    Args:
        score: ``(networks,)``, lower is better.

    Returns:
        A real number: below 1 where ``value`` is worse than the mean of the table, 0 where it is no better than the
        worst, infinite where it is the best or better, which is reached in no number of evaluations.

    Raises:
        UsageError: no score, or one that is not finite.

    Source: `random_search_without_noise`, with replacement, solved for n.
    """
    scores = sample(score, "scores")
    if not np.isfinite(value):
        raise UsageError(f"a score to reach is finite, got {value}")
    if value >= scores.max():
        return 0.0
    if value <= scores.min():
        return float("inf")
    return equal_effort(scores, [value], 1)
