"""A list of jobs, evaluated to the end: for studies that know what to evaluate before they begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from regnas.evaluator import Task
from regnas.executor import Event, Executor, WorkerSpec
from regnas.messages import EvaluateJob
from regnas.studies.executors.make import PROCESS, make_engine, start

_WAIT = 0.25  # seconds between looks at the workers


@contextmanager
def processes(
    evaluator: str, task: Task, folder: Path, *, devices: Sequence[str], workers: int, jobs: int
) -> Iterator[Executor]:
    """Workers of this machine for so many jobs; one is this process. They end with the block.

    Args:
        evaluator: spec.
        folder: of logs, and of what workers keep.
    """
    count = min(workers, jobs) if workers > 1 else 0
    spec = WorkerSpec(
        evaluator=evaluator,
        task=task,
        devices=tuple(devices),
        count=count,
        per_device=max(1, count),
        logs=folder / "logs",
        folder=folder,
    )
    pool = start(make_engine(PROCESS), spec)
    try:
        yield pool
    finally:
        pool.close()


def evaluated(pool: Executor, jobs: Sequence[EvaluateJob], *, tries: int = 1) -> Iterator[tuple[EvaluateJob, Event]]:
    """Every job with the event of its end, as they end; all indices differ.

    A job whose worker was lost for a reason that is not the job's is begun again. Whether there is a result, its file
    says: a worker may write it and die.

    Args:
        tries: of a job that fails and may end otherwise.
    """
    left, running = list(reversed(jobs)), dict[int, EvaluateJob]()
    failures = dict.fromkeys((job.index for job in jobs), 0)
    while left or running:
        while left and pool.free():
            job = left.pop()
            running[job.index] = job
            pool.submit(job)
        for event in pool.events(_WAIT):
            if not event.ends or event.index not in running:
                continue
            job = running.pop(event.index)
            failures[job.index] += event.kind == "failed"
            lost = event.kind == "stopped" or (event.kind == "failed" and event.again and failures[job.index] < tries)
            if lost and not Path(job.result).exists():
                left.append(job)
            else:
                yield job, event
