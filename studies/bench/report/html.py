"""report.html of a benchmark: one file with everything in it, figures included; nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from regnas.studies.bench.conclusion import conclusions, remarks
from regnas.studies.bench.figures.files import anytime_name, finals_name
from regnas.studies.bench.report import tables
from regnas.studies.bench.results import Benchmark, SpaceResult
from regnas.studies.reporting.html import escape, figures, folded, page, table
from regnas.studies.reporting.text_table import Table

_RANKS = "Average ranks of the strategies, 1 the best. A bar joins those whose ranks differ by less than the critical "
_SEEDS = "difference. Ranks over seeds speak of this one benchmark: other spaces and tables may order them otherwise."
_SPACES = "difference. A space counts once, however many seeds were run in it."
_MATRIX = (
    "Gain over random search inside each space, in points. Colour: the gain as a share of what random search left to "
    "the optimum, or to no error where the optimum is not known."
)
_GAINS = (
    "Gain over random search under the same seeds: the mean difference and its 95 % interval at the last checkpoints. "
    "Right of 0 the strategy is better."
)
_ANYTIME = (
    "Error of the network that would be returned, while the search goes on. The dashed line of random search is exact: "
    "its expected best of n draws without noise. The ceiling is what the best-looking network of the whole table "
    "scores: luck aside, choosing by what was seen gets no further."
)
_FINALS = "Errors that the runs end with."


def report(benchmark: Benchmark, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        pictures: PNG files by name, as `regnas.studies.bench.figures.files.write` returns them.
    """
    parts = [f"<h1>{escape(benchmark.name)}</h1>"]
    parts += [f"<p><strong>{escape(line)}</strong></p>" for line in conclusions(benchmark)]
    parts += figures(pictures, {"gains": _GAINS})
    parts += [f'<p class="mark">NOTE: {escape(remark)}</p>' for remark in remarks(benchmark)]
    if benchmark.settings:
        parts.append(folded("Settings", table(_settings(benchmark.settings), words=True)))
    parts.append(f'<p class="small">{escape(_method(benchmark))}</p>')
    parts += _tables(tables.matrix(benchmark) if _compared(benchmark.spaces[0]) else None)
    parts += figures(pictures, {"matrix": _MATRIX})
    parts += _tables(tables.ranks(benchmark))
    ranks = _RANKS + (_SPACES if benchmark.blocks == "spaces" else _SEEDS)
    parts += figures(pictures, {"ranks": ranks})
    for space in benchmark.spaces:
        parts += _space(space, pictures, benchmark.rules.alpha)
    parts.append(table(tables.checklist(benchmark), words=True))
    return page(benchmark.name, parts)


def _method(benchmark: Benchmark) -> str:
    """What was done and what the numbers mean, in a paragraph."""
    rules = benchmark.rules
    runs = f"seeds {rules.seeds[0]} to {rules.seeds[-1]}" if rules.repeats > 1 else f"seed {rules.seed}"
    text = (
        f"Every strategy ran {rules.budget:,} evaluations under {runs}, {rules.workers:,} at a time; equal seeds share "
        f"the initial design and the noise of the evaluations. A run returns the network with the best error seen, and "
        f"what is reported is its score. All scores are errors: lower is better."
    )
    if any(_compared(space) for space in benchmark.spaces):
        text += (
            f" Gains are means of paired differences to random search with bootstrap intervals (BCa); p values are of "
            f"one-sided signed-rank tests, adjusted by Holm over the strategies, level {rules.alpha:g}. A12 is the "
            f"chance that a run of the strategy beats one of random search. A score is worth the evaluations that "
            f"random search without noise needs to expect it."
        )
    return text


def _compared(space: SpaceResult) -> bool:
    """Whether anything is compared with random search."""
    return any(one.versus for one in space.strategies)


def _space(space: SpaceResult, pictures: Mapping[str, bytes], alpha: float) -> list[str]:
    """Tables and figures of one space."""
    parts = _tables(tables.scores(space))
    parts += figures(pictures, {anytime_name(space): _ANYTIME})
    parts += _tables(tables.versus(space, alpha) if _compared(space) else None)
    parts += figures(pictures, {finals_name(space): _FINALS})
    return parts + _tables(tables.known(space)) + _tables(tables.costs(space))


def _tables(one: Table | None) -> list[str]:
    return [] if one is None or not one.rows else [table(one)]


def _settings(settings: Mapping[str, Any]) -> Table:
    """The benchmark's metadata as they are."""
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in settings.items()]
    return Table("", ("", ""), tuple(rows))
