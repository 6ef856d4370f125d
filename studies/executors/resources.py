"""Who evaluates: the executor, how many workers, on which devices; checked before anything starts."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from regnas.errors import UsageError
from regnas.evaluator import MOST_LANES, Evaluator, SupportsLanes, SupportsSharing
from regnas.executor import Engine
from regnas.executor import SupportsLanes as EngineSupportsLanes
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
        per_device: candidates at a time on one device, ``auto`` to measure how many suit, None for the usual number.
        timeout: seconds for one evaluation, or None.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    executor: str = PROCESS
    ray_address: str | None = None
    device: str = AUTO
    workers: int | None = None
    per_device: int | str | None = None
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
        count: candidates at a time; 0 is one in this process.
        per_device: candidates at a time on one device.
        lanes: most candidates at a time in one worker process.
        timeout: seconds for one evaluation, or None.
        notes: lines that the user should read.
        executor: the spec, as it was given.
    """

    engine: Engine
    devices: tuple[str, ...]
    count: int
    per_device: int = 1
    lanes: int = 1
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


def allocate(evaluator: Evaluator, asked: Resources, most: int | None = None) -> Allocation:
    """Find what was asked for.

    Args:
        evaluator: where it is `SupportsSharing`, it answers ``per_device="auto"``; where it is `SupportsLanes`,
            candidates that share a device are lanes of one process.
        most: candidates at a time on all GPUs, where their number was not asked for.

    Raises:
        UsageError: what was asked makes no sense here.
        RegnasError: a device or an executor that is not there.
    """
    engine = make_engine(asked.executor, asked.ray_address)
    leased = _devices(engine, asked.device, asked.workers)
    in_lanes = _in_lanes(engine, evaluator, leased)
    # Elsewhere only where it is asked for: how many GPUs there are for so many workers is not known here.
    usual = _usual(evaluator, leased, most) if in_lanes and not engine.remote else 1
    if asked.per_device == AUTO and _are_gpus(leased) and not engine.sized:
        raise UsageError(f"--per-device auto measures a GPU of this machine: give --executor {asked.executor} a number")
    share = _share(asked.per_device, evaluator, leased, usual=usual)
    if share > (MOST_LANES if in_lanes else 1) and not engine.shares:
        raise UsageError(_own_device(asked.executor, share, in_lanes=in_lanes))
    if asked.workers is None and not engine.sized:
        raise UsageError(f"--executor {asked.executor} needs --workers: how many its cluster can run is not known here")
    count = _suitable(leased) * share if asked.workers is None else asked.workers
    if in_lanes and asked.per_device is None and not engine.remote:
        share = max(1, math.ceil(count / len(leased)))
    return Allocation(
        engine=engine,
        devices=leased,
        count=count,
        per_device=share,
        lanes=min(share, MOST_LANES) if in_lanes else 1,
        timeout=asked.timeout,
        notes=() if engine.remote else _crowded(leased, count),
        executor=asked.executor,
    )


def _own_device(executor: str, share: int, *, in_lanes: bool) -> str:
    """Why so many candidates cannot share a device whose worker has it alone."""
    if in_lanes:
        return f"--per-device is at most {MOST_LANES} with --executor {executor}: lanes of one process; got {share}"
    return (
        f"--executor {executor} gives each worker a device of its own: --per-device {share} needs --device cuda "
        f"and an evaluator that trains several candidates in one process"
    )


def _devices(engine: Engine, device: str, workers: int | None) -> tuple[str, ...]:
    if engine.remote and workers != 0:
        if ":" in device:
            raise UsageError(f"--device {device} is a GPU of this machine, and workers are elsewhere: say cuda or auto")
        return (device,)
    from regnas.evaluators.training.devices import devices

    return tuple(devices(device))


def _in_lanes(engine: Engine, evaluator: Evaluator, devices: tuple[str, ...]) -> bool:
    """Whether candidates that share a device are lanes of one process."""
    can = isinstance(engine, EngineSupportsLanes) and engine.lanes and devices[0] != AUTO
    return can and isinstance(evaluator, SupportsLanes) and evaluator.lanes(devices[0]) > 1


def _usual(evaluator: Evaluator, devices: tuple[str, ...], most: int | None) -> int:
    """Lanes of a device where nobody says how many."""
    lanes = evaluator.lanes(devices[0]) if isinstance(evaluator, SupportsLanes) else 1
    return lanes if most is None else max(1, min(lanes, most // len(devices)))


def _are_gpus(devices: tuple[str, ...]) -> bool:
    return devices[0] not in ("cpu", "mps", AUTO)


def _share(per_device: int | str | None, evaluator: Evaluator, devices: tuple[str, ...], usual: int) -> int:
    """Candidates at a time on one device."""
    if per_device is None:
        return usual
    if per_device == AUTO:
        sharing = _are_gpus(devices) and isinstance(evaluator, SupportsSharing)
        return evaluator.per_device(devices[0]) if sharing and isinstance(evaluator, SupportsSharing) else 1
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
