"""The contract of executors: they evaluate the driver's jobs, several at a time, wherever that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from regnas.evaluator import Task
from regnas.messages import Job, Setup

Judge = Callable[[int, float], bool]  # whether an evaluation goes on, from its epoch and validation error
Kind = Literal["epoch", "done", "failed", "stopped", "note"]


@dataclass(frozen=True)
class Event:
    """What an executor says.

    Attributes:
        kind: ``epoch``, ``done``, ``failed``, ``stopped``: it was told to stop, and left no result; or ``note``:
            something that the user should know, of no job.
        error: of an epoch, its validation error.
        message: of a failure or a note, one line.
        seconds: of a stopped evaluation.
        again: of a failure, whether another try may end otherwise.
    """

    kind: Kind
    index: int
    epoch: int = 0
    error: float = 0.0
    message: str = ""
    seconds: float = 0.0
    again: bool = True

    @property
    def ends(self) -> bool:
        """Whether the job is over."""
        return self.kind in ("done", "failed", "stopped")


@dataclass(frozen=True, kw_only=True)
class WorkerSpec:
    """What an executor is to run.

    Attributes:
        evaluator: its spec; every worker makes its own from it.
        devices: of this machine; where workers are elsewhere, the one word of ``--device``.
        count: candidates at a time, at least 1.
        per_device: candidates at a time on one device, at least 1.
        lanes: most candidates at a time in one worker, at least 1: more where the evaluator is `SupportsLanes`.
        timeout: seconds after which an evaluation is stopped and counts as failed, or None.
        logs: folder for what the workers print.
        folder: the study's, for what an executor has to keep while it runs.
    """

    evaluator: str
    task: Task
    devices: tuple[str, ...]
    count: int
    logs: Path
    folder: Path
    per_device: int = 1
    lanes: int = 1
    timeout: float | None = None

    @property
    def workers(self) -> int:
        """Processes that evaluate."""
        return max(math.ceil(self.count / self.lanes), min(self.count, len(self.devices)))

    def lanes_of(self, number: int) -> int:
        """Candidates at a time in worker ``number``: ``count`` in all, shared out evenly."""
        each, further = divmod(self.count, self.workers)
        return each + (number < further)

    def device(self, number: int) -> str:
        """Where worker ``number`` computes: workers of ``per_device`` candidates share a device, devices are leased in
        turn.
        """
        return self.devices[number // max(1, self.per_device // self.lanes) % len(self.devices)]

    def setup(self, number: int, device: str) -> Setup:
        """The first message to worker ``number``, which computes on this device."""
        return Setup(evaluator=self.evaluator, task=self.task, device=device, lanes=self.lanes_of(number))


class Executor(Protocol):
    """Evaluates jobs, several at a time."""

    def free(self) -> int:
        """How many more jobs can be submitted now: workers that are ready and have none."""

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        """Start a job; its result will be in ``job.result``. It goes on after every epoch unless ``judge``, which is
        called inside `events`, says no.
        """

    def events(self, timeout: float) -> list[Event]:
        """What happened, after waiting at most ``timeout`` seconds for it. A worker that dies is replaced, and its job
        has failed, or stopped where it had no part in that.

        Raises:
            StudyError: no worker is left that could evaluate anything, or none can make the evaluator.
        """

    def close(self) -> None:
        """End all workers at once. Closing again does nothing."""


@runtime_checkable
class SupportsInDriver(Protocol):
    """An executor that may evaluate in the driver's own process."""

    @property
    def in_driver(self) -> bool:
        """Whether it does, inside `events`, which Ctrl-C then has to break off; results are lines of one file."""


@runtime_checkable
class SupportsLanes(Protocol):
    """A kind of executor whose workers can be given several candidates at a time (`WorkerSpec.lanes`)."""

    @property
    def lanes(self) -> bool:
        """Whether they can."""


class Engine(Protocol):
    """A kind of executor with its options, checked: ``ray[cpus=2]``. Making one starts nothing."""

    @property
    def remote(self) -> bool:
        """Whether workers compute elsewhere; their devices are then theirs to find."""

    @property
    def sized(self) -> bool:
        """Whether the number of workers that suits is known here, one for each core or device."""

    @property
    def shares(self) -> bool:
        """Whether several workers can share a device."""

    def start(self, spec: WorkerSpec) -> Executor:
        """Start workers.

        Raises:
            RegnasError: nothing can be started; nothing is left behind.
        """


class MakeExecutor(Protocol):
    """What an entry point of ``regnas.executors`` names."""

    def __call__(self, options: Mapping[str, Any]) -> Engine:
        """The engine with these options.

        Raises:
            UsageError: an option that it does not have.
            RegnasError: a package that it needs is missing.
        """


def evaluates_in_driver(executor: Executor) -> bool:
    """Whether an executor evaluates in this very process."""
    return isinstance(executor, SupportsInDriver) and executor.in_driver
