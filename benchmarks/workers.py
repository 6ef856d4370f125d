"""Two workers on two cores against one: trainings a second of small networks, one thread each.

    python -m benchmarks.workers

The same trainings in both arms. The parallel efficiency is half the ratio: 0.9 is a ratio of 1.8. It needs two cores
that are free: the load is printed beside it.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.comparison import Arm, Comparison, compare, spread
from regnas.dataset import make_dataset
from regnas.design_space import make_space
from regnas.evaluator import Task
from regnas.executor import Executor, WorkerSpec
from regnas.messages import EvaluateJob
from regnas.studies.executors.make import make_engine
from regnas.studies.search.regime import in_regime
from regnas.window import Window

AIM = 0.9  # efficiency


@contextmanager
def workers_of(count: int, folder: Path, task: Task) -> Iterator[Executor]:
    """Processes that are ready."""
    spec = WorkerSpec(evaluator="train", task=task, devices=("cpu",), count=count, logs=folder / "logs", folder=folder)
    pool = make_engine("process").start(spec)
    try:
        while pool.free() < count:
            pool.events(0.05)
        yield pool
    finally:
        pool.close()


def trainings(pool: Executor, folder: Path, networks: list[Any]) -> Callable[[], float]:
    """A round that trains every network once, as many at a time as there are workers."""
    numbers = itertools.count()

    def run() -> float:
        waiting, ended = list(networks), 0
        while ended < len(networks):
            while waiting and pool.free():
                number, network = next(numbers), waiting.pop()
                result = str(folder / f"{number}.json")
                pool.submit(EvaluateJob(index=number, seed=0, architecture=network, result=result))
            events = pool.events(0.05)
            if failed := [event for event in events if event.kind == "failed"]:
                raise RuntimeError(failed[0].message)
            ended += sum(event.kind == "done" for event in events)
        return len(networks)

    return run


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Two workers against one."""
    from regnas.evaluators.training.evaluator import make

    count, rounds = (8, 3) if quick else (16, 5)
    task = Task(data="fake:1024", epochs=1 if quick else 2)
    space = in_regime(make_space("regnetx"), make(task, {}), make_dataset(task.data), Window.parse(flops="1M:1.2M"))
    networks = [one.architecture.to_json() for one in space.sample(count, seed=0)]
    with tempfile.TemporaryDirectory() as there:
        with workers_of(2, Path(there) / "two", task) as two, workers_of(1, Path(there) / "one", task) as one:
            yield compare(
                "trainings of small networks on two cores",
                Arm("two workers", trainings(two, Path(there) / "two", networks)),
                Arm("one worker", trainings(one, Path(there) / "one", networks)),
                unit="trainings",
                rounds=rounds,
                clock="wall",
                aim=2 * AIM,
                note="half the ratio is the parallel efficiency",
            )


def main() -> None:
    """Print the efficiency."""
    before = os.getloadavg()[0]
    for one in comparisons(quick=False):
        halves = [ratio / 2 for ratio in one.ratios]
        print(f"{one.what}: efficiency {one.ratio / 2:.2f} ({spread(halves)}), aim {AIM}")
        print(f"  {one.ours_name} {spread(one.ours)}, {one.peer_name} {spread(one.theirs)} {one.unit} a second")
    print(f"  load average before {before:.1f}, after {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
