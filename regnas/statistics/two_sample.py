"""Two populations: do they differ, and by how much? Tests and intervals beside the primary one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from regnas.statistics.arrays import Floats, Ints, dealt_within, pieces, sample
from regnas.statistics.bins import bin_weights


@dataclass(frozen=True)
class Test:
    """A statistic and its p value.

    Attributes:
        repeats: permutations it rests on; 0 for a p value from theory.
    """

    statistic: float
    p: float
    repeats: int = 0


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval."""

    estimate: float
    low: float
    high: float
    confidence: float


def kolmogorov_smirnov(errors_a: npt.ArrayLike, errors_b: npt.ArrayLike) -> Test:
    """Largest distance between the two distributions, ``D = sup |F_a - F_b|``, with equal weights.

    The p value is exact for small populations without ties; with ties it is at most too large.

    Args:
        errors_a: ``(n,)``; errors_b: ``(m,)``.

    Source: Smirnov 1939; Radosavovic et al. 2019, section 3.2.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # with ties SciPy may fall back from exact to the limit
        found = stats.ks_2samp(sample(errors_a), sample(errors_b))
    return Test(float(found.statistic), float(found.pvalue))


def weighted_kolmogorov_smirnov(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    members_a: npt.ArrayLike,
    members_b: npt.ArrayLike,
    *,
    repeats: int = 9999,
    rng: np.random.Generator,
) -> Test:
    """Largest distance between the complexity-normalised distributions; models change sides within their bins.

    Args:
        members_a, members_b: ``(n,)``, bins as in `regnas.statistics.bins.Bins.members`.

    Source: the D of Radosavovic et al. 2019, section 3.3; permutation test as in Good 2005, chapter 3.
    """
    values, bins, is_a = pooled(errors_a, errors_b, members_a, members_b)
    weight_a = np.where(is_a, bin_weights(np.where(is_a, bins, -1)), 0.0)
    weight_b = np.where(~is_a, bin_weights(np.where(is_a, -1, bins)), 0.0)
    signed = weight_a - weight_b
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) > 0, True))  # after the last of equal errors

    def distance(rows: Floats) -> Floats:
        return np.asarray(np.abs(np.cumsum(rows[:, order], axis=1)[:, ends]).max(axis=1))

    seen = distance(signed[None])[0]
    larger = 0
    for dealt in dealt_within(signed, bins, repeats, rng):
        larger += int((distance(dealt) >= seen * (1 - 1e-9) - 1e-12).sum())
    return Test(float(seen), (1 + larger) / (1 + repeats), repeats)


def pooled(
    errors_a: npt.ArrayLike, errors_b: npt.ArrayLike, members_a: npt.ArrayLike, members_b: npt.ArrayLike
) -> tuple[Floats, Ints, npt.NDArray[np.bool_]]:
    """Errors, bins and sides of the models of both populations that lie in a bin.

    Args:
        errors_a, members_a: ``(n,)``; errors_b, members_b: ``(m,)``; a negative bin is none.

    Returns:
        ``(k,)`` each; the side is true for A.
    """
    a, b = sample(errors_a), sample(errors_b)
    bins_a, bins_b = np.asarray(members_a, dtype=np.int64), np.asarray(members_b, dtype=np.int64)
    values = np.concatenate([a[bins_a >= 0], b[bins_b >= 0]])
    bins = np.concatenate([bins_a[bins_a >= 0], bins_b[bins_b >= 0]])
    return values, bins, np.arange(len(values)) < (bins_a >= 0).sum()


def mann_whitney(errors_a: npt.ArrayLike, errors_b: npt.ArrayLike) -> Test:
    """Whether a model of A tends to be better than one of B.

    Args:
        errors_a: ``(n,)``; errors_b: ``(m,)``.

    Returns:
        As its statistic the probability that a model of A has the smaller error, ties counting half.

    Source: Mann and Whitney 1947; the effect size is the A of Vargha and Delaney 2000.
    """
    a, b = sample(errors_a), sample(errors_b)
    found = stats.mannwhitneyu(a, b, alternative="two-sided")
    return Test(float(1 - found.statistic / (len(a) * len(b))), float(found.pvalue))


def mean_difference(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    repeats: int = 2000,
    rng: np.random.Generator,
) -> Interval:
    """Mean error of A minus that of B, equal weights, with a studentised bootstrap interval.

    Args:
        errors_a: ``(n,)``; errors_b: ``(m,)``.

    Source: Efron and Tibshirani 1993, section 12.5.
    """
    a, b = sample(errors_a, least=2), sample(errors_b, least=2)
    estimate = float(a.mean() - b.mean())
    spread = _standard_error(a, b)
    if spread == 0:
        return Interval(estimate, estimate, estimate, confidence)
    ratios = []
    for piece in pieces(repeats, len(a) + len(b)):
        left = a[rng.integers(len(a), size=(piece, len(a)))]
        right = b[rng.integers(len(b), size=(piece, len(b)))]
        errors = np.sqrt(left.var(axis=1, ddof=1) / len(a) + right.var(axis=1, ddof=1) / len(b))
        shift = left.mean(axis=1) - right.mean(axis=1) - estimate
        ratios.append((shift / np.where(errors > 1e-9 * spread, errors, np.nan))[errors > 1e-9 * spread])
    tail = 50 * (1 - confidence)
    # Resamples of equal errors have no spread to be measured in: of few models, or many ties.
    known = np.concatenate(ratios)
    low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (-np.inf, np.inf)
    return Interval(estimate, float(estimate - high * spread), float(estimate - low * spread), confidence)


def _standard_error(a: Floats, b: Floats) -> float:
    return float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))


def quantile_difference(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    q: float = 0.05,
    *,
    confidence: float = 0.95,
    repeats: int = 2000,
    rng: np.random.Generator,
) -> Interval:
    """A low quantile of A minus that of B, equal weights, with a percentile bootstrap interval.

    The quantile of a small population is itself coarse: the 5 % quantile of 40 models is their second smallest.

    Args:
        errors_a: ``(n,)``; errors_b: ``(m,)``.

    Source: Efron and Tibshirani 1993, section 13.3.
    """
    a, b = np.sort(sample(errors_a)), np.sort(sample(errors_b))

    def place(n: int) -> int:
        return max(0, int(np.ceil(q * n * (1 - 1e-12))) - 1)

    # The k-th smallest of n draws with replacement is the value at the k-th smallest of n uniform numbers.
    def draws(values: Floats) -> Floats:
        n, k = len(values), place(len(values))
        places = (n * rng.beta(k + 1, n - k, size=repeats)).astype(np.int64)
        return np.asarray(values[places.clip(0, n - 1)])

    shifts = draws(a) - draws(b)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(shifts, [tail, 100 - tail])
    return Interval(float(a[place(len(a))] - b[place(len(b))]), float(low), float(high), confidence)
