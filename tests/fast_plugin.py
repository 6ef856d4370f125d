"""A plug-in for tests: an evaluator that takes milliseconds and writes down every evaluation, and a data set that
writes down every reading of its test images. The fixture ``fast`` copies this file into a distribution of its own.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Regime, Source, Split, make_dataset
from regnas.errors import UsageError
from regnas.evaluator import Cancelled, Context, Result, Task
from regnas.evaluators.datasets.fake import fake

_OPTIONS = (
    "sleep",
    "epochs",
    "fail",
    "fail_in",
    "fail_once",
    "kill",
    "kill_once",
    "diverge",
    "hang",
    "hang_once",
    "full",
    "lanes",
    "remark",
)


def error_of(key: str, seed: int) -> float:
    """The error of an architecture and a seed: any function of the two that differs nearly everywhere."""
    digest = hashlib.sha256(f"{key} {seed}".encode()).digest()
    return int.from_bytes(digest[:4], "little") / 2**32


def note(variable: str, line: str) -> None:
    """Append a line to the file that an environment variable names, in one write."""
    file = os.open(os.environ[variable], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


@dataclass(frozen=True)
class Fast:
    """``fast[sleep=5,fail=3|7]``: sleeps ``sleep`` milliseconds an epoch, and misbehaves for some candidates.

    ``fail`` raises, ``kill`` ends the worker by SIGKILL, ``diverge`` counts as guessing: each for the candidates
    with these indices, or for ``all``. ``hang`` never ends, ``full`` finds no space left on the disk. ``fail_once``,
    ``kill_once`` and ``hang_once`` do it at the first try only, ``fail_in`` in all studies of a space. ``lanes`` are
    evaluations at a time in one process; something is said of the results of those that ``remark`` names.
    """

    classes: int
    options: Mapping[str, Any]

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        start = time.perf_counter()
        index = context.folder.name if context.folder else "-1"
        key = architecture.key()
        first = self._first_try(index)
        note("REGNAS_FAST_LOG", f"{index} {key} {seed} {os.getpid()}")
        errors = []
        for epoch in range(1, int(self.options.get("epochs", 1)) + 1):
            _sleep(float(self.options.get("sleep", 1)) / 1000)
            if self._named("kill", index) or (first and self._named("kill_once", index)):
                os.kill(os.getpid(), signal.SIGKILL)
            if self._named("hang", index) or (first and self._named("hang_once", index)):
                _hang(context)
            if self._named("full", index):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/weights.safetensors")
            if self._named("fail", index) or (first and self._named("fail_once", index)):
                raise RuntimeError(f"candidate {index} was told to fail")
            if context.folder and f"/{self.options.get('fail_in')}-random" in str(context.folder):
                raise RuntimeError("this space was told to fail")
            errors.append(self._error(key, seed, epoch))
            if not context.report(epoch, errors[-1]):
                break
        diverged = self._named("diverge", index)
        if diverged:
            errors[-1] = 1 - 1 / self.classes
        return Result(
            error=errors[-1],
            seconds=time.perf_counter() - start,
            epochs=len(errors),
            errors=tuple(errors),
            diverged=diverged,
            notes={"remark": "it was slow"} if self._named("remark", index) else {},
        )

    def lanes(self, device: str) -> int:
        return int(self.options.get("lanes", 1))

    def _error(self, key: str, seed: int, epoch: int) -> float:
        last = epoch == int(self.options.get("epochs", 1))
        return error_of(key if last else f"{key} {epoch}", seed)

    def _named(self, option: str, index: str) -> bool:
        return index in str(self.options.get(option, "")).split("|") or self.options.get(option) == "all"

    def _first_try(self, index: str) -> bool:
        log = Path(os.environ["REGNAS_FAST_LOG"])
        return not log.exists() or all(line.split()[0] != index for line in log.read_text().splitlines())


def make(task: Task, options: Mapping[str, Any]) -> Fast:
    """The entry point of the evaluator ``fast``."""
    if unknown := set(options) - set(_OPTIONS):
        raise UsageError(f"the evaluator fast has no option {', '.join(sorted(unknown))}")
    data = make_dataset(task.data, root=task.data_root, resolution=task.resolution)
    return Fast(len(data.class_names), options)


def _sleep(seconds: float) -> None:
    """In pieces: a signal that comes just before a sleep is heard after it, and does not end it."""
    pieces = max(1, math.ceil(seconds / 0.05))
    for _ in range(pieces):
        time.sleep(seconds / pieces)


def _hang(context: Context) -> None:
    """Ten minutes, or until the evaluation is cancelled."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if context.cancelled():
            raise Cancelled
        time.sleep(0.01)


@dataclass(frozen=True, eq=False)
class Sealed:
    """The images of ``fake``; reading the test images is written down, and fails while REGNAS_SEALED is set."""

    inner: DataSet

    @property
    def name(self) -> str:
        return "sealed"

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.inner.class_names

    @cached_property
    def regime(self) -> Regime:
        return self.inner.regime

    def fit(self) -> tuple[Split, Split]:
        return self.inner.fit()

    def test(self) -> Split | None:
        note("REGNAS_SEALED_LOG", "read")
        if os.environ.get("REGNAS_SEALED"):
            raise RuntimeError("the test images are sealed")
        return self.inner.test()


def sealed(source: Source) -> Sealed:
    """The entry point of the data set ``sealed``: takes the argument of ``fake``."""
    return Sealed(fake(source))
