"""How many workers one driver keeps busy: the real driver and storage, and simulated workers that train for minutes.

    python -m benchmarks.many_workers [WORKERS [STRATEGY ...]]

Time is simulated: it goes on by what the driver really takes (wall clock, the storage included), and while the driver
has nothing to do it jumps to the end of the next training. A training takes ten minutes, give or take a fifth. What a
worker does itself, its result's file for one, is not counted.
"""

from __future__ import annotations

import heapq
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna

import regnas
from regnas.architecture import from_json
from regnas.design_space import Space
from regnas.evaluator import Result
from regnas.executor import Event, Judge
from regnas.messages import EvaluateJob, Job, expected
from regnas.strategy import make_strategy
from regnas.studies.executors.worker import write_result
from regnas.studies.run.driver import Driver
from regnas.studies.run.progress import Silent
from regnas.studies.storage.lease import held
from regnas.studies.storage.open import open_study, quiet
from regnas.studies.storage.write_through import OneWriter
from regnas.system.optuna_internals import set_storage, storage_of, study_id
from regnas.testing.postgres import NoPostgres, server

WORKERS, MINUTES, SPREAD = 1000, 10.0, 0.2
STRATEGIES = ("random", "evolution", "tpe")


class Cluster:
    """Workers on a simulated clock, as a pool.

    Attributes:
        idle: seconds that workers waited for the driver, since `measure`.
    """

    def __init__(self, workers: int) -> None:
        self._free = workers
        self._now = 0.0
        self._asked = time.perf_counter()  # when the driver got its last answer
        self._idle_since: list[float] = [0.0] * workers
        self._running: list[tuple[float, int, Job]] = []
        self._rng = np.random.default_rng(0)
        self.idle = 0.0
        self.submitted = 0
        self.driver = 0.0  # seconds that the driver took

    def measure(self) -> None:
        """Forget what was counted so far."""
        self.idle, self.driver, self.submitted = 0.0, 0.0, 0

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self._now + time.perf_counter() - self._asked

    def free(self) -> int:
        return self._free

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        now = self.now
        self.idle += now - self._idle_since.pop()
        self._free -= 1
        self.submitted += 1
        seconds = 60 * MINUTES * float(self._rng.uniform(1 - SPREAD, 1 + SPREAD))
        heapq.heappush(self._running, (now + seconds, job.index, job))

    def events(self, timeout: float) -> list[Event]:
        taken = time.perf_counter() - self._asked
        self.driver += taken
        self._now += taken
        if self._running and self._running[0][0] > self._now:
            self._now = self._running[0][0]
        found = []
        while self._running and self._running[0][0] <= self._now:
            end, index, job = heapq.heappop(self._running)
            self._idle_since.append(end)
            self._free += 1
            _leave(job)
            found.append(Event("done", index))
        self._asked = time.perf_counter()
        return found

    def close(self) -> None:
        self._running = []


def _leave(job: Job) -> None:
    """What a worker leaves: a result with an error that is smooth in the network's widths and depths."""
    network, seed = job.architecture, expected(job, EvaluateJob).seed
    places = [math.log(value) for value in (*network["widths"], *network["depths"])]
    error = min(1.0, 0.1 + 0.002 * sum((place - 3) ** 2 for place in places))
    write_result(Path(job.result), from_json(network).key(), seed, Result(error=error, seconds=600.0))


class Marks(Silent):
    """Starts to count when every worker has had its first candidate."""

    def __init__(self, cluster: Cluster, first: int) -> None:
        self._cluster = cluster
        self._left = first
        self.begun = 0.0

    def began(self, index: int, candidate: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self.begun = self._cluster.now
            self._cluster.measure()


def run(space: Space, strategy: str, url: str, workers: int) -> str:
    """Twice as many candidates as workers; what is said is of the second half."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        study = open_study(url.format(folder), f"{strategy}/{workers}", make_strategy(strategy, space, seed=0))
        cluster = Cluster(workers)
        marks = Marks(cluster, workers)
        with held(storage_of(study), study.study_name) as lease:
            set_storage(study, OneWriter(storage_of(study), study_id(study), whole="index", guard=lease))
            driver = Driver(study, space, cluster, Path(folder), seed=0, duplicates="reject", progress=marks)
            driver.run(2 * workers)
    rate = cluster.submitted / cluster.driver
    span = 60 * MINUTES
    busy = 1 - cluster.idle / cluster.submitted / (span + cluster.idle / cluster.submitted)
    return f"{rate:9.1f} {1e3 / rate:9.1f} {busy:9.2%} {rate * span:12,.0f}"


@contextmanager
def storages() -> Iterator[dict[str, str]]:
    """Where studies can lie here."""
    found = {"SQLite": "sqlite:///{}/s.db", "journal": "{}/s.journal"}
    with ExitStack() as stack:
        try:
            found["PostgreSQL"] = stack.enter_context(server()).database("bench")
        except NoPostgres as error:
            print(error)
        yield found


def main() -> None:
    """Print a table."""
    words = sys.argv[1:]
    workers = int(words[0]) if words else WORKERS
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = regnas.space("regnetx", flops="360M:400M")
    needed = workers / (60 * MINUTES)
    print(f"{workers} workers, {MINUTES:.0f} minutes a training: {needed:.2f} proposals a second are needed")
    print(f"  {'':<22} {'proposals/s':>11} {'ms each':>9} {'busy':>9} {'workers fed':>12}")
    with storages() as places:
        for strategy in words[1:] or STRATEGIES:
            for name, url in places.items():
                print(f"  {strategy + ', ' + name:<24}{run(space, strategy, url, workers)}", flush=True)


if __name__ == "__main__":
    main()
