"""The checklist of Lindauer and Hutter 2020 (arXiv 1909.02453), answered from a benchmark's own metadata.

Its items in our own words; the one on seeds is from Li and Talwalkar 2019 (arXiv 1902.07638), the one on several
benchmarks from Mehta et al. 2022 (arXiv 2201.13396).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regnas.pruner import NONE
from regnas.studies.bench.results import RANDOM, Benchmark

YES, NO, PARTLY, OPEN = "yes", "no", "partly", "for you to say"
ENOUGH_ON_TABLES, ENOUGH_TRAINED = 100, 5


@dataclass(frozen=True)
class Item:
    """A question, its answer, and what the answer rests on."""

    question: str
    answer: str
    why: str


def checklist(benchmark: Benchmark) -> tuple[Item, ...]:
    """Every item, answered from the run; what a run cannot know is left to its author."""
    return tuple(_release(benchmark) + _comparison(benchmark) + _reporting(benchmark))


def _release(benchmark: Benchmark) -> list[Item]:
    settings = benchmark.settings
    versions = ", ".join(f"{name} {version}" for name, version in settings.get("versions", {}).items())
    trained = not _tables(benchmark)
    pipeline = "the recipe is in the settings of every study" if trained else "the trainings are those of the table"
    return [
        Item("training pipeline of the evaluated networks released", YES, pipeline),
        Item("code of the search released", YES, f"strategies by name and options; {versions}"),
        Item("nothing waited for cleaning up", YES, "runs, settings and seeds are files beside this report"),
    ]


def _comparison(benchmark: Benchmark) -> list[Item]:
    rules, spaces = benchmark.rules, benchmark.spaces
    table = _tables(benchmark)
    named = {name.partition("[")[0] for name in benchmark.strategies}
    options = len(benchmark.strategies) > len(named)
    sampled = "the mean of all networks and the exact curve of random search" if table else "random search"
    enough = rules.repeats >= (ENOUGH_ON_TABLES if table else ENOUGH_TRAINED)
    least = ENOUGH_ON_TABLES if table else ENOUGH_TRAINED
    return [
        Item("same data, space, recipe and evaluation for all", YES, "one arena, encoding, window and evaluator"),
        Item(
            "ablations of the methods",
            PARTLY if options else NO,
            "variants of one strategy are among them" if options else "no strategy appears with two sets of options",
        ),
        Item(
            "same evaluation protocol: budget, duplicates, network returned",
            YES,
            f"{rules.budget} evaluations, duplicates {rules.duplicates}, network returned: {rules.returned}",
        ),
        Item("performance over time", YES, "against evaluations, different networks and the clock"),
        Item(
            "compared with random sampling and random search",
            YES if RANDOM in benchmark.strategies and table else PARTLY,
            sampled,
        ),
        Item(
            f"at least {least} repeats",
            YES if enough else NO,
            f"{rules.repeats} repeats, seeds {rules.seeds[0]} to {rules.seeds[-1]}, fixed in advance and paired",
        ),
        Item(
            "tabular or surrogate benchmarks used",
            YES if table else NO,
            ", ".join(dict.fromkeys(one.evaluator for one in spaces)),
        ),
    ]


def _reporting(benchmark: Benchmark) -> list[Item]:
    rules, settings = benchmark.rules, benchmark.settings
    table = _tables(benchmark)
    several = len(benchmark.spaces) > 1
    separate = "the search sees one recorded training of each network, the score is of the others"
    told = [one.facts for one in benchmark.spaces if one.facts]
    same = max((facts.one_number for facts in told), default=1.0)
    apart = same == 0
    return [
        Item(
            "confounders controlled",
            YES if table and apart else PARTLY,
            "equal seeds share initial design and noise; "
            + (separate if table and apart else _optimistic(table, same))
            + "".join(f"; {facts.said_of_groups()}" for facts in told if facts.said_of_groups()),
        ),
        Item(
            "how the methods' own options were chosen",
            OPEN,
            "options that were given are in the strategies' names; defaults: the page Strategies and speed of the "
            "documentation says on which tables",
        ),
        Item("end-to-end time", YES, _time(benchmark)),
        Item(
            "all details of the setup",
            YES if rules.pruner == NONE or table else PARTLY,
            f"bench.json; {settings.get('machine', 'machine not on record')}",
        ),
        Item(
            "more than one benchmark, as a few do not generalise",
            YES if several else NO,
            f"{len(benchmark.spaces)} here; ranks over {benchmark.blocks}",
        ),
        Item(
            "exact seeds published", YES, f"{rules.seeds[0]} to {rules.seeds[-1]}; the same command repeats every run"
        ),
    ]


def _tables(benchmark: Benchmark) -> bool:
    return all(one.facts is not None for one in benchmark.spaces)


def _optimistic(table: bool, same: float) -> str:
    return (
        f"signal and score are one number for {same:.0%} of the networks, whose scores are optimistic"
        if table
        else ("scores are validation errors that the search itself saw, so they are optimistic")
    )


def _time(benchmark: Benchmark) -> str:
    clock = "clock of recorded training times" if _tables(benchmark) else "wall clock, proposals included"
    known = [(one.proposal_ms, one.name) for space in benchmark.spaces for one in space.strategies if one.proposal_ms]
    if not known:
        return clock
    slowest = max(known)
    return f"{clock}; proposals cost up to {slowest[0]:.2g} ms of processor time ({slowest[1]}), not on the clock"


def answers(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """JSON values."""
    return [{"question": item.question, "answer": item.answer, "why": item.why} for item in items]
