"""The verdict on each pair of spaces: one statistic, fixed beforehand, and one honest sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from regnas import keyed
from regnas.errors import UsageError
from regnas.population import Population
from regnas.statistics.bins import Bins
from regnas.statistics.difference import Difference, normalised_difference
from regnas.statistics.multiple import holm
from regnas.statistics.power import models_for_difference, models_for_equivalence
from regnas.statistics.sequential import nominal_levels, sequential_p
from regnas.statistics.two_sample import Interval
from regnas.studies.compare.rules import Rules

BETTER = "better"
EQUAL = "practically equal"
UNDECIDED = "cannot tell yet"
NO_VERDICT = "no verdict"
_EQUIVALENCE = 0.10  # one minus the confidence of the interval that must lie inside the margin


@dataclass(frozen=True)
class Look:
    """One look at a pair: the fraction of the planned models, and the p value of the primary test."""

    fraction: float
    p: float


@dataclass(frozen=True)
class Judgement:
    """What is said of a pair of spaces.

    Attributes:
        first, second: places of the populations.
        difference: mean error of the first minus that of the second, at equal complexity.
        looks: all looks so far, this one included.
        p: after all looks.
        p_holm: after all pairs, too.
        interval: 90 %, or wider where there were several looks; inside the margin means practically equal.
        kind: `BETTER`, `EQUAL`, `UNDECIDED` or `NO_VERDICT`.
        needed: models of each space that could tell; None where it is told or no practical number could.
    """

    first: int
    second: int
    difference: Difference
    looks: tuple[Look, ...]
    p: float
    p_holm: float
    interval: Interval
    kind: str
    needed: int | None = None

    @property
    def winner(self) -> int | None:
        """The better population, if there is one."""
        if self.kind != BETTER:
            return None
        return self.first if self.difference.estimate < 0 else self.second

    @property
    def decided(self) -> bool:
        """Whether more models would change nothing."""
        return self.kind in (BETTER, EQUAL)


@dataclass
class History:
    """The looks of a comparison so far, by pair; a pair that is decided stays as it is."""

    looks: dict[tuple[int, int], tuple[Look, ...]] = field(default_factory=dict)
    done: dict[tuple[int, int], Judgement] = field(default_factory=dict)


def judge(
    populations: Sequence[Population],
    bins: Bins,
    rules: Rules,
    *,
    fraction: float = 1.0,
    history: History | None = None,
) -> list[Judgement]:
    """Judge every pair of populations.

    Better needs p, after Holm over all pairs, of at most alpha. A pair whose interval lies inside the margin is
    practically equal even then: the difference is there, and too small to matter. With a history the p values and
    intervals have paid for every look, by the spending function of `regnas.statistics.sequential`.

    Args:
        bins: of these populations.
        fraction: of the planned models that this look sees.
        history: earlier looks; this one is added to it.
    """
    kept = history if history is not None else History()
    pairs = list(combinations(range(len(populations)), 2))
    raw: dict[tuple[int, int], tuple[Difference, float]] = {}
    for pair in pairs:
        if pair in kept.done:
            continue
        difference = _difference(populations, bins, rules, pair)
        looks = (*kept.looks.get(pair, ()), Look(fraction, difference.p))
        kept.looks[pair] = looks
        raw[pair] = (difference, _overall_p(looks))
    p_values = [raw[pair][1] if pair in raw else kept.done[pair].p for pair in pairs]
    found = []
    for pair, p_holm in zip(pairs, holm(p_values) if pairs else [], strict=True):
        if pair in kept.done:
            found.append(kept.done[pair])
            continue
        judgement = _judged(populations, rules, pair, *raw[pair], float(p_holm), kept.looks[pair], len(pairs))
        if judgement.decided and history is not None:
            kept.done[pair] = judgement
        found.append(judgement)
    return found


def _difference(populations: Sequence[Population], bins: Bins, rules: Rules, pair: tuple[int, int]) -> Difference:
    a, b = pair
    size = len(populations[a]) + len(populations[b])
    return normalised_difference(
        populations[a].error,
        populations[b].error,
        bins.members[a],
        bins.members[b],
        repeats=permutations(rules.repeats, size),
        rng=keyed.generator("verdict", rules.seed, a, b, size),
    )


def permutations(wanted: int, size: int) -> int:
    """Permutations for a pair of ``size`` models together: as many as wanted up to 20,000 models, then fewer."""
    return max(min(wanted, 999), min(wanted, int(2e8 / size)))


def _overall_p(looks: tuple[Look, ...]) -> float:
    if len(looks) == 1 and looks[0].fraction >= 1:
        return looks[0].p
    return sequential_p([look.p for look in looks], [look.fraction for look in looks])


def _judged(
    populations: Sequence[Population],
    rules: Rules,
    pair: tuple[int, int],
    difference: Difference,
    p: float,
    p_holm: float,
    looks: tuple[Look, ...],
    pairs: int,
) -> Judgement:
    level = nominal_levels(_EQUIVALENCE, tuple(look.fraction for look in looks))[-1]
    interval = difference.interval(1 - level)
    kind = UNDECIDED
    if max(populations[place].failure_rate for place in pair) > rules.most_failed:
        kind = NO_VERDICT
    elif -rules.margin <= interval.low and interval.high <= rules.margin:
        kind = EQUAL
    elif p_holm <= rules.alpha:
        kind = BETTER
    needed = _needed(difference, rules, pairs) if kind == UNDECIDED else None
    return Judgement(*pair, difference, looks, p, p_holm, interval, kind, needed)


def _needed(difference: Difference, rules: Rules, pairs: int) -> int | None:
    """Models of each space at which the difference as it now looks would be found, or found not to matter."""
    spreads = (difference.sd_a, difference.sd_b)
    numbers = [models_for_equivalence(difference.estimate, *spreads, rules.margin)]
    try:
        numbers.append(
            models_for_difference(
                difference.estimate, *spreads, alpha=rules.alpha / pairs, power=rules.power, bins=rules.bins_for
            )
        )
    except UsageError:
        pass  # more than a million
    known = [number for number in numbers if number is not None]
    return min(known, default=None)


def sentence(
    judgement: Judgement, names: Sequence[str], rules: Rules, best: Mapping[int, tuple[float, float, float]]
) -> str:
    """One sentence on a pair, in points of error.

    Args:
        names: of all populations.
        best: of both populations the expected error of the best of ``rules.best_of`` and its 95 % interval.
    """
    a, b = names[judgement.first], names[judgement.second]
    gap, (low, high) = judgement.difference.estimate, (judgement.interval.low, judgement.interval.high)
    better, worse = (a, b) if gap < 0 else (b, a)
    at = "" if rules.complexity == "none" else f" at equal {rules.complexity}"
    sure = f"{100 * judgement.interval.confidence:.0f} % interval"
    inside = sorted([abs(low), abs(high)]) if low * high > 0 else sorted([low, high] if gap >= 0 else [-high, -low])
    by = (
        f"lower by {points(abs(gap))}{at} ({sure} {100 * inside[0]:.2f} to {100 * inside[1]:.2f}, "
        f"Holm p {p_text(judgement.p_holm)})"
    )
    if judgement.kind == BETTER:
        text = f"{better} is better than {worse}: its mean error is {by}"
    elif judgement.kind == EQUAL:
        text = (
            f"{a} and {b} are practically equal: the {sure} of {a}'s mean error minus {b}'s{at}, {100 * low:+.2f} to "
            f"{100 * high:+.2f}, lies inside the margin of {points(rules.margin)}"
        )
    elif judgement.kind == UNDECIDED:
        more = f"about {judgement.needed:,} models of each could" if judgement.needed else "no practical number could"
        text = f"{a} and {b}: cannot tell yet; the mean error of {better} is {by}; {more}"
    else:
        text = f"{a} and {b}: no verdict, more than {rules.most_failed:.0%} of the candidates of one failed"
    return text + _best_of(judgement, names, rules, best) + "."


def _best_of(
    judgement: Judgement, names: Sequence[str], rules: Rules, best: Mapping[int, tuple[float, float, float]]
) -> str:
    """The expected best of a search beside it, and whether it says the opposite."""
    one, two = best[judgement.first], best[judgement.second]
    a, b = names[judgement.first], names[judgement.second]
    shown = f"{a} {_error(one)}, {b} {_error(two)}"
    text = f"; expected best of {rules.best_of}: {shown}"
    if judgement.difference.estimate * (one[0] - two[0]) < 0:
        text += f", which says the opposite, in favour of {a if one[0] < two[0] else b}"
    return text


def _error(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.2%} [{100 * value[1]:.2f}, {100 * value[2]:.2f}]"


def points(value: float) -> str:
    """A difference of error in points: ``1.23 points``."""
    return f"{100 * value:.2f} points"


def p_text(p: float) -> str:
    """A p value in the digits that matter."""
    return f"{p:.2g}" if p >= 0.0001 else "< 0.0001"
