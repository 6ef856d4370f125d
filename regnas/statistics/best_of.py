"""Random-search efficiency: how good is the best of m random models of a space? In closed form.

All of it is a function of the (weighted) error distribution: the best of m independent models is above e with
probability S(e)^m, where S is the weighted share of models above e.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, sample, unit_weights
from regnas.statistics.resampling import atoms, resampled

TRUSTED_SHARE = 0.25  # the best of m is read off n models for m up to this share of n; beyond, it is extrapolation


def _sizes(sizes: npt.ArrayLike) -> Floats:
    array = np.atleast_1d(np.asarray(sizes, dtype=np.float64))
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise UsageError(f"the number of models to take the best of is above 0, got {np.asarray(sizes).tolist()}")
    return array


def _sorted(errors: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Ascending errors, and S: the weight above each, with 1 before the first, ``(n + 1,)``."""
    values = sample(errors)
    order = np.argsort(values, kind="stable")
    share = unit_weights(weights, len(values))[order]
    above = np.concatenate([np.cumsum(share[::-1])[::-1], [0.0]])
    above[0] = 1.0  # not one less a rounding: it is raised to high powers
    return values[order], np.clip(above, 0.0, 1.0)


def expected_best(errors: npt.ArrayLike, sizes: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """Expected smallest error of m models drawn with replacement by their weights.

    E[min] = sum over i of e_(i) (S_(i-1)^m - S_i^m).

    Args:
        errors: ``(n,)``.
        sizes: ``(k,)``, values of m; fractions interpolate.

    Returns:
        ``(k,)``.

    Source: the closed form of the simulation of Radosavovic et al. 2019, section 3.5.
    """
    values, above = _sorted(errors, weights)
    return np.array([-np.diff(above**m) @ values for m in _sizes(sizes)])


def expected_best_unbiased(errors: npt.ArrayLike, sizes: npt.ArrayLike) -> Floats:
    """Unbiased estimate of the expected best of m models: the mean over all subsets of m of the n models.

    Equal weights only. The paper's estimate, with replacement, is a little too large: it may draw a model twice.

    Args:
        errors: ``(n,)``.
        sizes: ``(k,)``, whole numbers up to n.

    Raises:
        UsageError: a size that is no whole number up to n.

    Source: the U-statistic of the minimum, as Dodge et al. 2019 (arXiv 1909.03004) apply it to random search and
        Tang et al. 2020 (arXiv 2004.01434) correct it.
    """
    values = np.sort(sample(errors))
    n = len(values)
    found = []
    for m in _sizes(sizes):
        if m != int(m) or m > n:
            raise UsageError(f"without replacement the best of m is of a whole number up to {n} models, got {m:g}")
        rest = n - np.arange(1, n + 1)  # models above the i-th
        possible = rest >= m - 1
        rest = rest[possible]
        # The i-th is the smallest of a subset: C(n - i, m - 1) of the C(n, m) subsets.
        logs = gammaln(rest + 1) - gammaln(m) - gammaln(rest - m + 2)
        logs -= gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
        found.append(float(np.exp(logs) @ values[possible]))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Band:
    """A quantile of the best of m with its bootstrap band, each ``(k,)``."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class BestCurve:
    """The expected best of m models, each array ``(k,)``.

    Attributes:
        low, high: bootstrap band at each m.
        trusted: whether m is at most a quarter of the models: beyond, the curve is extrapolation.
        quantiles: by their probability.
    """

    sizes: Floats
    expected: Floats
    low: Floats
    high: Floats
    trusted: npt.NDArray[np.bool_]
    quantiles: Mapping[float, Band]


def best_curve(
    errors: npt.ArrayLike,
    sizes: npt.ArrayLike,
    members: npt.ArrayLike | None = None,
    *,
    quantiles: Sequence[float] = (),
    confidence: float = 0.95,
    repeats: int = 1000,
    rng: np.random.Generator,
) -> BestCurve:
    """The expected best of m with a percentile bootstrap band, each bin of ``members`` weighing the same.

    Near m = n / 4 the band is too narrow: the best models there are may not be the best there could be.

    Args:
        errors, members: ``(n,)``, as in `regnas.statistics.edf.bootstrap_band`.
        quantiles: of the best of m, in (0, 1), with bands from the same resamples.

    Source: the closed form of `expected_best`; the percentile bootstrap of Efron and Tibshirani 1993, section 13.3.
    """
    found = atoms(errors, members)
    wanted = _sizes(sizes)
    shares = resampled(found, repeats, rng)
    tail = 50 * (1 - confidence)

    def band(value: Floats, draws: Floats) -> Band:
        low, high = np.percentile(draws, [tail, 100 - tail], axis=0)
        return Band(value, low, high)

    whole = band(*(_best_of_atoms(found.values, one, wanted) for one in (found.shares[None], shares)))
    bands = {
        q: band(*(_quantile_of_atoms(found.values, one, wanted, q) for one in (found.shares[None], shares)))
        for q in quantiles
    }
    trusted = wanted <= TRUSTED_SHARE * found.counts.sum()
    bands = {q: Band(one.value[0], one.low, one.high) for q, one in bands.items()}
    return BestCurve(wanted, whole.value[0], whole.low, whole.high, trusted, bands)


def _best_of_atoms(values: Floats, shares: Floats, sizes: Floats) -> Floats:
    """``(repeats, k)`` expected bests of distributions over the same values, ``shares`` being ``(repeats, g)``."""
    above = np.clip(np.cumsum(shares[:, ::-1], axis=1)[:, ::-1], 0.0, 1.0)
    above[:, 0] = 1.0
    steps = np.diff(values, prepend=0.0)  # E[min] = sum of (v_i - v_(i-1)) P(min >= v_i)
    return np.stack([above**m @ steps for m in sizes], axis=1)


def _quantile_of_atoms(values: Floats, shares: Floats, sizes: Floats, q: float) -> Floats:
    """``(repeats, k)`` values that the best of m does not exceed with probability ``q``, likewise."""
    reached = np.cumsum(shares, axis=1)
    found = []
    for m in sizes:
        least = -np.expm1(np.log1p(-q) / m)  # the share of models that must be reached: 1 - (1 - q)^(1 / m)
        places = (reached < least * (1 - 1e-12)).sum(axis=1)
        found.append(values[np.minimum(places, len(values) - 1)])
    return np.stack(found, axis=1)


def chance_of_winning(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    sizes: npt.ArrayLike,
    weights_a: npt.ArrayLike | None = None,
    weights_b: npt.ArrayLike | None = None,
) -> Floats:
    """Probability that the best of m models of A is better than the best of m models of B; ties count half.

    Returns:
        ``(k,)``.

    Source: the sum over A's models of P(min_A = a) (P(min_B > a) + P(min_B >= a)) / 2; for m = 1 it is the effect
        size of Vargha and Delaney 2000.
    """
    a, above_a = _sorted(errors_a, weights_a)
    b, above_b = _sorted(errors_b, weights_b)
    strictly = np.searchsorted(b, a, side="right")  # models of B that are at most a
    weakly = np.searchsorted(b, a, side="left")  # models of B below a
    found = []
    for m in _sizes(sizes):
        mass = -np.diff(above_a**m)
        found.append(float(mass @ (above_b[strictly] ** m + above_b[weakly] ** m) / 2))
    return np.array(found)


def equal_effort(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    size: float,
    weights_a: npt.ArrayLike | None = None,
    weights_b: npt.ArrayLike | None = None,
) -> float:
    """How many random models of A are as good, in expectation, as the best of ``size`` models of B?

    Args:
        errors_a, weights_a: ``(n,)``; errors_b, weights_b: ``(m,)``; equal weights for None.

    Returns:
        A number of models, a fraction in general; infinite where no number of these models of A reaches it.

    Source: `expected_best` of A, solved for m by bisection.
    """
    goal = float(expected_best(errors_b, size, weights_b)[0])
    values, above = _sorted(errors_a, weights_a)

    def best(m: float) -> float:
        return float(-np.diff(above**m) @ values)

    low, high = 0.0, 1.0
    if values[0] >= goal and best(1e12) > goal:
        return float("inf")
    while best(high) > goal:
        low, high = high, 2 * high
        if high > 1e9:
            return float("inf")
    for _ in range(60):
        middle = (low + high) / 2
        if middle > 0 and best(middle) <= goal:
            high = middle
        else:
            low = middle
    return high


def powers_of_two(count: int, beyond: int = 2) -> list[int]:
    """1, 2, 4, ... up to a quarter of ``count`` models, and as many doublings beyond."""
    top = max(1, int(count * TRUSTED_SHARE))
    return [2**k for k in range(top.bit_length() + beyond)]


def merged_sizes(counts: Sequence[int], always: Sequence[int] = (25,)) -> list[int]:
    """The m that several populations are read at: powers of two and those in ``always``."""
    return sorted({*powers_of_two(max(counts)), *always})
