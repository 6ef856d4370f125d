"""How populations are compared: everything that is fixed before the data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regnas.errors import UsageError
from regnas.measure import BUILT_IN, in_seconds, installed, short_of
from regnas.statistics.bins import Bins, common_bins
from regnas.statistics.difference import LEAST
from regnas.studies.populations.population import Population, PopulationError
from regnas.window import Bounds, parse_bounds

NONE = "none"  # the complexity of a comparison that is not normalised
MOST_BINS = 10  # where nothing is said
BINS = 1000
PER_BIN = 10  # models of each population that a bin should hold
MOST_REPEATS = 999_999  # permutations for the small levels of early looks


@dataclass(frozen=True, kw_only=True)
class ComparisonRules:
    """The rules of a comparison.

    Attributes:
        complexity: what spaces are compared at equal amounts of, or `NONE`.
        bins: complexity bins; one per ten models of the smaller population unless said, ten at most.
        margin: difference of mean error, a fraction, that does not matter.
        alpha: chance, over all pairs together, that some space is called better when none is.
        best_of: models of the search whose expected best is shown beside the verdict.
        most_failed: share of failed candidates above which there is no verdict.
        power: that a number of models is told for.
        repeats: permutations of each test; several looks take up to `MOST_REPEATS`.
        resamples: of each bootstrap.
        seed: of permutations and bootstraps.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    complexity: str = "flops"
    bins: int | None = None
    margin: float = 0.01
    alpha: float = 0.05
    best_of: int = 25
    most_failed: float = 0.05
    power: float = 0.8
    repeats: int = 9999
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.complexity != NONE and self.complexity not in BUILT_IN and self.complexity not in installed():
            raise UsageError(f"--complexity is one of {', '.join(installed())}, {NONE}; got {self.complexity!r}")
        if self.bins is not None and not 1 <= self.bins <= BINS:
            raise UsageError(f"--bins are a whole number from 1 to {BINS:,}, got {self.bins}")
        if not 0 < self.margin < 1:
            raise UsageError(f"--margin is a difference of error in points, above 0; got {100 * self.margin:g}")
        if not 0 < self.alpha < 0.5:
            raise UsageError(f"--alpha lies between 0 and 0.5, got {self.alpha}")

    def bins_for(self, count: int) -> int:
        """Complexity bins for populations of ``count`` models: known before any is trained."""
        if self.complexity == NONE:
            return 1
        return self.bins or max(1, min(MOST_BINS, count // PER_BIN))


def binned(populations: Sequence[Population], rules: ComparisonRules) -> Bins:
    """The complexity bins of populations: over the window the models were drawn in, else over what all reach.

    Raises:
        PopulationError: no bin holds two models of every population.
    """
    smallest = min(map(len, populations))
    if smallest < LEAST:
        one = next(found for found in populations if len(found) < LEAST)
        raise PopulationError(f"population {one.name} has {len(one)} model; comparing takes {LEAST} or more")
    if rules.complexity == NONE:
        return common_bins([np.zeros(len(one)) for one in populations], bins=1, least=LEAST)
    columns = [one.complexity(rules.complexity) for one in populations]
    low, high = _window(populations, rules.complexity)
    for k in range(rules.bins_for(smallest), 0, -1):
        found = common_bins(columns, bins=k, low=low, high=high, least=LEAST)
        if found.used.any():
            return found
    raise PopulationError(
        f"no range of {rules.complexity} holds {LEAST} models of every population; compare spaces inside one window, "
        f"or give --complexity none"
    )


def _window(populations: Sequence[Population], complexity: str) -> tuple[float | None, float | None]:
    """The window on this complexity that all were drawn in; None for a side that is not on record for all.

    A window that is open below begins at the smallest model of all, not at the smallest that every space has, and
    likewise above.
    """
    found = [_bounds(one, complexity) for one in populations]
    if any(bounds is None for bounds in found):
        return None, None
    columns = np.concatenate([one.complexity(complexity) for one in populations])
    lows = [bounds.low for bounds in found if bounds is not None and bounds.low is not None]
    highs = [bounds.high for bounds in found if bounds is not None and bounds.high is not None]
    return max(lows, default=float(columns.min())), min(highs, default=float(columns.max()))


def _bounds(population: Population, complexity: str) -> Bounds | None:
    for part in str(population.settings.get("window", "")).split(", "):
        name, _, text = part.partition(" ")
        if name == short_of(complexity):
            bounds = parse_bounds(text, complexity, times=in_seconds(complexity))
            measured_alone = complexity not in BUILT_IN and not bounds.low and bounds.high is None  # ``latency 0:``
            return Bounds() if measured_alone else bounds
    return None
