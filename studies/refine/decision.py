"""The test of one step: how many networks it takes, what each look says, and when it ends.

The statistic is the comparison's: the difference of mean error at equal complexity, child minus parent. Where the
child's law is the parent's, given that a network lies in the child, networks of the parent count on both sides: with q
the share of the child, mean(child) - mean(parent) is (1 - q) (mean(child) - mean(rest)), bin by bin, and the child's
networks and the rest are independent samples, whichever of the two laws they were drawn from.

Source: permutation test of `regnas.statistics.difference`; repeated confidence intervals of Jennison and Turnbull 1989
at the levels of `regnas.statistics.sequential`; no loss of the margin and then a gain on the same data, at one level,
as the hypotheses are nested (Marcus, Peritz and Gabriel 1976).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.statistics.arrays import Floats
from regnas.statistics.bins import Bins, common_bins
from regnas.statistics.difference import LEAST, normalised_difference
from regnas.statistics.power import models_for_difference
from regnas.statistics.sequential import nominal_levels
from regnas.studies.refine.models import Model
from regnas.studies.refine.rules import LEAST_GROUP, LOOKS, NONE, RefineRules

BETTER, NO_WORSE, WORSE, UNDECIDED, NO_VERDICT = "better", "no worse", "worse", "cannot tell", "no verdict"
LEAST_REST = 10  # networks of the parent outside of the child, and of anything at a look
_HOPELESS = 0.05  # chance to end as no worse, on the trend, below which a step ends early
_MOST_REPEATS = 99_999

Shares = Callable[[Floats], Floats]  # edges of bins to the share of the child in each


@dataclass(frozen=True)
class TestPlan:
    """What is said before a step is tested.

    Attributes:
        aim: `BETTER`, or `NO_WORSE`, at which the step ends as soon as it is seen.
        gap: difference of mean error that it is planned to see, a fraction.
        level: one-sided, of the step.
        share: of the parent's networks that lie in the child and count for it; 0 where none may.
        sd: of errors inside a complexity bin, that is planned with.
        child, rest: networks of each side at the last look.
        new: networks to be trained, about.
    """

    aim: str
    gap: float
    level: float
    power: float
    share: float
    sd: float
    child: int
    rest: int
    new: int


@dataclass(frozen=True)
class Look:
    """One look at a step.

    Attributes:
        child, rest: networks in bins that both sides reach.
        fraction: of the planned information.
        level: nominal, two-sided: the interval's confidence is one minus it.
        estimate: mean error of the child minus that of the parent, at equal complexity.
        error: its standard error.
        p: two-sided, of this look alone.
    """

    child: int
    rest: int
    fraction: float
    level: float
    estimate: float
    error: float
    low: float
    high: float
    p: float
    bins: int
    coverage: float

    def says(self, margin: float) -> str:
        """`BETTER`, `NO_WORSE`, `WORSE` or `UNDECIDED`."""
        if self.high < 0 and self.p <= self.level:
            return BETTER
        if self.high < margin:
            return NO_WORSE
        return WORSE if self.low > 0 else UNDECIDED


def plan_test(
    rules: RefineRules, *, level: float, share: float, sd: float, parents: int, gain: float | None = None
) -> TestPlan:
    """How many networks see that nothing is lost, or a gain, with the planned power.

    Args:
        gain: that is aimed at, where it is more than the margin; None to aim at no worse by the margin.
        share: of the parent's networks in the child, that may count for it.
        parents: networks that test the parent already.
    """
    spread = (1 - share) * max(sd, 1e-6)
    aim, gap = (NO_WORSE, rules.margin) if gain is None else (BETTER, max(rules.margin, gain))
    try:
        wanted = models_for_difference(gap, spread, spread, alpha=2 * level, power=rules.power, bins=rules.bins_for)
    except UsageError:
        wanted = 1_000_000  # more than any budget
    child, rest = max(LEAST_GROUP, wanted), max(LEAST_REST if share else LEAST_GROUP, wanted)
    # How many networks of the parent it takes until enough lie outside varies: the mean and one standard deviation.
    outside = rest + math.sqrt(rest * share)
    drawn = max(parents, math.ceil(outside / max(1 - share, 1e-3)))
    new = drawn - parents + max(0, child - math.floor(share * drawn))
    return TestPlan(aim, gap, level, rules.power, share, sd, child, rest, new)


def sizes(plan: TestPlan) -> list[tuple[int, int]]:
    """Networks of the child and of the rest at every look."""
    found = [
        (max(LEAST_REST, math.ceil(part * plan.child)), max(LEAST_REST, math.ceil(part * plan.rest))) for part in LOOKS
    ]
    return list(dict.fromkeys(found))


def fraction_of(child: Sequence[Model], rest: Sequence[Model], plan: TestPlan) -> float:
    """The share of the planned information that two groups have; information is 1 / (1/n + 1/m)."""
    n, m = len(child), len(rest)
    return (1 / max(n, plan.child) + 1 / max(m, plan.rest)) / (1 / n + 1 / m)


def look(
    child: Sequence[Model],
    rest: Sequence[Model],
    plan: TestPlan,
    rules: RefineRules,
    earlier: Sequence[Look],
    *,
    window: tuple[float | None, float | None],
    shares: Shares | None,
    last: bool,
    step: int,
) -> Look:
    """Look at the networks there are.

    Args:
        earlier: looks of this step, which levels pay for.
        window: ends of the complexity that networks were drawn in, None where it is open.
        shares: of the child in bins, where its networks and the rest make up the parent.
        last: whether no further look is to come.
    """
    fraction = 1.0 if last else fraction_of(child, rest, plan)
    fractions = (*(one.fraction for one in earlier), fraction)
    level = nominal_levels(2 * plan.level, fractions)[-1]
    bins = _bins(child, rest, rules, window)
    scale = np.ones(len(bins.used)) if shares is None else 1 - shares(bins.edges)
    heavy = scale[bins.used]
    errors = []
    for side, members in zip((child, rest), bins.members, strict=True):
        values = np.array([one.error for one in side])
        errors.append(values * np.where(members >= 0, heavy[np.maximum(members, 0)], 0.0))
    found = normalised_difference(
        *errors,
        *bins.members,
        repeats=rules.repeats,
        most=min(_MOST_REPEATS, int(4 / level)) if level * _MOST_REPEATS >= 1 else None,
        rng=keyed.generator("refine test", rules.seed, step, len(child), len(rest)),
    )
    interval = found.interval(1 - level)
    counted = [int((members >= 0).sum()) for members in bins.members]
    return Look(
        child=counted[0],
        rest=counted[1],
        fraction=fraction,
        level=level,
        estimate=found.estimate,
        error=found.standard_error,
        low=interval.low,
        high=interval.high,
        p=found.p,
        bins=int(bins.used.sum()),
        coverage=bins.coverage,
    )


def _bins(
    child: Sequence[Model], rest: Sequence[Model], rules: RefineRules, window: tuple[float | None, float | None]
) -> Bins:
    """Bins of complexity that hold `LEAST` networks of both sides; one where nothing else is possible."""
    if rules.complexity == NONE:
        return common_bins([np.zeros(len(child)), np.zeros(len(rest))], bins=1, least=LEAST)
    columns = [np.array([one.cost(rules.complexity) for one in side]) for side in (child, rest)]
    both = np.concatenate(columns)
    # Of a window that is open on a side the networks say where it ends; of one that is open on both, what all reach.
    low, high = window
    if low is not None or high is not None:
        low, high = (float(both.min()) if low is None else low), (float(both.max()) if high is None else high)
    elif max(map(np.min, columns)) > min(map(np.max, columns)):
        low, high = float(both.min()), float(both.max())
    for count in range(rules.bins_for(min(map(len, columns))), 0, -1):
        found = common_bins(columns, bins=count, low=low, high=high, least=LEAST)
        if found.used.any():
            return found
    return common_bins([np.zeros(len(child)), np.zeros(len(rest))], bins=1, least=LEAST)


def over(plan: TestPlan, now: Look, margin: float) -> bool:
    """Whether a step ends before its last look: it is decided, or there is little hope.

    A step that aims at better goes on where it is only no worse so far. Ending without hope makes no error likelier.
    """
    said = now.says(margin)
    if said in (BETTER, WORSE) or (said == NO_WORSE and plan.aim == NO_WORSE):
        return True
    return said == UNDECIDED and chance_left(now, plan.level, margin) < _HOPELESS


def chance_left(now: Look, level: float, margin: float) -> float:
    """Chance that the child is found no worse at the last look, were the difference what it looks like.

    Source: conditional power under the current trend, Lan and Wittes 1988.
    """
    if now.error <= 0 or now.fraction >= 1:
        return float(now.high < margin)
    score = (margin - now.estimate) / now.error * math.sqrt(now.fraction)
    drift = score / now.fraction
    left = 1 - now.fraction
    return float(ndtr((score + drift * left - float(ndtri(1 - level))) / math.sqrt(left)))
