"""Several algorithms on the same blocks (data sets, or spaces): average ranks, and which of them differ.

Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats


@dataclass(frozen=True, eq=False)
class Friedman:
    """Whether algorithms differ at all.

    Attributes:
        ranks: ``(algorithms,)``, average rank of each; 1 is the best.
        chi_square: Friedman's statistic, corrected for ties; 0 where every block ties.
        f: Iman and Davenport's; infinite where all blocks have the same order.
        p: of ``f``; exact where ``f`` is infinite, and 1 where every block ties.
        blocks: their number.
    """

    ranks: Floats
    chi_square: float
    f: float
    p: float
    blocks: int


def block_ranks(table: npt.ArrayLike) -> Floats:
    """Ranks of the algorithms within each block, 1 for the smallest score; ties share their average rank.

    Args:
        table: ``(blocks, algorithms)`` scores, lower is better.

    Raises:
        UsageError: not a table of at least one block and two algorithms, or a score that is not finite.
    """
    scores = np.asarray(table, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[0] < 1 or scores.shape[1] < 2:
        raise UsageError(f"ranks need a table of blocks x algorithms, at least 1 x 2, got shape {scores.shape}")
    if not np.isfinite(scores).all():
        row, column = np.argwhere(~np.isfinite(scores))[0].tolist()
        raise UsageError(
            f"ranks need finite scores, and algorithm {column} has {scores[row, column]} in block {row}; leave it out"
        )
    return np.asarray(stats.rankdata(scores, axis=1))


def friedman(table: npt.ArrayLike) -> Friedman:
    """Friedman's test with the F statistic of Iman and Davenport.

    chi2 = (k - 1) sum_j (R_j - N (k + 1) / 2)^2 / (sum_ij r_ij^2 - N k (k + 1)^2 / 4), R_j = sum_i r_ij, and
    F = (N - 1) chi2 / (N (k - 1) - chi2) with k - 1 and (k - 1)(N - 1) degrees of freedom.

    Args:
        table: ``(blocks, algorithms)`` scores, lower is better. Blocks are independent: repeats under other seeds on
            one data set are no blocks of a statement about data sets.

    Source: Friedman 1937; the correction for ties as in Conover 1999, section 5.8; Iman and Davenport 1980.
    """
    ranks = block_ranks(table)
    blocks, count = ranks.shape
    # Twice a rank is a whole number: sums of them are exact, so complete agreement is seen as such.
    doubled = np.rint(2 * ranks)
    between = float(((doubled.sum(axis=0) - blocks * (count + 1)) ** 2).sum()) / 4
    within = float((doubled**2).sum() - blocks * count * (count + 1) ** 2) / 4
    means = ranks.mean(axis=0)
    if within == 0:
        return Friedman(means, 0.0, 0.0, 1.0, blocks)
    chi_square = (count - 1) * between / within
    if (ranks == ranks[0]).all():
        return Friedman(means, chi_square, math.inf, _chance_of_agreement(ranks[0], blocks), blocks)
    f = (blocks - 1) * chi_square / (blocks * (count - 1) - chi_square)
    p = float(stats.f.sf(f, count - 1, (count - 1) * (blocks - 1)))
    return Friedman(means, chi_square, f, p, blocks)


def _chance_of_agreement(ranks: Floats, blocks: int) -> float:
    """Probability that all blocks have the order of the first: 1 for a single block, which says nothing."""
    _, tied = np.unique(ranks, return_counts=True)
    orders = math.factorial(len(ranks)) / math.prod(math.factorial(one) for one in tied.tolist())
    return float(orders ** (1 - blocks))


def critical_difference(algorithms: int, blocks: int, alpha: float = 0.05) -> float:
    """Average ranks that differ by at least this differ significantly, over all pairs of algorithms at once.

    CD = q_alpha sqrt(k (k + 1) / (6 N)), where q_alpha is the studentised range over the square root of 2.

    Raises:
        UsageError: fewer than 2 algorithms, no block, or an alpha outside (0, 1).

    Source: Nemenyi 1963; Demsar 2006, section 3.2.2 and table 5a.
    """
    if algorithms < 2 or blocks < 1 or not 0 < alpha < 1:
        raise UsageError(
            "a critical difference needs at least 2 algorithms and 1 block, and alpha in (0, 1), got "
            f"{algorithms}, {blocks} and {alpha}"
        )
    q = float(stats.studentized_range.ppf(1 - alpha, algorithms, np.inf)) / math.sqrt(2)
    return q * math.sqrt(algorithms * (algorithms + 1) / (6 * blocks))


def cliques(ranks: npt.ArrayLike, difference: float) -> list[tuple[int, ...]]:
    """Largest groups of at least two algorithms whose average ranks differ by less than the critical difference.

    Args:
        ranks: ``(algorithms,)``.
        difference: of `critical_difference`.

    Returns:
        Places of the algorithms, best first within a group; groups by their best.
    """
    values = np.asarray(ranks, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    found: list[tuple[int, ...]] = []
    reached = 0  # algorithms, from the best, that a group so far reaches to
    for start in range(len(order)):
        end = int((values[order] - values[order[start]] < difference).sum())
        if end > reached and end - start > 1:
            found.append(tuple(order[start:end].tolist()))
        reached = max(reached, end)
    return found
