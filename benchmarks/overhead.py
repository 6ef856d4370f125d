"""What regnas costs beside the evaluation itself: CPU time of a trial, against a bare Optuna loop in the same run.

    python benchmarks/overhead.py

The bare loop asks the same parameters from Optuna's RandomSampler, writes no attributes and tells a constant. The
cost of the attribute writes is measured by a third loop, which is the bare one with as many attributes as regnas
writes. The evaluator is instant, but its result takes the way of every result: over a file on disk.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler

import regnas
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.evaluator import Result
from regnas.strategy import make_strategy
from regnas.studies.driver import Driver
from regnas.studies.executors.contract import Event, Judge
from regnas.studies.progress import Silent
from regnas.studies.storage import quiet
from regnas.studies.worker import write_result


class Instant:
    """A pool whose evaluations take no time."""

    def __init__(self) -> None:
        self._done: list[Event] = []

    def free(self) -> int:
        return 0 if self._done else 1

    def submit(self, job: dict[str, Any], judge: Judge | None = None) -> None:
        from regnas.architecture import from_json

        key = from_json(job["architecture"]).key()
        write_result(Path(job["result"]), key, job["seed"], Result(error=0.5, seconds=0.0))
        self._done.append(Event("done", job["index"]))

    def events(self, timeout: float) -> list[Event]:
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        self._done = []


def storage(kind: str, folder: Path) -> optuna.storages.BaseStorage | str:
    """A new storage: in memory, or a SQLite file."""
    return optuna.storages.InMemoryStorage() if kind == "memory" else f"sqlite:///{folder / 'bench.db'}"


class Clock(Silent):
    """Notes the CPU time at which each trial is complete."""

    def __init__(self) -> None:
        self.times = [time.process_time()]

    def ended(self, index: int, candidate: Candidate, result: Result) -> None:
        self.times.append(time.process_time())

    def cost(self, first: int, last: int) -> float:
        """CPU milliseconds a trial between two numbers of complete trials."""
        return (self.times[last] - self.times[first]) / (last - first) * 1e3


def ours(space: Space, trials: int, kind: str) -> Clock:
    """A random search with instant evaluations."""
    with tempfile.TemporaryDirectory() as folder:
        sampler = make_strategy("random", space, seed=0)
        study = optuna.create_study(storage=storage(kind, Path(folder)), sampler=sampler)
        clock = Clock()
        driver = Driver(study, space, Instant(), Path(folder), seed=0, duplicates="reject", progress=clock)
        driver.run(trials)
        return clock


def bare(space: Space, trials: int, kind: str, attributes: int = 0) -> float:
    """CPU milliseconds a trial of Optuna alone, with this many attributes on every trial."""
    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(storage=storage(kind, Path(folder)), sampler=RandomSampler(seed=0))
        laws = space.distributions
        start = time.process_time()
        for _ in range(trials):
            trial = study.ask(laws)
            for number in range(attributes):
                trial.set_user_attr(f"attribute-{number}", 1.5)
            study.tell(trial, 0.5)
        return (time.process_time() - start) / trials * 1e3


def main() -> None:
    """Print a table."""
    attributes = 10  # index, mflops, params_m, acts_m, depth, seed, draws, architecture, seconds, diverged
    space = regnas.space("regnetx", flops="1M:2M", resolution=28, classes=10)
    space.sample(10)
    with quiet():
        print("CPU ms a trial, random search, in memory")
        alone, writing = bare(space, 1000, "memory"), bare(space, 1000, "memory", attributes)
        clock = ours(space, 2000, "memory")
        early, middle, late = clock.cost(0, 200), clock.cost(200, 1800), clock.cost(1800, 2000)
        print(f"  bare Optuna loop            {alone:6.2f}")
        print(f"  the same with {attributes} attributes  {writing:6.2f}")
        print(f"  regnas, trials 0-200        {early:6.2f}")
        print(f"  regnas, trials 200-1800     {middle:6.2f}")
        print(f"  regnas, trials 1800-2000    {late:6.2f}   ratio to the first 200: {late / early:.2f}")
        print(f"  own cost beside Optuna and its attribute writes: {middle - writing:.2f} ms")
        print("CPU ms a trial, SQLite, 100 trials")
        alone, writing = bare(space, 100, "sqlite"), bare(space, 100, "sqlite", attributes)
        mine = ours(space, 100, "sqlite").cost(0, 100)
        print(f"  bare {alone:.1f}, with attributes {writing:.1f}, regnas {mine:.1f}: {mine / writing:.2f} x those")


if __name__ == "__main__":
    main()
