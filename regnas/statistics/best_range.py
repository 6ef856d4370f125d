"""The empirical bootstrap: which values of a parameter do the best models have?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Ints, sample

SHARE = 0.25
REPEATS = 10_000


@dataclass(frozen=True)
class BestRange:
    """Percentiles 2.5, 50 and 97.5 of a parameter of the best model of a resample."""

    low: float
    middle: float
    high: float


def best_models(
    errors: npt.ArrayLike, *, share: float = SHARE, repeats: int = REPEATS, rng: np.random.Generator
) -> Ints:
    """The best model of each of many resamples of a quarter of the models, drawn with replacement.

    The rank of the best of k draws is drawn directly: it is at least r with probability ((n - r) / n)^k. Among
    equal errors each model is as likely.

    Args:
        errors: ``(n,)``.

    Returns:
        ``(repeats,)``, places in ``errors``.

    Raises:
        UsageError: a share outside (0, 1], no repeat, no error, or one that is not finite.

    Source: Radosavovic et al. 2020, section 3.2 (empirical bootstrap, Efron and Tibshirani 1994).
    """
    if not 0 < share <= 1 or repeats < 1:
        raise UsageError(f"a resample takes a share in (0, 1] of the models, at least once; got {share}, {repeats}")
    values = sample(errors)
    n = len(values)
    draws = max(1, int(share * n))
    rank = np.minimum((n * (1 - rng.random(repeats) ** (1 / draws))).astype(np.int64), n - 1)
    order = np.argsort(values, kind="stable")
    first = np.searchsorted(values[order], values[order][rank], side="left")
    last = np.searchsorted(values[order], values[order][rank], side="right")
    return np.asarray(order[first + (rng.random(repeats) * (last - first)).astype(np.int64)])


def best_range(values: npt.ArrayLike, best: Ints) -> BestRange:
    """The range of a parameter among the best models of `best_models`.

    Args:
        values: ``(n,)``, of every model.
        best: ``(repeats,)``.
    """
    low, middle, high = np.percentile(np.asarray(values, dtype=np.float64)[best], [2.5, 50, 97.5])
    return BestRange(float(low), float(middle), float(high))
