"""Strategies compared by real training: every run is a search of its own, resumable, in a study of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import InfeasibleWindow, UsageError
from regnas.studies.bench.plan import BenchPlan
from regnas.studies.bench.running.problem import Arena
from regnas.studies.bench.running.runs import Run, TimeOver, read_run, write_run
from regnas.studies.bench.running.told import tell_run, told_of
from regnas.studies.run.clock import Clock
from regnas.studies.run.json_lines import JsonLines
from regnas.studies.run.progress import Progress, Silent
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.session import completed, drive, make_workers, opened, spent

Say = Callable[[str], None]


def train_runs(bench: BenchPlan, say: Say, clock: Clock, lines: JsonLines | None = None) -> None:
    """Train what is missing, the repeats of all strategies in turn.

    Candidate i of every strategy starts from the same random candidates and trains with the same seeds, which is
    what pairs the runs.

    Args:
        lines: are told what happens in every run, and of each that ends.

    Raises:
        TimeOver: the clock's time is over; a run goes on where it was.
    """
    for seed in bench.rules.seeds:
        for arena in bench.arenas:
            for strategy in bench.strategies:
                path, settings = bench.run_path(arena, strategy, seed), bench.run_settings(arena, strategy, seed)
                if read_run(path, settings) is not None:
                    continue
                if clock.left <= 0:
                    raise TimeOver
                progress = Silent() if lines is None else lines.of(**told_of(arena, strategy, seed))
                run = _train(_search(bench, arena, strategy, seed), strategy, clock, progress)
                write_run(path, run, settings)
                if lines is not None:
                    tell_run(lines, arena, run)
                best = float(np.nanmin(run.signal))
                say(f"  {strategy}, seed {seed}: best validation error {best:.2%} of {len(run)}")


def _search(bench: BenchPlan, arena: Arena, strategy: str, seed: int) -> SearchPlan:
    number = bench.arenas.index(arena)
    where = bench.folder / "studies" / str(number) if len(bench.arenas) > 1 else bench.folder / "studies"
    rules = bench.rules
    return plan(
        arena.space,
        evaluator=arena.evaluator,
        strategy=strategy,
        seed=seed,
        budget=rules.budget,
        workers=rules.workers,
        duplicates=rules.duplicates,
        pruner=rules.pruner,
        out=where,
        **bench.options,
    )


def _train(search: SearchPlan, strategy: str, clock: Clock, progress: Progress) -> Run:
    with opened(search) as study:
        if not spent(search, study):
            pool = make_workers(search)
            try:
                drive(search, study, pool, progress, clock)
                if clock.limit is not None and not spent(search, study):
                    raise TimeOver
            except InfeasibleWindow:
                if not completed(search):
                    raise
                # No network is left: the run ends early, as it does in a simulation.
            finally:
                pool.close()
        return run_of(study, strategy, search.seed)


def run_of(study: optuna.Study, strategy: str, seed: int) -> Run:
    """A search that was really run, as a run of a benchmark.

    What is reported is the validation error that the search saw: no other is there for all networks. A training that
    diverged has the worst of all errors.

    Raises:
        UsageError: nothing was evaluated.
    """
    ended = [trial for trial in study.get_trials(deepcopy=False) if _counts(trial)]
    if not ended:
        raise UsageError(f"study {study.study_name!r} has no evaluation that ended; nothing can be compared")
    ended.sort(key=lambda trial: (trial.datetime_complete or trial.datetime_start, trial.number))
    begun = min(trial.datetime_start for trial in ended if trial.datetime_start)
    signal = np.array([_error(trial) for trial in ended])
    return Run(
        strategy=strategy,
        seed=seed,
        networks=tuple(str(trial.user_attrs.get("architecture", trial.number)) for trial in ended),
        signal=signal,
        score=signal,
        started=np.array([(trial.datetime_start - begun).total_seconds() for trial in ended if trial.datetime_start]),
        ended=np.array(
            [(trial.datetime_complete - begun).total_seconds() for trial in ended if trial.datetime_complete]
        ),
        epochs=np.array([len(trial.intermediate_values) for trial in ended], dtype=np.int64),
        whole=np.array([trial.state == TrialState.COMPLETE for trial in ended], dtype=np.bool_),
    )


def _counts(trial: FrozenTrial) -> bool:
    return trial.user_attrs.get("index") is not None and trial.state.is_finished()


def _error(trial: FrozenTrial) -> float:
    known = trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.value is not None
    if not known or trial.value is None:
        return float("nan")
    return 1.0 if trial.user_attrs.get("diverged") else float(trial.value)
