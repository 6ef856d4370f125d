"""What a number of models can see, and how many a difference asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr

from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.statistics.arrays import Floats, pieces

_SIMULATIONS = 2000
_SIMULATED = 4000  # models, up to which the power of a distance is simulated
_SURE = 0.25  # a distance that so many see whatever the level
_MIDPOINTS = (np.arange(400) + 0.5) / 400
_MOST = 1_000_000


def _checked(alpha: float, power: float) -> None:
    if not (0 < alpha < 1 and 0 < power < 1):
        raise UsageError(f"alpha and power lie between 0 and 1, got {alpha} and {power}")


# --- the primary statistic: a difference of means -----------------------------------------------------------------


def one_bin(count: int) -> int:
    """The complexity bins of a comparison that is not normalised."""
    return 1


def difference_power(
    difference: float,
    sd_a: float,
    sd_b: float,
    count: int,
    *,
    alpha: float = 0.05,
    bins: Callable[[int], int] = one_bin,
) -> float:
    """Chance that a two-sided test of level alpha sees a difference of mean error, with ``count`` models of each.

    Models fall into complexity bins at random, and a bin with few of them is as heavy as the others: that makes the
    variance larger by 1 + (k - 1) / n, the mean of n / (k m_j) for binomial m_j to first order.

    Args:
        difference, sd_a, sd_b: in the same unit; standard deviations inside a complexity bin.
        bins: k for a number of models.

    Source: the noncentral t of Welch's test, degrees of freedom of Satterthwaite 1946.
    """
    k = bins(count)
    if count <= k or sd_a == sd_b == 0:
        return 0.0 if count <= k else 1.0
    a, b = (sd**2 / count * (1 + (k - 1) / count) for sd in (sd_a, sd_b))
    freedom = (a + b) ** 2 / (a**2 / (count - k) + b**2 / (count - k))
    shift = abs(difference) / math.sqrt(a + b)
    edge = stats.t.ppf(1 - alpha / 2, freedom)
    # The noncentral t, averaged over the estimated spread: scipy's own is not a number in its far tail.
    spreads = np.sqrt(stats.chi2.ppf(_MIDPOINTS, freedom) / freedom)
    return float((ndtr(shift - edge * spreads) + ndtr(-shift - edge * spreads)).mean())


def models_for_difference(
    difference: float,
    sd_a: float,
    sd_b: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    bins: Callable[[int], int] = one_bin,
) -> int:
    """Models of each space that see this difference of mean error with this power.

    Source: `difference_power`, solved for the number of models.

    Raises:
        UsageError: a difference of 0, or one that would take a million models.
    """
    _checked(alpha, power)
    if difference == 0 or not math.isfinite(difference):
        raise UsageError(f"a difference to detect is not 0, got {difference}")
    low, high = 1, 2
    while difference_power(difference, sd_a, sd_b, high, alpha=alpha, bins=bins) < power:
        low, high = high, 2 * high
        if high > _MOST:
            raise UsageError(f"more than {_MOST:,} models of each space would be needed; ask for a larger difference")
    while high - low > 1:
        middle = (low + high) // 2
        seen = difference_power(difference, sd_a, sd_b, middle, alpha=alpha, bins=bins) >= power
        low, high = (low, middle) if seen else (middle, high)
    return high


def detectable_difference(
    sd_a: float,
    sd_b: float,
    count: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    bins: Callable[[int], int] = one_bin,
) -> float:
    """The difference of mean error that ``count`` models of each space see with this power.

    Source: `difference_power`, solved for the difference.
    """
    _checked(alpha, power)
    if power <= alpha:
        return 0.0  # no difference at all is seen as often
    top = math.hypot(sd_a, sd_b)
    if count <= bins(count) or top == 0:
        return math.inf if count <= bins(count) else 0.0

    def seen(gap: float) -> float:
        return difference_power(gap, sd_a, sd_b, count, alpha=alpha, bins=bins)

    while seen(top) < power:
        top *= 2
    return float(brentq(lambda gap: seen(gap) - power, 0.0, top, xtol=1e-9))


def models_for_equivalence(
    difference: float, sd_a: float, sd_b: float, margin: float, *, confidence: float = 0.90, power: float = 0.8
) -> int | None:
    """Models of each space whose interval would lie inside the margin with this power, were the difference this one.

    Returns:
        None for a difference outside the margin, or where it would take more than a million.

    Source: the two one-sided tests of Schuirmann 1987, in the normal limit.
    """
    _checked(1 - confidence, power)
    if abs(difference) >= margin:
        return None
    reach = float(stats.norm.ppf(0.5 + confidence / 2))
    spread = math.hypot(sd_a, sd_b)
    if spread == 0:
        return 2

    def inside(count: int) -> float:
        """Chance that estimate +- reach standard errors lies inside the margin."""
        error = spread / math.sqrt(count)
        high, low = ((margin - sign * difference) / error - reach for sign in (1, -1))
        return float(ndtr(high) - ndtr(-low)) if high + low > 0 else 0.0

    low, high = 1, 2
    while inside(high) < power:
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if inside(middle) >= power else (middle, high)
    return high


# --- the distance of distributions ---------------------------------------------------------------------------------


def lehmann_exponent(distance: float) -> float:
    """The k for which 'one model of B is as the best of k models of A' is this far apart: ``sup |F_b - F_a| = D``.

    With F_b = 1 - (1 - F_a)^k the distance does not depend on F_a (Lehmann 1953), and k is the advantage in random
    search: the yardstick that the power of the Kolmogorov-Smirnov test is told on.

    Raises:
        UsageError: a distance outside (0, 1).
    """
    if not 0 < distance < 1:
        raise UsageError(f"a distance of two distributions lies between 0 and 1, got {distance}")

    def gap(exponent: float) -> float:
        survivors = math.exp(-math.log(exponent) / (exponent - 1))  # where u - u^k is largest
        return survivors - math.exp(exponent * math.log(survivors))

    high = 2.0
    while gap(high) < distance:
        high *= 2
    return float(brentq(lambda k: gap(k) - distance, 1 + 1e-9, high))


def distance_power(distance: float, count: int, *, alpha: float = 0.05, simulations: int = _SIMULATIONS) -> float:
    """Chance that the Kolmogorov-Smirnov test tells two spaces this far apart with ``count`` models of each.

    By simulation of Lehmann's alternative, with a fixed seed: a standard error of 1.1 % with 2,000. More models than
    `_SIMULATED` see what these see at a distance larger by the root of their numbers.

    Source: Lehmann 1953; the test of Smirnov 1939, whose limit is one of D times the root of the number.
    """
    if count > _SIMULATED:
        distance *= math.sqrt(count / _SIMULATED)
        return 1.0 if distance >= _SURE else distance_power(distance, _SIMULATED, alpha=alpha, simulations=simulations)
    exponent = lehmann_exponent(distance)
    rng = keyed.generator("ks-power", count)
    critical = critical_distance(count, alpha)
    seen = 0
    for piece in pieces(simulations, 2 * count):
        plain = rng.random((piece, count))
        better = 1 - rng.random((piece, count)) ** (1 / exponent)
        seen += int((_distances(plain, better) >= critical - 1e-9).sum())
    return seen / simulations


def critical_distance(count: int, alpha: float = 0.05) -> float:
    """The smallest D that is significant with ``count`` models of each space; above 1 where none is.

    Raises:
        UsageError: no model.

    Source: the exact distribution of Gnedenko and Korolyuk 1951.
    """
    if count < 1:
        raise UsageError(f"a test needs models, got {count}")
    low, high = 0, count + 1  # D is a multiple of 1 / count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _p_value(middle, count) <= alpha else (middle, high)
    return high / count


def _p_value(steps: int, count: int) -> float:
    """Of D = steps / count: exact, by the reflections of Gnedenko and Korolyuk 1951; the limit beyond 20,000."""
    if count > 20_000:
        return float(stats.kstwobign.sf(steps / count * math.sqrt(count / 2)))
    top, j = 0.0, 1  # the terms shrink fast
    while j * steps <= count:
        log = 2 * gammaln(count + 1) - gammaln(count - j * steps + 1) - gammaln(count + j * steps + 1)
        top += (-1) ** (j + 1) * math.exp(float(log))
        j += 1
    return min(1.0, 2 * top)


def _distances(a: Floats, b: Floats) -> Floats:
    """D of many pairs of equally large samples, ``(r, n)`` each."""
    order = np.argsort(np.hstack([a, b]), axis=1)
    steps = np.where(order < a.shape[1], 1.0, -1.0)
    return np.asarray(np.abs(np.cumsum(steps, axis=1)).max(axis=1) / a.shape[1])


def models_for_distance(distance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Models of each space that the Kolmogorov-Smirnov test needs to tell two spaces this far apart.

    Source: `distance_power`, solved for the number of models by bisection.

    Raises:
        UsageError: it would take more than a million.
    """
    _checked(alpha, power)
    low, high = 1, 8
    while distance_power(distance, high, alpha=alpha) < power:
        low, high = high, 2 * high
        if high > _MOST / 10:
            raise UsageError(f"more than {_MOST // 10:,} models of each space would be needed; ask for a larger D")
    while high - low > max(1, high // 50):  # simulated powers differ by less than their noise in between
        middle = (low + high) // 2
        low, high = (low, middle) if distance_power(distance, middle, alpha=alpha) >= power else (middle, high)
    return high


@lru_cache(maxsize=256)
def detectable_distance(count: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The D that the Kolmogorov-Smirnov test sees with ``count`` models of each space; 1 where it sees none.

    Source: `distance_power`, solved for D by bisection.
    """
    _checked(alpha, power)
    low, high = 0.0, 1.0
    if critical_distance(count, alpha) > 1:
        return 1.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (low, middle) if distance_power(middle, count, alpha=alpha) >= power else (middle, high)
    return high
