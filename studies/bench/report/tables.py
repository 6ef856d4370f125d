"""The tables of a benchmark, as rows of text: the terminal and the report show these. Scores are errors in per cent."""

from __future__ import annotations

import math

from regnas.studies.bench.conclusion import verdict
from regnas.studies.bench.report.checklist import checklist as items
from regnas.studies.bench.results import RANDOM, Benchmark, SpaceResult, StrategyResult, Value
from regnas.studies.reporting.numbers import p_text
from regnas.studies.reporting.text_table import Table
from regnas.system.text import counted


def scores(space: SpaceResult) -> Table:
    """Mean score of every strategy at the checkpoints, with the 95 % interval at the end."""
    checkpoints = list(space.strategies[0].values)
    heads = ("strategy", *map(str, checkpoints), "95 %", "sd")
    rows = [_scores(one.name, list(one.values.values())) for one in space.strategies]
    rows += [_scores(f"{one.name} (model)", list(one.model.values())) for one in space.strategies if one.model]
    if space.facts is not None:
        exact = space.facts.random
        rows.append(("random, exact, no noise", *(_percent(exact[n - 1]) for n in checkpoints), "", ""))
    return Table(f"{space.label}: mean error after n evaluations", heads, tuple(rows))


def _scores(name: str, values: list[Value]) -> tuple[str, ...]:
    last = values[-1]
    means = tuple(_percent(value.mean) for value in values)
    if math.isnan(last.sd):  # one run has no spread
        return (name, *means, "", "")
    return (name, *means, f"{_percent(last.low)} to {_percent(last.high)}", f"{100 * last.sd:.2f}")


def versus(space: SpaceResult, alpha: float) -> Table:
    """Every strategy against random search under the same seeds, at the end."""
    at = list(space.strategies[0].values)[-1]
    heads = ("strategy", "gain", "95 %", "Holm p", "A12", "worth", "")
    rows = tuple(_versus(one, at, alpha) for one in space.strategies if one.name != RANDOM)
    return Table(f"Against random search after {at} evaluations", heads, rows)


def _versus(one: StrategyResult, n: int, alpha: float) -> tuple[str, ...]:
    found = one.versus[n]
    low, high = found.gain.low, found.gain.high
    interval = f"{100 * low:+.2f} to {100 * high:+.2f}" if math.isfinite(low) else ""
    return (
        one.name,
        f"{100 * found.gain.estimate:+.2f}",
        interval,
        p_text(found.p_holm),
        f"{found.a12:.2f}",
        _worth(found.worth),
        verdict(found, alpha),
    )


def _worth(worth: float | None) -> str:
    if worth is None:
        return ""
    return "never" if math.isinf(worth) else f"{worth:,.0f}"


def known(space: SpaceResult) -> Table | None:
    """What a table says without any search."""
    facts = space.facts
    if facts is None:
        return None
    rows = [("optimum", _percent(facts.optimum)), ("ceiling: best-looking network of all", _percent(facts.ceiling))]
    rows += [(name, _percent(score)) for name, score in facts.baselines.items()]
    kind = "every network" if facts.exhaustive else "a sample, searched as a pool"
    if facts.predicted:
        kind = "a sample; other networks are predicted"
    title = f"{facts.name}: {facts.networks:,} networks ({kind}); seen: {facts.signal}; reported: {facts.score}"
    return Table(title, ("without a search", "error"), tuple(rows))


def costs(space: SpaceResult) -> Table:
    """Proposals that came to nothing, repeats, failures, and what proposals cost."""
    heads = ("strategy", "refused", "repeated", "failed", "not whole", "epochs", "ms a proposal", "ended early")
    rows = tuple(
        (
            one.name,
            *(f"{number:.1f}" for number in (one.refused, one.duplicates, one.failed, one.pruned)),
            f"{one.epochs:,.0f}" if one.epochs else "",
            "" if one.proposal_ms is None else _milliseconds(one.proposal_ms),
            counted(one.unfinished, "run") if one.unfinished else "",
        )
        for one in space.strategies
    )
    return Table("Means of a run", heads, rows)


def ranks(benchmark: Benchmark) -> Table | None:
    """Average ranks, the best first."""
    found = benchmark.ranks
    if found is None or benchmark.critical is None:
        return None
    order = sorted(zip(found.ranks.tolist(), benchmark.strategies, strict=True))
    about = "" if benchmark.blocks == "spaces" else "; seeds of one space say nothing of other spaces"
    title = (
        f"Average ranks over {benchmark.blocks} ({found.blocks}): Friedman p {p_text(found.p)}, Nemenyi critical "
        f"difference {benchmark.critical:.2f}{about}"
    )
    return Table(title, ("strategy", "average rank"), tuple((name, f"{rank:.2f}") for rank, name in order))


def matrix(benchmark: Benchmark) -> Table | None:
    """Gain over random search inside each space, in points and as a share of what random search left to gain."""
    if len(benchmark.spaces) < 2:
        return None
    n = benchmark.rules.budget
    rows = []
    for place, name in enumerate(benchmark.strategies):
        if name == RANDOM:
            continue
        cells = []
        for space in benchmark.spaces:
            gain = space.strategies[place].versus[n].gain.estimate
            cells.append(f"{100 * gain:+.2f}{_share(space, gain)}")
        rows.append((name, *cells))
    heads = ("strategy", *(space.label for space in benchmark.spaces))
    return Table(f"Gain over random search after {n} evaluations, in points", heads, tuple(rows))


def _share(space: SpaceResult, gain: float) -> str:
    """Of the way from random search to the best known (Kegl 2023)."""
    base = next(one for one in space.strategies if one.name == RANDOM).values
    left = 0.0 if space.facts is None else list(base.values())[-1].mean - space.facts.optimum
    return f" ({gain / left:.0%})" if left > 0 else ""


def checklist(benchmark: Benchmark) -> Table:
    """The checklist with its answers."""
    rows = tuple((item.question, item.answer, item.why) for item in items(benchmark))
    return Table("Checklist (Lindauer and Hutter 2020)", ("item", "answer", "from"), rows)


def _milliseconds(number: float) -> str:
    """Two digits, and all of those before the point."""
    return f"{number:,.0f}" if number >= 99.5 else f"{number:.2g}"


def _percent(error: float) -> str:
    return f"{100 * error:.2f}"
