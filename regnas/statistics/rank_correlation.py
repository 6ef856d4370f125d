"""How well one number orders networks by another, overall and at equal complexity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints, pieces, sample
from regnas.statistics.two_sample import Interval

LEAST = 4  # networks of a correlation


def rank_correlations(scores: npt.ArrayLike, targets: npt.ArrayLike, bins: npt.ArrayLike | None = None) -> Floats:
    """Spearman's correlation of every score with the target, the means of the ranks in each bin taken out of both.

    With one bin it is Spearman's own. With bins of complexity it is the partial correlation of the ranks given the bin:
    what a score says of networks that cost the same.

    Args:
        scores: ``(k, n)``.
        targets: ``(n,)``.
        bins: ``(n,)``, from 0; one bin for None.

    Returns:
        ``(k,)``; NaN of a score that is the same for all networks of every bin.

    Raises:
        UsageError: fewer than `LEAST` networks, or a number that is not finite.
    """
    values, target, groups = _checked(scores, targets, bins)
    return np.asarray(_correlations(values[None], target[None], groups[None])[0])


def bootstrap(
    scores: npt.ArrayLike,
    targets: npt.ArrayLike,
    bins: npt.ArrayLike | None = None,
    *,
    repeats: int,
    rng: np.random.Generator,
) -> Floats:
    """`rank_correlations` of samples of as many networks, drawn with replacement; the same ones for every score.

    Returns:
        ``(repeats, k)``.

    Raises:
        UsageError: as `rank_correlations`.

    Source: Efron and Tibshirani 1993, section 6.
    """
    values, target, groups = _checked(scores, targets, bins)
    found = []
    for piece in pieces(repeats, values.size):
        drawn = rng.integers(len(target), size=(piece, len(target)))
        found.append(_correlations(values[:, drawn].transpose(1, 0, 2), target[drawn], groups[drawn]))
    return np.concatenate(found)


def percentiles(estimate: float, draws: Floats, confidence: float = 0.95) -> Interval:
    """The percentile interval of a bootstrap.

    Args:
        draws: ``(repeats,)``; those that are NaN are left out.
    """
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail]) if np.isfinite(draws).any() else (np.nan, np.nan)
    return Interval(estimate, float(low), float(high), confidence)


def kendall(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Kendall's tau-b: of all pairs, those in one order less those in opposite orders; ties are made up for.

    Args:
        scores, targets: ``(n,)``.
    """
    return float(stats.kendalltau(sample(scores, "scores"), sample(targets, "targets")).statistic)


def _checked(scores: npt.ArrayLike, targets: npt.ArrayLike, bins: npt.ArrayLike | None) -> tuple[Floats, Floats, Ints]:
    target = sample(targets, "targets", LEAST)
    values = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if values.shape[1] != len(target) or not np.isfinite(values).all():
        raise UsageError(f"scores are finite and {len(target)} of each, as the targets, got {values.shape}")
    groups = np.zeros(len(target), dtype=np.int64) if bins is None else np.asarray(bins, dtype=np.int64)
    return values, target, groups


def _correlations(scores: Floats, targets: Floats, bins: Ints) -> Floats:
    """Of ``(m, k, n)``, ``(m, n)`` and ``(m, n)``: ``(m, k)``."""
    count = int(bins.max()) + 1
    inside = np.stack([bins == one for one in range(count)], axis=1).astype(np.float64)  # (m, bins, n)
    sizes = np.maximum(inside.sum(axis=2), 1)

    def centred(values: Floats) -> Floats:
        ranks = stats.rankdata(values, axis=-1)
        means = np.einsum("mkn,mbn->mkb", ranks, inside) / sizes[:, None, :]
        return np.asarray(ranks - np.einsum("mkb,mbn->mkn", means, inside))

    one, other = centred(scores), centred(targets[:, None, :])
    norms = np.sqrt((one**2).sum(axis=2) * (other**2).sum(axis=2))
    # Ranks are multiples of 1/2: what is left of them after their mean is 0 or far above rounding.
    known = norms > 1e-6
    return np.where(known, (one * other).sum(axis=2) / np.where(known, norms, 1.0), np.nan)


def kendall_bootstrap(
    scores: npt.ArrayLike, targets: npt.ArrayLike, *, repeats: int, rng: np.random.Generator
) -> Floats:
    """`kendall` of samples of as many networks, drawn with replacement; NaN where all of one have equal numbers.

    Args:
        scores, targets: ``(n,)``.

    Returns:
        ``(repeats,)``.

    Source: Efron and Tibshirani 1993, section 6.
    """
    one, other = (np.sign(np.subtract.outer(values, values)) for values in (sample(scores), sample(targets)))
    found = np.empty(repeats)
    for number in range(repeats):
        # A network that is drawn c times makes c x d pairs with one that is drawn d times, and ties with itself.
        counts = np.bincount(rng.integers(len(one), size=len(one)), minlength=len(one)).astype(np.float64)
        both, mine, theirs = (counts @ pairs @ counts for pairs in (one * other, one * one, other * other))
        found[number] = both / np.sqrt(mine * theirs) if mine * theirs else np.nan
    return found
