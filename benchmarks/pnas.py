"""How well does the predictor of `pnas` order networks of a size that it has never seen?

    python -m benchmarks.pnas POPULATION [--by size] [--predictor mlp] [--seed 0]

POPULATION is what `regnas search --strategy random` left of networks that grow, such as `growing:anynetx-a`, or any
other population of which one parameter is the size: `--by depth`. For every size but the first the predictor is fitted
to all smaller networks and orders those of the size: Kendall's tau with its 95 % interval of 2,000 bootstrap samples of
networks, beside that of flops, which no predictor is needed for. A population is evaluated by `regnas search`, which
goes on where it was stopped; this takes seconds.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.design_space import Params, Space, make_space
from regnas.errors import UsageError
from regnas.statistics.rank_correlation import LEAST, kendall, kendall_bootstrap, percentiles
from regnas.statistics.two_sample import Interval
from regnas.strategies.models.decisions import Decisions
from regnas.strategies.models.small_networks import PREDICTORS, SmallNetworks
from regnas.studies.populations.population import Population
from regnas.studies.populations.sources import load

REPEATS = 2_000
BINS = 16  # as of `pnas`

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """How well networks of one size were ordered by what was fitted to smaller ones.

    Attributes:
        fitted, ordered: how many networks there were of smaller sizes, and of this one.
        flops: Kendall's tau of fewer flops with the error, at the size alone.
    """

    size: float
    fitted: int
    ordered: int
    tau: Interval
    flops: Interval


def points_of(population: Population, space: Space) -> list[Params]:
    """The canonical points of a population's networks.

    Raises:
        UsageError: they are not those of the space.
    """
    found = []
    for row in range(len(population.indices)):
        numbers = {name: float(column[row]) for name, column in population.values.items()}
        known = {name: value for name, value in numbers.items() if not math.isnan(value)}
        point = space.read({**known, **{name: column[row] for name, column in population.words.items() if column[row]}})
        if point is None:
            raise UsageError(f"network {row} of {population.name} is no point of {space.spec}")
        found.append(point)
    return found


def interval(scores: Floats, errors: Floats, seed: int) -> Interval:
    """Kendall's tau of scores and errors, both ``(n,)``, with its interval."""
    draws = kendall_bootstrap(scores, errors, repeats=REPEATS, rng=np.random.default_rng(seed))
    return percentiles(kendall(scores, errors), draws)


def levels(population: Population, by: str, predictor: str, seed: int) -> list[Level]:
    """Every size but the first, of which there are enough networks.

    Raises:
        UsageError: the population says no space, or its networks have one size.
    """
    if "space" not in population.settings:
        raise UsageError(f"{population.name} does not say what space its networks are of; name a study's folder")
    space = make_space(population.settings["space"])
    points = points_of(population, space)
    if not points or by not in points[0]:
        raise UsageError(f"networks of {space.spec} have no parameter {by}; say which one is the size by --by")
    decisions = Decisions(space, BINS)
    rows = [decisions.tokens(point) for point in points]
    tokens, taken = (np.stack(column) for column in zip(*rows, strict=True))
    errors, sizes = np.nanmean(population.errors, axis=1), np.array([float(point[by]) for point in points])
    found = []
    for size in np.unique(sizes)[1:]:
        smaller, own = sizes < size, sizes == size
        if own.sum() < LEAST or smaller.sum() < LEAST:
            continue
        model = SmallNetworks(predictor, decisions.names, decisions.sizes, seed)
        model.fit(tokens[smaller], taken[smaller], errors[smaller])
        tau = interval(model.predict(tokens[own], taken[own]), errors[own], seed)
        flops = interval(-population.flops[own], errors[own], seed)
        found.append(Level(float(size), int(smaller.sum()), int(own.sum()), tau, flops))
    if not found:
        raise UsageError(f"{population.name} has no two sizes of at least {LEAST} networks by {by}")
    return found


def shown(one: Interval) -> str:
    """As it is printed."""
    return f"{one.estimate:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population")
    parser.add_argument("--by", default="size")
    parser.add_argument("--predictor", default=PREDICTORS[0], choices=PREDICTORS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        (population,) = load(given.population)
        found = levels(population, given.by, given.predictor, given.seed)
    except UsageError as error:
        raise SystemExit(f"Error: {error}") from None
    print(f"{'size':<6}{'fitted to':>10}{'ordered':>9}   {'tau of the predictor':<24}tau of fewer flops")
    for one in found:
        print(f"{one.size:<6g}{one.fitted:>10}{one.ordered:>9}   {shown(one.tau):<24}{shown(one.flops)}")


if __name__ == "__main__":
    main()
