"""Workers: processes of their own, or this process itself."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from regnas.errors import RegnasError, StudyError
from regnas.evaluator import Task, make_evaluator
from regnas.studies import worker

_STARTS = 3  # deaths before the first sign of life after which no worker will ever start


@dataclass(frozen=True)
class Event:
    """What a worker says.

    Attributes:
        kind: ``epoch``, ``done``, ``failed``, or ``stopped``: it was told to stop, and left no result.
        error: of an epoch, its validation error.
        message: of a failure, one line.
        seconds: of a stopped evaluation.
    """

    kind: str
    index: int
    epoch: int = 0
    error: float = 0.0
    message: str = ""
    seconds: float = 0.0


Judge = Callable[[int, float], bool]  # whether an evaluation goes on, from its epoch and validation error


class Pool(Protocol):
    """Evaluates jobs, several at a time."""

    def free(self) -> int:
        """How many more jobs can be submitted now."""

    def submit(self, job: dict[str, Any], judge: Judge | None = None) -> None:
        """Start a job; its result will be in ``job["result"]``. It goes on after every epoch unless ``judge``, which is
        called inside `events`, says no.
        """

    def events(self, timeout: float) -> list[Event]:
        """What happened, after waiting at most ``timeout`` seconds for it."""

    def close(self) -> None:
        """End all workers at once."""


class InProcess:
    """Evaluates in this process, one job at a time: for fast evaluators and for debugging."""

    in_driver = True  # its results are lines of one file

    def __init__(self, evaluator: str, task: Task, devices: Sequence[str]) -> None:
        self._evaluator = make_evaluator(evaluator, task)
        self._device = devices[0]
        self._job: dict[str, Any] | None = None
        self._judge: Judge | None = None

    def free(self) -> int:
        return 0 if self._job else 1

    def submit(self, job: dict[str, Any], judge: Judge | None = None) -> None:
        self._job, self._judge = job, judge

    def events(self, timeout: float) -> list[Event]:
        job, self._job = self._job, None
        if job is None:
            return []
        index, epochs = job["index"], []

        def report(epoch: int, error: float) -> bool:
            epochs.append(Event("epoch", index, epoch, error))
            return self._judge is None or self._judge(epoch, error)

        try:
            stopped = worker.evaluate(self._evaluator, job, self._device, report)
        except Exception as error:
            return [*epochs, Event("failed", index, message=worker.describe(error))]
        return [*epochs, Event("done", index) if stopped is None else Event("stopped", index, seconds=stopped)]

    def close(self) -> None:
        self._job = None


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    device: str
    log: IO[str]
    job: int | None = None
    judge: Judge | None = None
    ready: bool = False
    ended: bool = field(default=False)


class Processes:
    """One process per worker, restarted when it dies; devices are leased in turn.

    Args:
        devices: worker k computes on ``devices[k % len(devices)]``.
        logs: folder for what the workers print.
    """

    def __init__(self, evaluator: str, task: Task, devices: Sequence[str], count: int, logs: Path) -> None:
        self._setup = {"evaluator": evaluator, "task": asdict(task)}
        self._logs = logs
        self._inbox: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]] = queue.SimpleQueue()
        self._stillborn = 0
        logs.mkdir(parents=True, exist_ok=True)
        self._workers = [self._start(number, devices[number % len(devices)]) for number in range(count)]

    def _start(self, number: int, device: str) -> _Worker:
        log = (self._logs / f"worker-{number}.log").open("a")
        # One thread for each: two threads on one small network are many times slower than one.
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "regnas.studies.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            bufsize=1,
            env=environment,
            start_new_session=True,  # Ctrl-C is the driver's to answer
        )
        made = _Worker(process, device, log)
        threading.Thread(target=self._listen, args=(made,), daemon=True).start()
        self._send(made, {**self._setup, "device": device})
        return made

    def _listen(self, one: _Worker) -> None:
        for line in one.process.stdout or ():
            try:
                self._inbox.put((one, json.loads(line)))
            except ValueError:
                break  # killed in the middle of a line
        one.process.wait()
        self._inbox.put((one, None))

    def _send(self, one: _Worker, message: dict[str, Any]) -> None:
        try:
            if one.process.stdin is not None:
                one.process.stdin.write(json.dumps(message) + "\n")
                one.process.stdin.flush()
        except (BrokenPipeError, OSError):
            pass  # it died; its end is on its way through the inbox

    def free(self) -> int:
        return sum(one.job is None and not one.ended for one in self._workers)

    def submit(self, job: dict[str, Any], judge: Judge | None = None) -> None:
        one = next(one for one in self._workers if one.job is None and not one.ended)
        one.job, one.judge = job["index"], judge
        self._send(one, job)

    def events(self, timeout: float) -> list[Event]:
        found: list[Event] = []
        try:
            one, message = self._inbox.get(timeout=timeout)
            while True:
                event = self._died(one) if message is None else self._said(one, message)
                if event is not None:
                    found.append(event)
                one, message = self._inbox.get_nowait()
        except queue.Empty:
            return found

    def _said(self, one: _Worker, message: dict[str, Any]) -> Event | None:
        kind = message["event"]
        if kind == "ready":
            one.ready = True
            return None
        if kind == "broken":
            raise StudyError(f"a worker cannot make the evaluator: {message['error']} (log: {one.log.name})")
        if kind == "epoch":
            go = one.judge is None or one.judge(message["epoch"], message["error"])
            self._send(one, {"go": go})
            return Event("epoch", message["index"], message["epoch"], message["error"])
        one.job = None
        return Event(kind, message["index"], message=message.get("error", ""), seconds=message.get("seconds", 0.0))

    def _died(self, one: _Worker) -> Event | None:
        one.ended = True
        one.log.close()
        number = self._workers.index(one)
        cause = _cause(one.process.returncode)
        if not one.ready:
            self._stillborn += 1
            if self._stillborn >= _STARTS:
                raise StudyError(f"workers die before they start ({cause}); see {self._logs}/worker-{number}.log")
        self._workers[number] = self._start(number, one.device)
        return None if one.job is None else Event("failed", one.job, message=f"its worker was {cause}")

    def close(self) -> None:
        for one in self._workers:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()
            one.log.close()


def _cause(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def make_pool(evaluator: str, task: Task, devices: Sequence[str], count: int, logs: Path) -> Pool:
    """``count`` worker processes, or this process for 0.

    Raises:
        UsageError, RegnasError: the evaluator cannot be made.
    """
    if count < 0:
        raise RegnasError(f"workers are 0 or more, got {count}")
    return Processes(evaluator, task, devices, count, logs) if count else InProcess(evaluator, task, devices)
