"""Two algorithms under the same seeds: is one better than the other, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import ndtr, ndtri

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, pieces, sample
from regnas.statistics.best_of import chance_of_winning
from regnas.statistics.two_sample import Interval

Alternative = Literal["less", "two-sided"]

EXACT_PAIRS = 200  # the distribution of the statistic is exact up to this many, normal beyond


@dataclass(frozen=True)
class Paired:
    """A paired test of scores a against b.

    Attributes:
        statistic: sum of the signed-rank test over the pairs in which a is larger.
        p: 1 where all pairs are equal.
        median: of a - b.
        pairs: their number; ``unequal`` of them differ.
        equal: whether no pair differs at all: there is nothing to test.
    """

    statistic: float
    p: float
    median: float
    pairs: int
    unequal: int

    @property
    def equal(self) -> bool:
        return self.unequal == 0


def _differences(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    first, second = sample(a, "scores"), sample(b, "scores")
    if len(first) != len(second):
        raise UsageError(f"pairs need as many scores on both sides, got {len(first)} and {len(second)}")
    return first - second


def wilcoxon(a: npt.ArrayLike, b: npt.ArrayLike, alternative: Alternative = "less") -> Paired:
    """The signed-rank test: are the scores a smaller (``"less"``), or just different (``"two-sided"``)?

    Pairs that are equal keep their ranks and have no sign (Pratt). Up to 200 pairs the p value is exact given the
    ranks, ties and equal pairs included: two algorithms often return the same network, and the normal distribution is
    poor there. Beyond, it is SciPy's, with a continuity correction.

    Args:
        a, b: ``(pairs,)``, lower is better.

    Raises:
        UsageError: no pair, a score that is not finite, sides of different length, or another alternative.

    Source: Wilcoxon 1945; Pratt 1959.
    """
    if alternative not in ("less", "two-sided"):
        raise UsageError(f"an alternative is 'less' or 'two-sided', got {alternative!r}")
    d = _differences(a, b)
    ranks = stats.rankdata(np.abs(d))
    statistic, median = float(ranks[d > 0].sum()), float(np.median(d))
    unequal = int((d != 0).sum())
    if unequal == 0:
        p = 1.0
    elif len(d) <= EXACT_PAIRS:
        p = _exact_p(ranks[d != 0], statistic, alternative)
    else:
        found = stats.wilcoxon(d, zero_method="pratt", alternative=alternative, method="asymptotic", correction=True)
        p = float(found.pvalue)
    return Paired(statistic, p, median, len(d), unequal)


def _exact_p(ranks: Floats, statistic: float, alternative: Alternative) -> float:
    """P(T <= statistic) where each rank counts with probability 1/2; twice the smaller tail for two sides."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # shared ranks are halves
    chances = np.zeros(int(doubled.sum()) + 1)
    chances[0] = 1.0
    for rank in doubled.tolist():
        chances[rank:] = (chances[rank:] + chances[:-rank]) / 2
        chances[:rank] /= 2
    place = round(2 * statistic)
    below = float(chances[: place + 1].sum())
    if alternative == "less":
        return min(1.0, below)
    return min(1.0, 2 * min(below, float(chances[place:].sum())))


def paired_mean(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    repeats: int = 2000,
    rng: np.random.Generator,
) -> Interval:
    """Mean of a - b with a bootstrap interval over the pairs (BCa: corrected for bias and for skewness).

    One pair has no spread: its interval is infinite.

    Args:
        a, b: ``(pairs,)``.

    Raises:
        UsageError: no pair, a score that is not finite, or sides of different length.

    Source: Efron 1987; Efron and Tibshirani 1993, equations 14.9 to 14.15.
    """
    d = _differences(a, b)
    estimate = float(d.mean())
    centred = d - estimate
    spread = float((centred**2).sum())
    if len(d) == 1:
        return Interval(estimate, -np.inf, np.inf, confidence)
    if np.ptp(d) == 0:
        return Interval(estimate, estimate, estimate, confidence)
    draws = np.concatenate(
        [d[rng.integers(len(d), size=(one, len(d)))].mean(axis=1) for one in pieces(repeats, len(d))]
    )
    # Means of resamples in another order of the same pairs may differ by a rounding, and count as equal.
    same = np.abs(draws - estimate) <= 1e-12 * np.abs(d).max()
    below = (draws < estimate) & ~same
    bias = ndtri(np.clip((below.sum() + same.sum() / 2) / repeats, 0.5 / repeats, 1 - 0.5 / repeats))
    skew = float((centred**3).sum()) / (6 * spread**1.5)  # the jackknife's acceleration, of a mean
    tail = ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    levels = ndtr(bias + (bias + tail) / np.maximum(1 - skew * (bias + tail), 1e-9))
    low, high = np.quantile(draws, levels)
    return Interval(estimate, float(low), float(high), confidence)


def vargha_delaney(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """A12 = P(a < b) + P(a = b) / 2 over all pairs, matched or not: above 1/2 where a is better (lower).

    Args:
        a: ``(n,)``; b: ``(m,)``.

    Source: Vargha and Delaney 2000, equation 1, for scores of which the lower is better.
    """
    return float(chance_of_winning(a, b, 1)[0])
