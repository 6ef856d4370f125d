"""How much of a ranking is noise: architecture against training seed, epoch against epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats
from regnas.statistics.two_sample import Interval


@dataclass(frozen=True)
class Components:
    """Standard deviations of a one-way layout, in units of the errors.

    Attributes:
        architecture: between networks, the seeds' share taken out; 0 where the seeds explain it all.
        seed: between trainings of one network.
        ratio: the first over the second, with its bootstrap interval.
    """

    architecture: float
    seed: float
    ratio: Interval
    networks: int
    seeds: int


def variance_components(
    errors: npt.ArrayLike, *, confidence: float = 0.90, repeats: int = 2000, rng: np.random.Generator
) -> Components:
    """Spread of architectures and of training seeds.

    Args:
        errors: ``(networks, seeds)``, at least two of each.

    Raises:
        UsageError: fewer, or an error that is not finite.

    Source: the method of moments of Searle, Casella and McCulloch 1992, section 3.6.
    """
    table = np.asarray(errors, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise UsageError(f"noise needs finite errors of 2 networks with 2 seeds each, got shape {table.shape}")
    architecture, seed = spreads(table[None])
    rows = rng.integers(len(table), size=(repeats, len(table)))
    found = spreads(table[rows])
    ratios = np.divide(*found, out=np.full(repeats, np.inf), where=found[1] > 0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail], method="nearest")
    ratio = float(architecture[0] / seed[0]) if seed[0] else float("inf")
    return Components(
        float(architecture[0]),
        float(seed[0]),
        Interval(ratio, float(low), float(high), confidence),
        len(table),
        table.shape[1],
    )


def spreads(tables: Floats) -> tuple[Floats, Floats]:
    """Architecture and seed standard deviations of tables ``(r, networks, seeds)``, each ``(r,)``."""
    within = tables.var(axis=2, ddof=1).mean(axis=1)
    between = tables.mean(axis=2).var(axis=1, ddof=1) - within / tables.shape[2]
    return np.sqrt(np.maximum(between, 0.0)), np.sqrt(within)


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's correlation of two rankings of the same models; NaN where one of them is constant.

    Args:
        first, second: ``(n,)``.

    Raises:
        UsageError: fewer than 2 models, or another number of them on the other side.

    Source: Spearman 1904.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(a) != len(b) or len(a) < 2:
        raise UsageError(f"two rankings of the same 2 or more models are needed, got {len(a)} and {len(b)}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(stats.spearmanr(a, b).statistic)
