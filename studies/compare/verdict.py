"""The verdict on each pair of spaces: one statistic, fixed beforehand, and one honest sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.statistics.best_of import TRUSTED_SHARE
from regnas.statistics.difference import Difference, normalised_difference
from regnas.statistics.multiple import holm
from regnas.statistics.power import models_for_difference, models_for_equivalence
from regnas.statistics.sequential import nominal_levels, sequential_p
from regnas.statistics.two_sample import Interval
from regnas.studies.compare.rules import MOST_REPEATS, NONE, PER_BIN, ComparisonRules, binned
from regnas.studies.populations.population import Population
from regnas.studies.reporting.numbers import p_text

BETTER = "better"
EQUAL = "practically equal"
UNDECIDED = "cannot tell yet"
NO_VERDICT = "no verdict"
_LEAST_EQUAL = 10  # models of each space below which nothing is called practically equal
_EQUIVALENCE = 0.10  # one minus the confidence of the interval that must lie inside the margin


@dataclass(frozen=True)
class Look:
    """One look at a pair: models of each space, their fraction of the planned ones, and p of the primary test."""

    models: int
    fraction: float
    p: float


@dataclass(frozen=True)
class Judgement:
    """What is said of a pair of spaces.

    Attributes:
        first, second: places of the populations.
        difference: mean error of the first minus that of the second, at equal complexity.
        bins: complexity bins that the pair was compared in.
        coverage: share of the range of complexity that lies in them.
        counted: models of both that do.
        looks: all looks so far, the one that judged last.
        p: of that look, after paying for all of them.
        p_holm: after all pairs, too.
        interval: 90 %, or wider where there were several looks; inside the margin means practically equal.
        kind: `BETTER`, `EQUAL`, `UNDECIDED` or `NO_VERDICT`.
        needed: models of each space that could tell; None where it is told or no practical number could.
    """

    first: int
    second: int
    difference: Difference
    bins: int
    coverage: float
    counted: tuple[int, int]
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

    @property
    def whole(self) -> bool:
        """Whether it rests on one look at all planned models, so that p values and intervals are the plain ones."""
        return len(self.looks) == 1 and self.looks[0].fraction >= 1


@dataclass
class History:
    """The looks of a comparison so far, by pair; a pair that is decided stays as it is."""

    looks: dict[tuple[int, int], tuple[Look, ...]] = field(default_factory=dict)
    done: dict[tuple[int, int], Judgement] = field(default_factory=dict)


def judge(
    populations: Sequence[Population], rules: ComparisonRules, *, fraction: float = 1.0, history: History | None = None
) -> list[Judgement]:
    """Judge every pair of populations, each in complexity bins of its own.

    Better needs p, after Holm over all pairs, of at most alpha. A pair whose interval lies inside the margin is
    practically equal even then: the difference is there, and too small to matter. With a history, or with a fraction
    below 1, p values and intervals pay for looking early, by the spending function of `regnas.statistics.sequential`.

    Args:
        fraction: of the planned models that this look sees.
        history: earlier looks; this one is added to it.

    Raises:
        PopulationError: as `regnas.studies.compare.rules.binned`.
    """
    kept = history if history is not None else History()
    pairs = list(combinations(range(len(populations)), 2))
    open_pairs = {}
    for pair in pairs:
        if pair not in kept.done:
            two = populations[pair[0]], populations[pair[1]]
            open_pairs[pair] = _looked(two, rules, pair, len(pairs), fraction, kept.looks.get(pair, ()))
            kept.looks[pair] = open_pairs[pair].looks
    p_values = [(open_pairs.get(pair) or kept.done[pair]).p for pair in pairs]
    found = []
    for pair, p_holm in zip(pairs, holm(p_values) if pairs else [], strict=True):
        if pair in kept.done:
            found.append(kept.done[pair])
            continue
        two = populations[pair[0]], populations[pair[1]]
        judgement = _judged(two, rules, replace(open_pairs[pair], p_holm=float(p_holm)), len(pairs))
        if judgement.decided and history is not None:
            kept.done[pair] = judgement
        found.append(judgement)
    return found


Two = tuple[Population, Population]


def _looked(
    two: Two, rules: ComparisonRules, pair: tuple[int, int], pairs: int, fraction: float, before: tuple[Look, ...]
) -> Judgement:
    """A pair with its statistic, and no verdict yet."""
    a, b = two
    size = len(a) + len(b)
    fractions = (*(look.fraction for look in before), fraction)
    levels = [nominal_levels(alpha, fractions)[-1] for alpha in (rules.alpha / pairs, _EQUIVALENCE)]
    # A level that no number of permutations reaches is not worth counting for.
    most = min(MOST_REPEATS, int(2 / levels[0])) if fractions != (1.0,) and levels[0] * MOST_REPEATS >= 1 else None
    bins = binned(two, rules)
    difference = normalised_difference(
        a.error,
        b.error,
        *bins.members,
        repeats=permutations(rules.repeats, size),
        most=most,
        rng=keyed.generator("verdict", rules.seed, *pair, size),
    )
    looks = (*before, Look(min(len(a), len(b)), fraction, difference.p))
    return Judgement(
        *pair,
        difference=difference,
        bins=int(bins.used.sum()),
        coverage=bins.coverage,
        counted=(int((bins.members[0] >= 0).sum()), int((bins.members[1] >= 0).sum())),
        looks=looks,
        p=difference.p if fractions == (1.0,) else sequential_p(difference.p, fractions),
        p_holm=1.0,
        interval=difference.interval(1 - levels[1]),
        kind=UNDECIDED,
    )


def permutations(wanted: int, size: int) -> int:
    """Permutations for a pair of ``size`` models together: as many as wanted up to 20,000 models, then fewer."""
    return max(min(wanted, 999), min(wanted, int(2e8 / size)))


def _judged(two: Two, rules: ComparisonRules, looked: Judgement, pairs: int) -> Judgement:
    """The verdict on a pair."""
    interval = looked.interval
    inside = -rules.margin <= interval.low and interval.high <= rules.margin
    if max(one.failure_rate for one in two) > rules.most_failed:
        return replace(looked, kind=NO_VERDICT)
    if inside and looked.looks[-1].models >= _LEAST_EQUAL:
        return replace(looked, kind=EQUAL)
    if looked.p_holm <= rules.alpha:
        return replace(looked, kind=BETTER)
    return replace(looked, needed=_needed(two, rules, looked, pairs))


def _needed(two: Two, rules: ComparisonRules, looked: Judgement, pairs: int) -> int | None:
    """Models of each space at which the difference as it now looks would be found, or found not to matter."""
    difference = looked.difference
    counts = [len(one) for one in two]
    sds = difference.sd_a, difference.sd_b
    ideal = math.sqrt(sum(sd**2 / count for sd, count in zip(sds, counts, strict=True)))
    if not ideal:
        return None
    # What bins that the models fill unevenly cost is in the standard error already.
    sd_a, sd_b = (sd * difference.standard_error / ideal for sd in sds)
    confidence = min(looked.interval.confidence, 0.9999)
    numbers = [
        models_for_equivalence(difference.estimate, sd_a, sd_b, rules.margin, confidence=confidence, power=rules.power)
    ]
    try:
        numbers.append(
            models_for_difference(difference.estimate, sd_a, sd_b, alpha=rules.alpha / pairs, power=rules.power)
        )
    except UsageError:
        pass  # more than a million
    known = [number for number in numbers if number is not None]
    # What is there was not enough: a number that says it was is the luck of this sample.
    return max(min(known), min(counts) + PER_BIN) if known else None


def sentence(
    judgement: Judgement, names: Sequence[str], rules: ComparisonRules, best: Mapping[int, tuple[float, float, float]]
) -> str:
    """What is said of a pair, in points of error: first what may be concluded, then how sure that is.

    Where the mean says one thing and the expected best of a search another, which space is better depends on what is
    asked, and that is the conclusion. Of the expected best "is" is said where its intervals lie apart, else "may be".

    Args:
        names: of all populations.
        best: of both populations the expected error of the best of ``rules.best_of`` and its 95 % interval.
    """
    a, b = names[judgement.first], names[judgement.second]
    gap = judgement.difference.estimate
    better = a if gap < 0 else b
    at = _at(judgement, rules).removesuffix(",")
    interval, whole = f"{sure(judgement)} interval", judgement.interval
    # Told as an advantage of the better one.
    ahead = whole if gap >= 0 else replace(whole, low=-whole.high, high=-whole.low)
    known, holm_p = math.isfinite(whole.high), f"Holm p {p_text(judgement.p_holm)}"
    if judgement.kind == NO_VERDICT:
        details = f"More than {rules.most_failed:.0%} of the candidates of one of them failed"
    elif judgement.kind == EQUAL:
        details = (
            f"The {interval} of {a}'s mean error minus {b}'s{at}, {between(whole)}, lies inside the margin of "
            f"{points(rules.margin)}"
        )
    elif judgement.kind == BETTER:  # by how much is part of the conclusion
        found = f"The {interval} of the lead is {between(ahead, '')} points" if known else "There is no interval yet"
        details = f"{found}{at}, {holm_p}"
    else:
        shown = f"{interval} {between(ahead, '')}" if known else "no interval yet"
        details = f"The mean error of {better} is lower by {points(abs(gap))}{at} ({shown}, {holm_p})"
    if judgement.kind == UNDECIDED:
        more = f"about {judgement.needed:,} models of each" if judgement.needed else "no practical number of models"
        details += f"; {more} could tell"
    beside = f"expected best of {rules.best_of}: " + ", ".join(
        f"{names[place]} {_error(best[place])}" for place in (judgement.first, judgement.second)
    )
    return f"{_conclusion(judgement, names, rules, best)}. {details}; {beside}."


def _conclusion(
    judgement: Judgement, names: Sequence[str], rules: ComparisonRules, best: Mapping[int, tuple[float, float, float]]
) -> str:
    """What may be concluded, in plain words."""
    a, b = names[judgement.first], names[judgement.second]
    found, clear = _best(judgement, names, best), _clear(judgement, rules, best)
    search = f"for the best of {rules.best_of} {found}"
    if judgement.winner is not None:
        better, worse = (a, b) if judgement.winner == judgement.first else (b, a)
        gap = points(abs(judgement.difference.estimate))
        if found == better:
            return f"{better} is better than {worse}, in the mean by {gap}"
        return (
            f"{a} or {b} depends on what you ask: in the mean {better} is better (by {gap}), "
            f"{search} {'is' if clear else 'may be'}"
        )
    if judgement.kind == EQUAL:
        return f"{a} and {b} are practically equal" + (f" in the mean, {search} is better" if clear else "")
    if judgement.kind == UNDECIDED:
        return f"{a} and {b}: cannot tell yet" + (f" in the mean, {search} is better" if clear else "")
    return f"{a} and {b}: no verdict"


def _at(judgement: Judgement, rules: ComparisonRules) -> str:
    """At what complexity, and after how many models."""
    text = at_equal([judgement], rules)
    if rules.complexity != NONE:
        if judgement.bins == 1:
            text = f", {rules.complexity} not matched"
        if judgement.coverage < 1:
            a, b = judgement.counted
            text += f" in {judgement.coverage:.0%} of their range, where {a} and {b} models are,"
    look = judgement.looks[-1]
    return text if judgement.whole else f"{text} after {look.models} models of each"


def sure(judgement: Judgement) -> str:
    """How sure the interval is: 90 %, or as many nines as several looks ask for."""
    miss = 100 * (1 - judgement.interval.confidence)
    digits = 0 if miss >= 1 else math.ceil(-math.log10(max(miss, 1e-9)))
    return f"{100 - miss:.{digits}f} %"


def _best(judgement: Judgement, names: Sequence[str], best: Mapping[int, tuple[float, float, float]]) -> str:
    """The space with the lower expected best of a search; of two equal ones that with the lower mean."""
    one, two = best[judgement.first][0], best[judgement.second][0]
    first = one < two if one != two else judgement.difference.estimate < 0
    return names[judgement.first if first else judgement.second]


def _clear(judgement: Judgement, rules: ComparisonRules, best: Mapping[int, tuple[float, float, float]]) -> bool:
    """Whether the 95 % intervals of the expected best lie apart, of as many models as it takes to see it."""
    one, two = best[judgement.first], best[judgement.second]
    seen = rules.best_of <= TRUSTED_SHARE * min(judgement.counted)
    return seen and (one[2] < two[1] or two[2] < one[1])


def at_equal(judgements: Iterable[Judgement], rules: ComparisonRules) -> str:
    """`` at equal flops`` where it is so of every pair; in one bin nothing is made equal."""
    matched = rules.complexity != NONE and all(one.bins > 1 for one in judgements)
    return f" at equal {rules.complexity}" if matched else ""


def _error(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.2%} [{100 * value[1]:.2f}, {100 * value[2]:.2f}]"


def hundredths(value: float, sign: str = "") -> str:
    """A fraction as points with two digits, and no minus before a zero."""
    return f"{round(100 * value, 2) + 0.0:{sign}.2f}"


def between(interval: Interval, sign: str = "+") -> str:
    """The ends of an interval, in points."""
    if not math.isfinite(interval.high - interval.low):
        return "unknown"
    return f"{hundredths(interval.low, sign)} to {hundredths(interval.high, sign)}"


def points(value: float) -> str:
    """A difference of error in points: ``1.23 points``."""
    return f"{100 * value:.2f} points"
