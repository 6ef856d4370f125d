"""The rules of a session: everything that is fixed before a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regnas.errors import UsageError
from regnas.measure import BUILT_IN, installed

NONE = "none"  # the complexity of tests that are not normalised
LEAST_POOL, MOST_POOL = 20, 150  # networks that propose
LEAST_GROUP = 20  # networks of parent and child, each, that a test is planned with at least
POOL_SHARE = 4  # one over the share of the budget that proposes
STANDS_OUT = 3.5
LEAST_BUDGET = LEAST_POOL + 2 * LEAST_GROUP
MOST_BUDGET, MOST_STEPS = 100_000, 50
LOOKS = (0.5, 0.75, 1.0)  # shares of a step's networks after which it is looked at
PER_BIN, MOST_BINS = 10, 10
MOST_FAILED = 0.05  # share of failed candidates above which a step has no verdict


@dataclass(frozen=True, kw_only=True)
class RefineRules:
    """How a session proposes and tests.

    Attributes:
        budget: networks that are trained, in all.
        steps: tests at most; each has an equal share of alpha.
        margin: difference of mean error, a fraction, that does not matter.
        alpha: chance that any step of the session is accepted wrongly: called better where it is not, or no worse
            where it is worse by the margin.
        power: of a step's test, for a gain of the margin, and for no loss.
        complexity: a measure at equal amounts of which parent and child are compared, or `NONE`.
        seed: of candidates, trainings, splits and permutations.
        repeats: permutations of a test; the small levels of early looks take more.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    budget: int = 300
    steps: int = 5
    margin: float = 0.01
    alpha: float = 0.05
    power: float = 0.9
    complexity: str = "flops"
    seed: int = 0
    repeats: int = 1999

    def __post_init__(self) -> None:
        if not LEAST_BUDGET <= self.budget <= MOST_BUDGET:
            raise UsageError(
                f"--budget is {LEAST_BUDGET} to {MOST_BUDGET:,} networks: {LEAST_POOL} propose, and a test takes at "
                f"least {LEAST_GROUP} of parent and child each; got {self.budget:,}"
            )
        if not 1 <= self.steps <= MOST_STEPS:
            raise UsageError(f"--steps are 1 to {MOST_STEPS} tests, got {self.steps}")
        if not 0 < self.margin < 1:
            raise UsageError(f"--margin is a difference of error in points, above 0; got {100 * self.margin:g}")
        if not 0 < self.alpha < 0.5:
            raise UsageError(f"--alpha lies between 0 and 0.5, got {self.alpha}")
        if not 0.5 <= self.power < 1:
            raise UsageError(f"--power lies between 0.5 and 1, got {self.power}")
        if self.complexity != NONE and self.complexity not in BUILT_IN and self.complexity not in installed():
            raise UsageError(f"--complexity is one of {', '.join(installed())}, {NONE}; got {self.complexity!r}")

    @property
    def pool(self) -> int:
        """Networks of the first space that propose: a quarter of the budget."""
        return min(MOST_POOL, max(LEAST_POOL, self.budget // POOL_SHARE))

    def budget_for(self, sd: float) -> int:
        """The budget with which a change that gains the margin mostly stands out, and is tested.

        One value of five is to have a mean error `STANDS_OUT` standard errors from the others' among the networks that
        propose: gain / sd sqrt(n q / (1 - q)) with q = 1/5.

        Args:
            sd: of errors at equal complexity, a fraction.
        """
        return max(LEAST_BUDGET, POOL_SHARE * math.ceil(4 * (STANDS_OUT * sd / self.margin) ** 2))

    @property
    def share(self) -> float:
        """Of alpha, that every step has."""
        return self.alpha / self.steps

    def bins_for(self, count: int) -> int:
        """Complexity bins for groups of ``count`` networks."""
        return 1 if self.complexity == NONE else max(1, min(MOST_BINS, count // PER_BIN))
