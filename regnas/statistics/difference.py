"""The primary statistic: the difference of mean error at equal complexity, and its permutation test.

In every bin the mean error of A minus that of B; over bins their mean. Divided by its standard error it is compared
with what it would be had the models been dealt to A and B at random within their bins. Where the two spaces are
equal the test is exact at any size; because it is studentised it also holds, for larger populations, where the means
are equal and the spreads are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints, dealt_within
from regnas.statistics.two_sample import Interval, pooled

_ENOUGH = 10  # permutations as large as the observed statistic: p is known to a third
LEAST = 2  # models of each population in a bin, or the bin's spread is unknown


@dataclass(frozen=True)
class Difference:
    """Mean error of A minus that of B at equal complexity.

    Attributes:
        standard_error: of the estimate, from the spreads inside the bins.
        p: two-sided, by permutation.
        permuted: ``(permutations,)``, ``|t|`` of each, descending; empty where nothing varies.
        sd_a, sd_b: standard deviations of the errors inside a bin, pooled over bins.
    """

    estimate: float
    standard_error: float
    p: float
    permuted: Floats
    sd_a: float
    sd_b: float

    def interval(self, confidence: float) -> Interval:
        """The interval whose ends a test of level 1 - confidence just rejects, from the same permutations.

        It leaves 0 out exactly where p is at most 1 - confidence. With too few permutations for the confidence it
        has no ends.
        """
        half = 0.0 if self.p <= 1 - confidence or abs(self.estimate) <= 1e-12 else float("inf")
        if len(self.permuted):
            # As in p, the observed statistic counts as one of the permutations,
            above = int(np.floor((1 - confidence) * (1 + len(self.permuted)) + 1e-9)) - 1
            # and statistics that are equal but for rounding are equal.
            # Where more dealings than that share the largest statistic, no difference is ever seen at this level.
            most = int((self.permuted >= self.permuted[0] * (1 - 1e-9)).sum())
            reach = float(self.permuted[above]) * (1 + 2e-9) if above >= most - 1 else float("inf")
            half = reach * self.standard_error if self.standard_error else half
        return Interval(self.estimate, self.estimate - half, self.estimate + half, confidence)


def normalised_difference(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    members_a: npt.ArrayLike,
    members_b: npt.ArrayLike,
    *,
    repeats: int = 9999,
    most: int | None = None,
    rng: np.random.Generator,
) -> Difference:
    """The difference of complexity-normalised mean errors.

    Args:
        errors_a, errors_b: ``(n_a,)`` and ``(n_b,)``, fractions.
        members_a, members_b: the bin of every model, from 0, negative outside; every bin holds at least two models
            of each side.
        repeats: permutations.
        most: permutations to go on to, in tenfold steps, while fewer than ten were as large as the observed
            statistic: for levels that ``repeats`` cannot reach.

    Raises:
        UsageError: a bin with fewer.

    Source: weights of Radosavovic et al. 2019, section 3.3; studentised permutation test of Janssen 1997 and Chung
        and Romano 2013 (arXiv 1304.5939), within strata.
    """
    values, bins, is_a = pooled(errors_a, errors_b, members_a, members_b)
    k = int(bins.max()) + 1 if len(bins) else 0
    sizes = np.array([np.bincount(bins[side], minlength=k) for side in (is_a, ~is_a)])
    if k == 0 or (sizes < LEAST).any():
        raise UsageError(f"every bin needs {LEAST} models of each population, got {sizes.tolist()}; take fewer bins")
    # Differences inside a bin do not change, and sums of squares stay accurate.
    values = values - (np.bincount(bins, values) / np.bincount(bins))[bins]
    columns = np.zeros((len(values), k))
    columns[np.arange(len(values)), bins] = 1
    table = np.hstack([columns * values[:, None], columns * values[:, None] ** 2])
    totals = table.sum(axis=0)
    seen, error, spreads = _studentised(is_a[None].astype(np.float64) @ table, totals, sizes)
    floor = 1e-7 * max(float(np.ptp(values)), 1e-12)
    estimate, (sd_a, sd_b) = float(seen[0]), (float(spread[0]) for spread in spreads)
    if error[0] <= floor:
        p = 1.0 if abs(estimate) <= 1e-12 else _smallest_p(values, bins, is_a, repeats)
        return Difference(estimate, 0.0, p, np.empty(0), sd_a, sd_b)
    t = abs(estimate / float(error[0]))
    permuted, more = np.empty(0), repeats
    while more:
        found = [permuted]
        for sides in dealt_within(is_a.astype(np.float64), bins, more, rng):
            shift, spread, _ = _studentised(sides @ table, totals, sizes)
            # Where a dealing leaves no spread, any difference is infinitely many standard errors.
            found.append(np.where(spread > floor, np.abs(shift) / np.maximum(spread, floor), _extreme(shift)))
        permuted = np.concatenate(found)
        larger = int((permuted >= t * (1 - 1e-9)).sum())
        more = 0 if larger >= _ENOUGH else min(most or 0, 10 * len(permuted) + 9) - len(permuted)
        more = max(0, more)
    permuted = np.sort(permuted)[::-1]
    p = (1 + larger) / (1 + len(permuted))
    return Difference(estimate, float(error[0]), p, permuted, sd_a, sd_b)


def _extreme(shift: Floats) -> Floats:
    """Infinity for a difference, 0 for none."""
    return np.where(np.abs(shift) > 1e-12, np.inf, 0.0)


def _studentised(sums: Floats, totals: Floats, sizes: Ints) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Differences, their standard errors and the spread inside bins of both sides, each ``(r,)``.

    Args:
        sums: ``(r, 2 k)``, sums of errors and of squares of side A by bin.
        totals: ``(2 k,)``, of both sides.
        sizes: ``(2, k)``, models.
    """
    k = sizes.shape[1]
    means, errors, spreads = [], [], []
    for row, count in ((sums, sizes[0]), (totals - sums, sizes[1])):
        mean = row[:, :k] / count
        variance = np.maximum(row[:, k:] / count - mean**2, 0) * (count / (count - 1))
        means.append(mean)
        errors.append(variance / count)
        spreads.append(np.sqrt(variance.mean(axis=1)))
    shift = (means[0] - means[1]).mean(axis=1)
    return shift, np.sqrt((errors[0] + errors[1]).sum(axis=1)) / k, (spreads[0], spreads[1])


def _smallest_p(values: Floats, bins: Ints, is_a: npt.NDArray[np.bool_], repeats: int) -> float:
    """The p value where both sides are constant in every bin and differ: no dealing of the models differs more."""
    ways = 1.0
    for one in range(int(bins.max()) + 1):
        inside = bins == one
        if np.ptp(values[inside]) > 0:
            ways *= comb(int(inside.sum()), int((inside & is_a).sum()))
    return max(min(1.0, 2 / ways), 1 / (1 + repeats))
