"""What a benchmark says, in a sentence for each space that a person can repeat, and what to know before its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from regnas.studies.bench.results import RANDOM, Benchmark, SpaceResult, StrategyResult, Versus
from regnas.studies.bench.rules import MODEL
from regnas.studies.reporting.words import listed

BETTER, WORSE, EQUAL, OPEN = "better", "worse", "equal", "open"


def verdict(found: Versus, alpha: float) -> str:
    """`BETTER` by the adjusted test, `WORSE` by the interval, `EQUAL` where no run differs, else `OPEN`."""
    if found.test.equal:
        return EQUAL
    if found.p_holm <= alpha:
        return BETTER
    return WORSE if found.gain.high < 0 else OPEN


def conclusions(benchmark: Benchmark) -> list[str]:
    """A sentence for each space."""
    return [_of(space, benchmark) for space in benchmark.spaces]


def remarks(benchmark: Benchmark) -> list[str]:
    """What a reader must know before the numbers."""
    rules = benchmark.rules
    lines = []
    if rules.null:
        lines.append("null table: errors are permuted over the networks; no strategy can be better than random search")
    if rules.returned == MODEL:
        lines.append("rows marked (model) return the network with the best predicted mean, the others the best seen")
    for space in benchmark.spaces:
        lines += [
            f"{space.label}: {one.name} did not make {one.unanswered:.1f} of {rules.budget} proposals of a run; random "
            f"candidates were evaluated in their place"
            for one in space.strategies
            if one.unanswered
        ]
        outside = max(one.outside for one in space.strategies)
        if outside:
            lines.append(
                f"{space.label}: up to {outside:.1f} evaluations of a run lie outside the range that the surrogate was "
                f"fitted to; scores there are extrapolated"
            )
    return lines


def _of(space: SpaceResult, benchmark: Benchmark) -> str:
    at = list(space.strategies[0].values)[-1]
    others = [one for one in space.strategies if one.name != RANDOM and at in one.versus]
    begin = f"{space.label}, {at:,} evaluations"
    if not others:
        return f"{begin}: nothing was compared with random search."
    if benchmark.rules.repeats == 1:
        return f"{begin}, one run of each: a single run tells no strategy from random search."
    groups = {
        kind: [one for one in others if verdict(one.versus[at], benchmark.rules.alpha) == kind]
        for kind in (BETTER, EQUAL, OPEN, WORSE)
    }
    ahead = sorted(groups[BETTER], key=lambda one: -one.versus[at].gain.estimate)
    parts = [_ahead(ahead, at) if ahead else "no strategy is better than random search"]
    told = {EQUAL: "the same as random search", OPEN: "cannot be told from random search", WORSE: "worse"}
    parts += [f"{told[kind]}: {_names(groups[kind])}" for kind in (EQUAL, OPEN, WORSE) if groups[kind]]
    return f"{begin}: {'; '.join(parts)}."


def _ahead(ahead: Sequence[StrategyResult], at: int) -> str:
    """The strategies that are better, the largest gain first."""
    best, *more = ahead
    gain = best.versus[at].gain
    text = (
        f"{best.name} is better than random search, by {100 * gain.estimate:.2f} points of error "
        f"({100 * gain.low:.2f} to {100 * gain.high:.2f})"
    )
    return f"{text}; better by less: {_names(more)}" if more else text


def _names(strategies: Sequence[StrategyResult]) -> str:
    return listed([one.name for one in strategies])
