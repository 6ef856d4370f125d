"""The error distribution of a space: F(e), the share of its models with an error below e."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, sample, unit_weights
from regnas.statistics.resampling import atoms, resampled


def edf(errors: npt.ArrayLike, at: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """F(e) = sum of w_i over the models with e_i < e, strictly.

    Args:
        errors: ``(n,)``.
        at: ``(m,)``, the values of e.
        weights: ``(n,)``, normalised here; equal ones for None.

    Returns:
        ``(m,)``, in [0, 1].

    Source: Radosavovic et al. 2020 (arXiv 2003.13678), eq. 1; weighted: 2019 (arXiv 1905.13214), eq. 2.
    """
    values = sample(errors)
    share = unit_weights(weights, len(values))
    order = np.argsort(values, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(share[order])])
    places = np.searchsorted(values[order], np.asarray(at, dtype=np.float64), side="left")
    return np.asarray(np.minimum(below[places], 1.0))


def dkw_half_width(count: int, confidence: float = 0.95) -> float:
    """Half the width of a band that holds the whole distribution with this confidence; for equal weights only.

    Raises:
        UsageError: no model, or a confidence outside (0, 1).

    Source: Dvoretzky, Kiefer and Wolfowitz 1956, with the constant of Massart 1990: sqrt(log(2 / alpha) / (2 n)).
    """
    if count < 1 or not 0 < confidence < 1:
        raise UsageError(f"a band needs models and a confidence in (0, 1), got {count} and {confidence}")
    return math.sqrt(math.log(2 / (1 - confidence)) / (2 * count))


def bootstrap_band(
    errors: npt.ArrayLike,
    at: npt.ArrayLike,
    members: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    repeats: int = 1000,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Percentile band of F at every point, resampling models with replacement (within their bins).

    The band holds at each point by itself; `dkw_half_width` gives one that holds everywhere at once.

    Args:
        errors: ``(n,)``.
        at: ``(m,)``.
        members: ``(n,)``, the bin of every model, see `regnas.statistics.bins`; one bin for None.

    Returns:
        Lower and upper ends, each ``(m,)``.

    Source: Efron and Tibshirani 1993, section 13.3.
    """
    found = atoms(errors, members)
    below = np.cumsum(resampled(found, repeats, rng), axis=1)
    below = np.hstack([np.zeros((repeats, 1)), below])
    tail = 50 * (1 - confidence)
    ends = np.percentile(below, [tail, 100 - tail], axis=0)
    # An atom of several models counts as below e once the largest of them is.
    places = np.searchsorted(found.largest, np.asarray(at, dtype=np.float64), side="left")
    return ends[0][places], ends[1][places]


def area_below(errors: npt.ArrayLike, limit: float, weights: npt.ArrayLike | None = None) -> float:
    """Area under F up to an error, over that error: 1 - sum of w_i min(1, e_i / limit).

    1 where every model is perfect, 0 where none is better than ``limit``.

    Args:
        errors, weights: ``(n,)``; equal weights for None.

    Raises:
        UsageError: a limit that is not above 0.

    Source: Radosavovic et al. 2019, section 3.4 and its notebooks.
    """
    if not limit > 0:
        raise UsageError(f"the area goes up to an error above 0, got {limit}")
    values = sample(errors)
    return float(1 - (unit_weights(weights, len(values)) * np.minimum(1, values / limit)).sum())


def quantile(errors: npt.ArrayLike, q: float, weights: npt.ArrayLike | None = None) -> float:
    """The smallest error that at least a share ``q`` of the models does not exceed.

    Args:
        errors, weights: ``(n,)``; equal weights for None.

    Source: the inverse of the empirical distribution, definition 1 of Hyndman and Fan 1996.
    """
    values = sample(errors)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(unit_weights(weights, len(values))[order])
    place = np.searchsorted(reached, q * (1 - 1e-12), side="left")
    return float(values[order][min(int(place), len(values) - 1)])
