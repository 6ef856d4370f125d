"""How many candidates should train on one GPU at a time: measured with a reference network, in a minute.

A small network leaves most of a GPU idle between its kernels; several processes fill the gaps, until memory or the
device is full. Processes of one to some trainings run for a few seconds each, and the number is doubled as long as all
of them together become faster. No GPU has verified the figures; the code is the same on every device and is tested on
CPUs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from regnas.evaluator import Task

MOST = 16
_GAIN = 1.15  # a doubling that gains less is not worth its memory
_FULL = 0.9  # share of the memory that may be used
_SECONDS = 4.0


@dataclass(frozen=True)
class Sharing:
    """Some trainings at a time on one device.

    Attributes:
        speed: images a second of all together.
        memory: share of the device's memory in use; 0 where it is not known.
    """

    speed: float
    memory: float


def best_share(measure: Callable[[int], Sharing], most: int = MOST) -> int:
    """Double the number of trainings while that makes all of them together 15 % faster and memory lasts."""
    share, found = 1, measure(1)
    while 2 * share <= most and 2 * found.memory <= _FULL:
        twice = measure(2 * share)
        if twice.speed < _GAIN * found.speed:
            break
        share, found = 2 * share, twice
    return share


def measured(task: Task, options: Mapping[str, Any], device: str) -> Callable[[int], Sharing]:
    """The measurement: so many processes that each train the reference network on a device.

    Raises:
        RuntimeError: a process ends before it has measured, out of memory for example.
    """
    setup = json.dumps({"task": asdict(task), "options": dict(options), "device": device, "seconds": _SECONDS})

    def measure(count: int) -> Sharing:
        command = [sys.executable, "-P", "-m", "regnas.evaluators.training.gpu.calibration", setup]
        pipe = subprocess.PIPE
        processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(count)]
        try:
            for process in processes:
                _line(process)
            for process in processes:
                if process.stdin is not None:
                    process.stdin.write("go\n")
                    process.stdin.flush()
            answers = [json.loads(_line(process)) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return Sharing(sum(one["speed"] for one in answers), max(one["memory"] for one in answers))

    return measure


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise RuntimeError("a process that measures how many candidates share a device ended; its error is above")
    return line
