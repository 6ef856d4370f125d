"""The numbers of a benchmark: curves, values at checkpoints, and comparisons with random search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from regnas.measure import BUILT_IN
from regnas.sampling import keyed
from regnas.statistics.anytime import (
    against,
    budget_of_random,
    curve_summary,
    incumbents,
    random_search_without_noise,
)
from regnas.statistics.multiple import holm
from regnas.statistics.paired import paired_mean, vargha_delaney, wilcoxon
from regnas.statistics.ranks import critical_difference, friedman
from regnas.studies.bench.conclusion import conclusions, remarks
from regnas.studies.bench.results import (
    RANDOM,
    Benchmark,
    SpaceResult,
    StrategyResult,
    TableFacts,
    Value,
    Versus,
)
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.runs import Floats, Run
from regnas.tables.table import HELD_OUT, Table

CLOCK_STEPS = 200  # places on the time axis


def analyse_space(
    runs: Mapping[str, Sequence[Run]],
    rules: BenchRules,
    *,
    space: str,
    evaluator: str,
    window: str,
    table: Table | None,
    predicted: bool = False,
) -> SpaceResult:
    """All numbers of one space.

    Args:
        runs: by strategy, one per seed, in the same order of seeds for every strategy.
        table: of the networks that can be proposed.
        predicted: whether a surrogate answers for networks that are not in the table.
    """
    facts = None if table is None else table_facts(table, rules, predicted=predicted)
    times = _times(runs)
    curves = {name: _curves(some, rules.budget) for name, some in runs.items()}
    versus = _versus(curves, rules, None if table is None else table.score)
    strategies = tuple(
        _strategy(name, tuple(runs[name]), curves[name], times, rules, versus.get(name, {})) for name in runs
    )
    final = np.stack([one[:, -1] for one in curves.values()], axis=1)
    ranks = friedman(final) if len(runs) > 1 else None
    return SpaceResult(space, evaluator, window, facts, strategies, times, ranks)


def combine(name: str, spaces: Sequence[SpaceResult], rules: BenchRules, settings: Mapping[str, Any]) -> Benchmark:
    """Spaces together: ranks over spaces where there are several, as seeds of one say nothing of another."""
    count = len(spaces[0].strategies)
    ranks, blocks = spaces[0].ranks, "seeds"
    if len(spaces) > 1 and count > 1:
        ranks = friedman(np.array([[one.final.mean() for one in space.strategies] for space in spaces]))
        blocks = "spaces"
    critical = None if ranks is None else critical_difference(count, ranks.blocks, rules.alpha)
    found = Benchmark(name, rules, tuple(spaces), ranks, critical, blocks, settings)
    return replace(found, said=(*conclusions(found), *remarks(found)))


def table_facts(table: Table, rules: BenchRules, *, predicted: bool = False) -> TableFacts:
    """What a table says before any search, and what needs no search."""
    score = table.score
    baselines = {"mean of all networks": float(score.mean())}
    for quantity in (*BUILT_IN, "depth"):
        column = getattr(table, quantity)
        if np.isfinite(column).all() and np.ptp(column) > 0:
            baselines[f"most {quantity}"] = float(score[column == column.max()].mean())
    counts = np.arange(1, rules.budget + 1)
    single = (~np.isnan(table.signal)).sum(axis=1) == 1
    repeated = rules.duplicates != "reject"
    return TableFacts(
        name=table.name,
        networks=len(table),
        exhaustive=table.exhaustive,
        signal=table.signal_name,
        score=HELD_OUT if table.holds_out else table.score_name,
        groups=_groups(table),
        optimum=float(score.min()),
        ceiling=table.ceiling(),
        mean=float(score.mean()),
        random=random_search_without_noise(score, counts, replacement=repeated),
        baselines=baselines,
        one_number=float((single & (table.signal[:, 0] == score)).mean()),
        predicted=predicted,
    )


def _groups(table: Table) -> dict[int, tuple[int, float]]:
    """Of every number of recorded trainings, how many networks have it, and their mean score."""
    counts = (~np.isnan(table.signal)).sum(axis=1)
    return {
        int(count): (int((counts == count).sum()), float(table.score[counts == count].mean()))
        for count in np.unique(counts)
    }


def _curves(runs: Sequence[Run], budget: int) -> Floats:
    """``(runs, budget)``; where a run ended early its last network stays, and before any there is all error."""
    curves = np.empty((len(runs), budget))
    for row, run in zip(curves, runs, strict=True):
        path = incumbents(run.choosable, run.score)[:budget]
        row[: len(path)] = path
        row[len(path) :] = path[-1]
    return np.where(np.isnan(curves), 1.0, curves)


def _strategy(
    name: str, runs: tuple[Run, ...], curves: Floats, times: Floats, rules: BenchRules, versus: Mapping[int, Versus]
) -> StrategyResult:
    rng = keyed.generator("bench bootstrap", rules.seed)
    unique = np.stack([_by_unique(run, curve, rules.budget) for run, curve in zip(runs, curves, strict=True)])
    clock = np.stack([_by_clock(run, curve, times) for run, curve in zip(runs, curves, strict=True)])
    asked = sum(len(run) for run in runs)
    spent = [run.proposal_seconds for run in runs if run.proposal_seconds is not None]
    return StrategyResult(
        name=name,
        runs=runs,
        curves=curves,
        curve=curve_summary(curves, rng=rng),
        unique=curve_summary(unique, rng=rng),
        clock=curve_summary(clock, rng=rng),
        values={n: _value(curves[:, n - 1], rules.seed) for n in rules.checkpoints},
        model=_by_model(runs, rules),
        versus=versus,
        duplicates=float(np.mean([(~run.new).sum() for run in runs])),
        refused=float(np.mean([run.refused for run in runs])),
        failed=float(np.mean([run.failed for run in runs])),
        pruned=float(np.mean([(~run.whole).sum() for run in runs])),
        epochs=float(np.mean([run.epochs.sum() for run in runs])),
        proposal_ms=1000 * sum(spent) / asked if len(spent) == len(runs) else None,
        outside=float(np.mean([run.outside for run in runs])),
        unfinished=sum(len(run) < rules.budget for run in runs),
        origins={
            one: float(np.mean([run.origins.get(one, 0) for run in runs]))
            for one in sorted({one for run in runs for one in run.origins})
        },
        unanswered=float(np.mean([run.unanswered for run in runs])),
    )


def _by_clock(run: Run, curve: Floats, times: Floats) -> Floats:
    """``(times,)``; a search with failures can have more evaluations than the budget: the rest is not counted."""
    counted = min(len(run), len(curve))
    return against(run.ended[:counted], curve[:counted], times)


def _by_unique(run: Run, curve: Floats, budget: int) -> Floats:
    """``(budget,)``: the curve against the number of different networks, as far as the run has so many."""
    path = np.full(budget, np.nan)
    counts = np.cumsum(run.new)[:budget]
    path[counts - 1] = curve[: len(counts)]  # the last evaluation with this count wins
    path[counts[-1] :] = np.nan
    return path


def _by_model(runs: Sequence[Run], rules: BenchRules) -> dict[int, Value]:
    shared = [n for n in rules.checkpoints if all(n in run.returned_by_model for run in runs)]
    return {n: _value(np.array([run.returned_by_model[n] for run in runs]), rules.seed) for n in shared}


def _value(scores: Floats, seed: int) -> Value:
    found = curve_summary(scores[:, None], repeats=10_000, rng=keyed.generator("bench value", seed))
    sd = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
    ends = (found.median, found.low_quartile, found.high_quartile)
    median, low_quartile, high_quartile = (float(end[0]) for end in ends)
    return Value(
        float(found.mean[0]), float(found.low[0]), float(found.high[0]), sd, median, low_quartile, high_quartile
    )


def _versus(curves: Mapping[str, Floats], rules: BenchRules, scores: Floats | None) -> dict[str, dict[int, Versus]]:
    """Every strategy but random search against it, at every checkpoint."""
    if RANDOM not in curves:
        return {}
    others = [name for name in curves if name != RANDOM]
    found: dict[str, dict[int, Versus]] = {name: {} for name in others}
    for n in rules.checkpoints:
        base = curves[RANDOM][:, n - 1]
        tests = {name: wilcoxon(curves[name][:, n - 1], base) for name in others}
        adjusted = holm([tests[name].p for name in others]).tolist() if others else []
        for name, p in zip(others, adjusted, strict=True):
            mine = curves[name][:, n - 1]
            found[name][n] = Versus(
                test=tests[name],
                p_holm=float(p),
                a12=vargha_delaney(mine, base),
                gain=paired_mean(base, mine, rng=keyed.generator("bench gain", rules.seed, name, n)),
                worth=None if scores is None else budget_of_random(float(mine.mean()), scores),
            )
    return found


def _times(runs: Mapping[str, Sequence[Run]]) -> Floats:
    """Places on the clock: from the first evaluation that ended to when the slowest run had ended."""
    every = [run for some in runs.values() for run in some]
    first = max(run.ended[0] for run in every)
    last = max(run.ended[-1] for run in every)
    if not first > 0 or last <= first:
        return np.linspace(first, last, CLOCK_STEPS)
    return np.geomspace(first, last, CLOCK_STEPS)
