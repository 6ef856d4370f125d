"""What an audit finds: rank correlations with the trained error, beside those of sizes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regnas.errors import UsageError
from regnas.metric import Metric
from regnas.sampling import keyed
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.bins import common_bins
from regnas.statistics.rank_correlation import LEAST, bootstrap, kendall, percentiles, rank_correlations
from regnas.statistics.two_sample import Interval
from regnas.studies.populations.population import Population

SIZES = ("params", "flops", "activations", "depth")  # what costs nothing to know
_TOP = 0.1  # share of the networks that a search is about
_MOST_BINS, _PER_BIN = 10, 10


@dataclass(frozen=True)
class Audit:
    """One score's correlation with the accuracy: positive where the score is right about what is good.

    Attributes:
        networks: that have the score.
        overall: Spearman's rank correlation.
        tau: Kendall's tau-b.
        within: rank correlation at equal complexity, see `regnas.statistics.rank_correlation.rank_correlations`.
        top: Spearman's among the best tenth by trained error; NaN where these are fewer than ten.
        gain: of ``within`` over the best size, in the direction in which that is right; None of sizes. The intervals of
            all scores hold together with 95 %.
    """

    name: str
    networks: int
    overall: Interval
    tau: float
    within: Interval
    top: float
    gain: Interval | None

    @property
    def helps(self) -> bool:
        """Whether it is surely better than every size alone, at equal complexity."""
        return self.gain is not None and self.gain.low > 0


@dataclass(frozen=True)
class Audits:
    """All scores of a population, the best at equal complexity first; sizes among them.

    Attributes:
        complexity: what networks are compared at equal amounts of.
        bins: of it.
        size: the size that orders networks best at equal complexity, large or small; empty where none is known.
        larger: whether its large values are the good ones.
    """

    population: str
    complexity: str
    bins: int
    size: str
    larger: bool
    scores: tuple[Audit, ...]
    untold: Mapping[str, int]


def columns(
    population: Population, metrics: Sequence[Metric], rows: Sequence[Mapping[str, float]]
) -> dict[str, Floats]:
    """Every score of every network, ``(n,)`` each, the larger the better; NaN where a network has none.

    Measures that the population knows of all its networks stand beside what was scored.

    Args:
        metrics: what was scored.
        rows: of each network, its scores by name.
    """
    signs = {one.name: 1.0 if one.goal == "maximize" else -1.0 for one in metrics}
    found = {
        name: sign * np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name, sign in signs.items()
    }
    known = {name: cost for name, cost in population.costs.items() if np.isfinite(cost).all()}
    return {**{name: cost for name, cost in known.items() if name in SIZES}, **found}


def audit(
    population: Population, scores: Mapping[str, Floats], *, complexity: str, bins: int | None, seed: int, repeats: int
) -> Audits:
    """The correlations of all scores with the population's error.

    Args:
        scores: ``(n,)`` each, NaN where a network has none.
        complexity: a measure that the population knows of every network.
        bins: of it; one per ten networks, at most ten, for None.
        repeats: of the bootstrap.

    Raises:
        UsageError: fewer networks than a correlation takes.
        PopulationError: it does not know the measure.
    """
    if len(population) < LEAST:
        raise UsageError(f"an audit takes at least {LEAST} networks, {population.name} has {len(population)}")
    count = bins or max(1, min(_MOST_BINS, len(population) // _PER_BIN))
    members = common_bins([population.complexity(complexity)], bins=count).members[0]
    enough = {name: column for name, column in scores.items() if np.isfinite(column).sum() >= LEAST}
    sizes = [name for name in enough if name in SIZES and np.isfinite(enough[name]).all()]
    whole = {name: float(rank_correlations(enough[name], -population.error, members)[0]) for name in sizes}
    size = max((name for name in sizes if np.isfinite(whole[name])), key=lambda name: abs(whole[name]), default="")
    bar = np.sign(whole[size]) * enough[size] if size else None
    of_scores = max(1, sum(name not in SIZES for name in enough))
    found = [
        _audit(
            population, name, enough[name], bar, members, seed=seed, repeats=repeats, confidence=1 - 0.05 / of_scores
        )
        for name in enough
    ]
    return Audits(
        population.name,
        complexity,
        int(members.max()) + 1,
        size,
        not size or whole[size] > 0,
        tuple(sorted(found, key=lambda one: -np.nan_to_num(one.within.estimate, nan=-2.0))),
        {name: int((~np.isfinite(column)).sum()) for name, column in scores.items() if not np.isfinite(column).all()},
    )


def _audit(
    population: Population,
    name: str,
    scores: Floats,
    bar: Floats | None,
    members: Ints,
    *,
    seed: int,
    repeats: int,
    confidence: float,
) -> Audit:
    rows = np.isfinite(scores)
    target, inside = -population.error[rows], np.unique(members[rows], return_inverse=True)[1]
    pair = np.stack([scores[rows], (scores if bar is None else bar)[rows]])

    def draws(bins: Ints | None) -> Floats:  # every score meets the same networks
        return bootstrap(pair, target, bins, repeats=repeats, rng=keyed.generator("audit", seed, len(target)))

    overall, within = rank_correlations(pair, target), rank_correlations(pair, target, inside)
    drawn = draws(inside)
    gain = (
        None
        if name in SIZES or bar is None
        else percentiles(within[0] - within[1], drawn[:, 0] - drawn[:, 1], confidence)
    )
    best = np.argsort(-target, kind="stable")[: int(_TOP * len(target))]
    return Audit(
        name,
        int(rows.sum()),
        percentiles(overall[0], draws(None)[:, 0]),
        kendall(pair[0], target),
        percentiles(within[0], drawn[:, 0]),
        float(rank_correlations(pair[0, best], target[best])[0]) if len(best) >= _PER_BIN else float("nan"),
        gain,
    )
