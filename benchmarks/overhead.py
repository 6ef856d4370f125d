"""What regnas costs beside the evaluation itself, against a bare Optuna loop in the same run.

    python -m benchmarks.overhead

The bare loop asks the same parameters from Optuna's RandomSampler, writes no attributes and tells a constant; the loop
"with attributes" also writes as many attributes as regnas does. The evaluator is instant, but its result takes the way
of every result of an evaluator in the driver's process: over a file on disk.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, InMemoryStorage

import regnas
from benchmarks.comparison import Arm, Comparison, compare
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.evaluator import Result
from regnas.executor import Event, Judge
from regnas.messages import EvaluateJob, Job, expected
from regnas.strategy import make_strategy
from regnas.studies.executors.worker import write_result
from regnas.studies.run.driver import Driver
from regnas.studies.run.progress import Silent
from regnas.studies.storage.open import open_storage, quiet
from regnas.studies.storage.write_through import OneWriter
from regnas.system.optuna_internals import set_storage, storage_of, study_id

ATTRIBUTES = 10  # index, flops, params, activations, depth, seed, draws, architecture, seconds, diverged
STORAGES = ("memory", "journal", "SQLite")
LAST = 10_000


class Instant:
    """A pool whose evaluations take no time."""

    in_driver = True

    def __init__(self) -> None:
        self._done: list[Event] = []

    def free(self) -> int:
        return 0 if self._done else 1

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        from regnas.architecture import from_json

        key = from_json(job.architecture).key()
        write_result(Path(job.result), key, expected(job, EvaluateJob).seed, Result(error=0.5, seconds=0.0))
        self._done.append(Event("done", job.index))

    def events(self, timeout: float) -> list[Event]:
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        self._done = []


def storage(kind: str, folder: Path) -> BaseStorage:
    """A new storage: in memory, a journal or a SQLite file."""
    if kind == "memory":
        return InMemoryStorage()
    return open_storage(str(folder / "s.journal") if kind == "journal" else f"sqlite:///{folder / 's.db'}")


class Clock(Silent):
    """Notes the CPU time at which each trial is complete."""

    def __init__(self) -> None:
        self.times = [time.process_time()]

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        self.times.append(time.process_time())

    def cost(self, first: int, last: int) -> float:
        """CPU milliseconds a trial between two numbers of complete trials."""
        return (self.times[last] - self.times[first]) / (last - first) * 1e3


class Commits:
    """Counts the transactions of a SQLite storage."""

    def __init__(self, where: BaseStorage) -> None:
        from sqlalchemy import event

        self.count = 0
        engine: Any = getattr(where, "engine", None)
        if engine is not None:
            event.listen(engine, "commit", self._one)

    def _one(self, connection: Any) -> None:
        self.count += 1


@dataclass(frozen=True)
class Run:
    """A search that was measured.

    Attributes:
        commits: transactions a trial, where the storage has any.
    """

    clock: Clock
    commits: float


def ours(space: Space, trials: int, kind: str) -> Run:
    """A random search with instant evaluations, its study held as `regnas.studies.search.session.opened` holds it."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        where = storage(kind, Path(folder))
        study = optuna.create_study(storage=where, sampler=make_strategy("random", space, seed=0))
        if kind != "memory":
            set_storage(study, OneWriter(storage_of(study), study_id(study), whole="index"))
        commits, clock = Commits(where), Clock()
        driver = Driver(study, space, Instant(), Path(folder), seed=0, duplicates="reject", progress=clock)
        driver.run(trials)
        return Run(clock, commits.count / trials)


def bare(space: Space, trials: int, kind: str, attributes: int = 0) -> Run:
    """Optuna alone, with this many attributes on every trial."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        where = storage(kind, Path(folder))
        study = optuna.create_study(storage=where, sampler=RandomSampler(seed=0))
        commits, clock = Commits(where), Clock()
        laws = space.distributions
        for _ in range(trials):
            trial = study.ask(laws)
            for number in range(attributes):
                trial.set_user_attr(f"attribute-{number}", 1.5)
            study.tell(trial, 0.5)
            clock.times.append(time.process_time())
        return Run(clock, commits.count / trials)


def the_space() -> Space:
    """What the searches are in."""
    space = regnas.space("regnetx", flops="1M:2M", resolution=28, classes=10)
    space.sample(10)
    return space


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Trials a second of a search, against the bare loop that writes as many attributes."""
    space = the_space()
    for kind, trials in (("memory", 1000), ("journal", 200), ("SQLite", 50)):
        count = trials // 4 if quick else trials

        def run(search: bool, kind: str = kind, count: int = count) -> float:
            ours(space, count, kind) if search else bare(space, count, kind, ATTRIBUTES)
            return float(count)

        yield compare(
            f"a search's own work, study in {kind}",
            Arm("regnas: window, complexity, result on disk", lambda run=run: run(True)),  # type: ignore[misc]
            Arm("bare Optuna loop", lambda run=run: run(False)),  # type: ignore[misc]
            unit="trials",
            rounds=3 if quick else 7,
            note=f"random search, evaluations take no time, {ATTRIBUTES} attributes each",
        )


def main() -> None:
    """Print a table: the curve in memory, and the other storages."""
    space = the_space()
    bare(space, 200, "memory")
    curves = {
        "bare Optuna": bare(space, LAST, "memory"),
        "bare, 10 attributes": bare(space, LAST, "memory", ATTRIBUTES),
        "regnas": ours(space, LAST, "memory"),
    }
    ranges = [(0, 200), (200, 1000), (1000, 2000), (2000, 5000), (5000, 8000), (8000, LAST)]
    print("CPU ms a trial in memory, random search, by the number of trials there are")
    print(f"  {'':<22}" + "".join(f"{f'{first}-{last}':>12}" for first, last in ranges))
    for name, run in curves.items():
        print(f"  {name:<22}" + "".join(f"{run.clock.cost(*one):>12.3f}" for one in ranges))
    own = [curves["regnas"].clock.cost(*one) - curves["bare, 10 attributes"].clock.cost(*one) for one in ranges]
    print(f"  {'own cost':<22}" + "".join(f"{cost:>12.3f}" for cost in own))
    print("CPU ms a trial and transactions a trial, 300 trials")
    for kind in STORAGES[1:]:
        runs = {
            "bare": bare(space, 300, kind),
            "with attributes": bare(space, 300, kind, ATTRIBUTES),
            "regnas": ours(space, 300, kind),
        }
        found = (f"{name} {run.clock.cost(0, 300):.2f} ({run.commits:.0f})" for name, run in runs.items())
        print(f"  {kind:<9} {', '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
