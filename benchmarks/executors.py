"""What an executor costs beside the evaluation: evaluations a second of a look into a table, one worker.

    python -m benchmarks.executors

A job goes to the worker, the worker looks its network up and writes the result, the driver hears of it: one at a time,
so that the time of a round is the overhead. Ray also carries the result back by value.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks.comparison import Arm, Comparison, compare
from regnas.design_space import make_space
from regnas.evaluator import Task
from regnas.executor import Executor, WorkerSpec
from regnas.messages import EvaluateJob
from regnas.studies.executors.make import make_engine

TABLE = "table:recorded:fashion-mnist/regnetx"
EXECUTORS = {"ray": "ray", "submitit": "submitit[local=true]"}


@contextmanager
def one_worker(spec: str, folder: Path) -> Iterator[Executor]:
    """An executor whose worker is ready."""
    workers = WorkerSpec(
        evaluator=TABLE, task=Task(data="fake"), devices=("cpu",), count=1, logs=folder / "logs", folder=folder
    )
    pool = make_engine(spec).start(workers)
    try:
        while not pool.free():
            pool.events(0.05)
        yield pool
    finally:
        pool.close()


def evaluations(pool: Executor, folder: Path, count: int) -> Callable[[], float]:
    """A round of so many evaluations, one at a time."""
    networks = [one.architecture.to_json() for one in make_space(TABLE).sample(20, seed=0)]
    numbers = itertools.count()

    def run() -> float:
        for _ in range(count):
            number = next(numbers)
            kept, result = str(folder / "kept" / str(number)), str(folder / f"{number}.json")
            network = networks[number % 20]
            pool.submit(EvaluateJob(index=number, seed=0, architecture=network, folder=kept, result=result))
            while not (ends := [event for event in pool.events(1.0) if event.ends]):
                pass
            if ends[0].kind != "done":
                raise RuntimeError(f"an evaluation ended as {ends[0]}")
        return count

    return run


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Every other executor that is installed against processes."""
    count, rounds = (20, 3) if quick else (100, 7)
    for name, spec in EXECUTORS.items():
        if find_spec(name) is None:
            continue
        with tempfile.TemporaryDirectory() as there, ExitStack() as stack:
            folders = [Path(there) / name for name in ("ours", "peer")]
            ours, peer = (
                stack.enter_context(one_worker(kind, folder))
                for kind, folder in zip((spec, "process"), folders, strict=True)
            )
            yield compare(
                f"instant evaluations, executor {name}",
                Arm(spec, evaluations(ours, folders[0], count)),
                Arm("process", evaluations(peer, folders[1], count)),
                unit="evaluations",
                rounds=rounds,
                clock="wall",
                note="overhead alone: a training of a minute does not feel it",
            )


def main() -> None:
    """Print milliseconds an evaluation."""
    print("ms an evaluation, one worker, wall clock; median of rounds, least and most")
    for one in comparisons(quick=False):
        for name, rates in ((one.peer_name, one.theirs), (one.ours_name, one.ours)):
            times = sorted(1e3 / rate for rate in rates)
            print(f"  {name:24} {times[len(times) // 2]:7.2f}  ({times[0]:.2f}-{times[-1]:.2f})")
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as there, one_worker("process", Path(there)):
        print(f"  a worker process is ready after {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
