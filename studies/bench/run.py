"""Running a benchmark: what is not there yet, in parallel, then the numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from regnas.errors import StudyError
from regnas.studies.bench.analysis import analyse_space, combine
from regnas.studies.bench.plan import REQUEST, BenchPlan
from regnas.studies.bench.record import metadata
from regnas.studies.bench.results import Benchmark
from regnas.studies.bench.running.problem import Arena
from regnas.studies.bench.running.processes import Job, SimulationPool
from regnas.studies.bench.running.runs import Run, TimeOver, read_run
from regnas.studies.bench.running.told import tell_run
from regnas.studies.bench.running.worker import complete, perform, window_json
from regnas.studies.run.clock import CLOCK, Clock
from regnas.studies.run.json_lines import JsonLines
from regnas.studies.search.identity import differing
from regnas.studies.storage.locks import locked
from regnas.system.duration import short
from regnas.system.files import remove_leftovers, write_json
from regnas.system.reading import fields_if_whole

Say = Callable[[str], None]


def run_bench(
    plan: BenchPlan,
    say: Say = lambda text: None,
    seconds: float | None = None,
    lines: JsonLines | None = None,
) -> Benchmark:
    """Run what is missing and analyse everything, or what was done in the time.

    Args:
        say: is told what happens, a line at a time.
        seconds: that runs may take, of all calls with a limit together; None for as long as they do.
        lines: are told of every run that ends, and of the trainings in it.

    Raises:
        StudyError: the folder holds a benchmark with other settings, a run failed, or not one repeat of all strategies
            ended in time.
        KeyboardInterrupt: every run that has ended is on disk; the same call goes on.
    """
    with locked(plan.folder, ("this benchmark", "give --name NAME"), lasting=True):
        _settle(plan)
        clock = Clock(plan.folder / CLOCK, seconds)
        if lines is not None:
            lines.tell("start", complete=_whole(plan) - len(_missing(plan)), runs=_whole(plan))
            lines.timed(clock.left)
        try:
            if plan.real:
                from regnas.studies.bench.running.training_runs import train_runs

                train_runs(plan, say, clock, lines)
            else:
                _simulate(plan, say, clock, lines)
        except TimeOver:
            plan = _in_time(plan, say, seconds or 0.0)
        finally:
            clock.keep()
        return analysed(plan)


def _in_time(plan: BenchPlan, say: Say, seconds: float) -> BenchPlan:
    """The benchmark of the first repeats that all strategies have."""
    missing = {job["seed"] for job in _missing(plan)}
    whole = next((number for number, seed in enumerate(plan.rules.seeds) if seed in missing), plan.rules.repeats)
    more = "a longer --time goes on"
    if not whole:
        raise StudyError(f"the time of {short(seconds)} was over before every strategy had one run; {more}")
    say(f"the time of {short(seconds)} is over: {whole} of {plan.rules.repeats} repeats are compared; {more}")
    return replace(plan, rules=replace(plan.rules, repeats=whole))


def analysed(plan: BenchPlan) -> Benchmark:
    """The numbers of a benchmark whose runs are all there.

    Raises:
        StudyError: a run is missing.
    """
    spaces = []
    for arena in plan.arenas:
        runs = {name: [_stored(plan, arena, name, seed) for seed in plan.rules.seeds] for name in plan.strategies}
        spaces.append(
            analyse_space(
                runs,
                plan.rules,
                space=arena.space.spec,
                evaluator=arena.evaluator,
                window=str(arena.space.window),
                table=arena.reachable(),
                predicted=arena.surrogate is not None,
            )
        )
    return combine(plan.name, spaces, plan.rules, metadata(plan))


def _stored(plan: BenchPlan, arena: Arena, strategy: str, seed: int) -> Run:
    path = plan.run_path(arena, strategy, seed)
    run = read_run(path, plan.run_settings(arena, strategy, seed))
    if run is None:
        raise StudyError(f"the run {path} is missing or is another one; repeat the regnas bench command")
    return run


def _settle(plan: BenchPlan) -> None:
    """A folder holds one benchmark: more strategies, repeats or evaluations are welcome, other rules are not."""
    path, settings = plan.folder / REQUEST, json.loads(json.dumps(plan.settings()))
    stored = fields_if_whole(path)
    remove_leftovers(plan.folder, "**")
    if stored is not None and (different := differing(stored, settings)):
        raise StudyError(
            f"benchmark {plan.name!r} exists with other settings ({'; '.join(different)}); give this one another name "
            f"with --name, or repeat the stored settings"
        )
    write_json(path, settings)


def _missing(plan: BenchPlan) -> list[Job]:
    """Runs that are not on disk, the repeats of all strategies in turn: what is there early is comparable."""
    jobs: list[Job] = []
    for seed in plan.rules.seeds:
        for number, arena in enumerate(plan.arenas):
            for strategy in plan.strategies:
                settings = plan.run_settings(arena, strategy, seed)
                path = plan.run_path(arena, strategy, seed)
                if not complete(read_run(path, settings), plan.rules):
                    jobs.append(_job(plan, arena, number, strategy, seed, path, settings))
    return jobs


def _job(
    plan: BenchPlan, arena: Arena, number: int, strategy: str, seed: int, path: Path, settings: dict[str, Any]
) -> Job:
    made = {
        "space": arena.made_of,
        "evaluator": arena.evaluator,
        "window": window_json(arena.space.window),
        "null": plan.rules.null,
        "hold_out": arena.table is None or arena.table.hold_out,
    }
    return {
        "arena": made,
        "number": number,
        "strategy": strategy,
        "seed": seed,
        "rules": asdict(plan.rules),
        "path": str(path),
        "settings": settings,
    }


def _whole(plan: BenchPlan) -> int:
    """How many runs a benchmark has."""
    return len(plan.arenas) * len(plan.strategies) * plan.rules.repeats


def _simulate(plan: BenchPlan, say: Say, clock: Clock, lines: JsonLines | None) -> None:
    jobs = _missing(plan)
    whole = _whole(plan)
    if not jobs:
        say(f"all {whole} runs are there")
        return
    if len(jobs) < whole:
        say(f"{whole - len(jobs)} of {whole} runs are there")
    tally = _Tally(len(jobs), say, clock)

    def done(job: Job) -> None:
        if lines is not None:
            arena = plan.arenas[job["number"]]
            tell_run(lines, arena, _stored(plan, arena, job["strategy"], job["seed"]))
        tally.done(job)

    if plan.jobs > 1 and len(jobs) > 1 and plan.remote:
        SimulationPool(plan.jobs, plan.folder / "logs" / "simulations.log").work(jobs, done)
        return
    for job in jobs:
        perform(plan.arenas[job["number"]], job)
        done(job)


class _Tally:
    """Says now and then how many runs have ended, and ends them when the time is over."""

    def __init__(self, total: int, say: Say, clock: Clock) -> None:
        self._total, self._clock = total, clock
        self._ended = 0
        self._say = say

    def done(self, job: Job) -> None:
        self._ended += 1
        if self._ended * 10 // self._total > (self._ended - 1) * 10 // self._total:
            self._say(f"  {self._ended}/{self._total} runs")
        self._clock.tick()
        if self._ended < self._total and self._clock.left <= 0:
            raise TimeOver
