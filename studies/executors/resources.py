"""Who evaluates: the executor, how many workers, on which devices; checked before anything starts."""

from __future__ import annotations

import os
from dataclasses import dataclass

from regnas.errors import UsageError
from regnas.evaluator import Evaluator, SupportsSharing
from regnas.executor import Engine
from regnas.studies.executors.make import PROCESS, make_engine

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Who is to evaluate, as it was asked for; no part of a study's identity.

    Attributes:
        executor: a spec such as ``process`` or ``submitit[partition=gpu,time=60]``.
        ray_address: of a Ray cluster.
        device: of this machine, or a word where workers find their own.
        workers: candidates at a time; 0 is this process, None as many as suit.
        per_device: candidates at a time on one device, or ``auto``.
        timeout: seconds for one evaluation, or None.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    executor: str = PROCESS
    ray_address: str | None = None
    device: str = AUTO
    workers: int | None = None
    per_device: int | str = 1
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"--workers is at least 0 (0: this process), got {self.workers}")
        if self.timeout is not None and not self.timeout > 0:
            raise UsageError(f"--timeout is a number of seconds above 0, got {self.timeout}")
        if self.timeout is not None and self.workers == 0:
            raise UsageError("--timeout stops a worker, and --workers 0 has none: give --workers 1 or more")


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Who evaluates a study; no part of its identity.

    Attributes:
        devices: of this machine, or the word of ``--device`` where workers find their own.
        count: workers; 0 is this process.
        per_device: candidates at a time on one device.
        timeout: seconds for one evaluation, or None.
        notes: lines that the user should read.
        executor: the spec, as it was given.
    """

    engine: Engine
    devices: tuple[str, ...]
    count: int
    per_device: int = 1
    timeout: float | None = None
    notes: tuple[str, ...] = ()
    executor: str = PROCESS

    @property
    def place(self) -> str:
        """Where candidates compute, in a word or two."""
        kind = self.devices[0].split(":")[0]
        if self.executor == PROCESS:
            return kind
        return self.executor if kind == AUTO else f"{kind} of {self.executor}"


def allocate(evaluator: Evaluator, asked: Resources) -> Allocation:
    """Find what was asked for.

    Args:
        evaluator: where it is `SupportsSharing`, it answers ``per_device="auto"``.

    Raises:
        UsageError: what was asked makes no sense here.
        RegnasError: a device or an executor that is not there.
    """
    engine = make_engine(asked.executor, asked.ray_address)
    leased = _devices(engine, asked.device, asked.workers)
    share = _share(asked.per_device, evaluator, leased)
    if share > 1 and not engine.shares:
        raise UsageError(f"--executor {asked.executor} gives each worker a device of its own: no --per-device {share}")
    if asked.workers is None and not engine.sized:
        raise UsageError(f"--executor {asked.executor} needs --workers: how many its cluster can run is not known here")
    count = _suitable(leased) * share if asked.workers is None else asked.workers
    return Allocation(
        engine=engine,
        devices=leased,
        count=count,
        per_device=share,
        timeout=asked.timeout,
        notes=() if engine.remote else _crowded(leased, count),
        executor=asked.executor,
    )


def _devices(engine: Engine, device: str, workers: int | None) -> tuple[str, ...]:
    if engine.remote and workers != 0:
        if ":" in device:
            raise UsageError(f"--device {device} is a GPU of this machine, and workers are elsewhere: say cuda or auto")
        return (device,)
    from regnas.evaluators.training.devices import devices

    return tuple(devices(device))


def _share(per_device: int | str, evaluator: Evaluator, devices: tuple[str, ...]) -> int:
    """Candidates at a time on one device."""
    if per_device == AUTO:
        on_gpu = devices[0] not in ("cpu", "mps", AUTO)
        return evaluator.per_device(devices[0]) if on_gpu and isinstance(evaluator, SupportsSharing) else 1
    text = str(per_device)
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--per-device is a whole number from 1, or auto; got {per_device!r}")
    if int(text) > 1 and devices[0] == "cpu":
        raise UsageError(f"--per-device is for GPUs, and --device is cpu: give --workers, got --per-device {text}")
    return int(text)


def _suitable(devices: tuple[str, ...]) -> int:
    return cores() if devices[0] in ("cpu", AUTO) else len(devices)


def _crowded(devices: tuple[str, ...], count: int) -> tuple[str, ...]:
    if devices[0] != "cpu" or count <= (there := cores()):
        return ()
    return (
        f"{count} workers share {there} cores: each has one thread and memory of its own, so more than {there} are no "
        f"faster, and mostly slower",
    )


def cores() -> int:
    """Cores that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count or 1
