"""Looking at the data several times: how much of alpha may be spent at each look.

Lan and DeMets' spending function of O'Brien-Fleming type spends almost nothing early, so the last look is nearly as
strong as a test that looks once. Boundaries follow from it by recursive integration (Armitage, McPherson and Rowe
1969; Jennison and Turnbull 2000, chapter 19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats

SPENDING = "O'Brien-Fleming type (Lan and DeMets 1983)"
_GRID = 201  # points of the integration, odd
_FAR = 38.0  # no standard normal number is that large
_ALPHAS = (
    *np.geomspace(1e-8, 0.25, 60).tolist(),
    *np.linspace(0.27, 0.9999, 20).tolist(),
)  # where a p value over several looks is interpolated


def spent(alpha: float, fraction: float) -> float:
    """Two-sided alpha spent once a fraction of the data is there: 2 - 2 Phi(z_(1 - alpha / 4) / sqrt(fraction)) a side.

    Raises:
        UsageError: a fraction outside (0, 1].

    Source: Lan and DeMets 1983, alpha_1*, for each side at alpha / 2.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"a look sees a fraction in (0, 1] of the data, got {fraction}")
    return float(4 * ndtr(ndtri(alpha / 4) / np.sqrt(fraction)))


def nominal_levels(alpha: float, fractions: tuple[float, ...]) -> tuple[float, ...]:
    """The level of each look: reject there if the look's own two-sided p value is at most this.

    Args:
        fractions: of the data at each look, ascending, the last at most 1.

    Raises:
        UsageError: fractions that do not ascend in (0, 1].

    Source: Lan and DeMets 1983; integration of Armitage, McPherson and Rowe 1969.
    """
    if any(b <= a for a, b in zip(fractions, fractions[1:], strict=False)):
        raise UsageError(f"looks see ever more of the data, got fractions {list(fractions)}")
    return tuple(_after(alpha, fractions[: count + 1]).level for count in range(len(fractions)))


@dataclass(frozen=True, eq=False)
class _State:
    """The paths that went on after a look.

    Attributes:
        points, mass: values of the score W(t) = Z sqrt(t) and their probability.
        level: two-sided level of the look itself.
    """

    points: Floats
    mass: Floats
    level: float


@lru_cache(maxsize=8192)
def _after(alpha: float, fractions: tuple[float, ...]) -> _State:
    """The state after the last of these looks; the earlier ones are remembered."""
    fraction = fractions[-1]
    before = _after(alpha, fractions[:-1]) if len(fractions) > 1 else None
    share = spent(alpha, fraction) - (spent(alpha, fractions[-2]) if before else 0.0)
    step = float(np.sqrt(fraction - (fractions[-2] if before else 0.0)))
    root = float(np.sqrt(fraction))

    def crossing(bound: float) -> float:
        edge = bound * root
        if before is None:
            return float(2 * ndtr(-edge / step))
        ends = ndtr((before.points - edge) / step) + ndtr((-edge - before.points) / step)
        return float(before.mass @ ends)

    bound = _FAR if crossing(_FAR) >= share else float(brentq(lambda b: crossing(b) - share, 0.0, _FAR, xtol=1e-10))
    edge = min(bound, 9.0) * root
    points = np.linspace(-edge, edge, _GRID)
    simpson = np.ones(_GRID)
    simpson[1:-1:2], simpson[2:-1:2] = 4, 2
    simpson *= (points[1] - points[0]) / 3
    scale = step * np.sqrt(2 * np.pi)
    if before is None:
        density = np.exp(-0.5 * (points / step) ** 2) / scale
    else:
        density = np.exp(-0.5 * ((points[:, None] - before.points[None]) / step) ** 2) @ before.mass / scale
    return _State(points, density * simpson, float(2 * ndtr(-bound)))


@lru_cache(maxsize=1024)
def _levels_by_alpha(fractions: tuple[float, ...]) -> Floats:
    """Logarithm of the level of the last look for every alpha of `_ALPHAS`; never falling."""
    levels = np.array([_after(alpha, fractions).level for alpha in _ALPHAS])
    return np.maximum.accumulate(np.log(np.maximum(levels, 1e-300)))


def sequential_p(p: float, fractions: Sequence[float]) -> float:
    """The smallest alpha at which the last of these looks rejects: its p value, which has paid for all of them.

    Only what the data say now counts: an earlier look that would have rejected at a larger alpha is not remembered,
    so that the p value and the estimate beside it are of the same data.

    Args:
        p: two-sided, of the last look.
        fractions: of the data at each look so far, ascending.

    Raises:
        UsageError: no look, or fractions that do not ascend in (0, 1].

    Source: the stagewise levels of Lan and DeMets 1983, inverted in alpha as in Liu and Anderson 2008.
    """
    if not fractions or not 0 <= p <= 1:
        raise UsageError(f"a look has a p value in [0, 1] and a fraction of the data, got {p} and {list(fractions)}")
    nominal_levels(0.05, tuple(fractions))  # checks the fractions
    levels = _levels_by_alpha(tuple(float(fraction) for fraction in fractions))
    if p > np.exp(levels[-1]):
        return 1.0
    return float(np.exp(np.interp(np.log(max(p, 1e-300)), levels, np.log(_ALPHAS))))
