"""How many candidates should train on one GPU at a time: measured with a reference network.

A small network leaves most of a GPU idle between its kernels; lanes of a process fill the gaps, until memory or the
device is full. Some of them train for a second or two, and the number is doubled as long as all of them together become
faster. No GPU has verified this; the code is the same on every device and is tested on CPUs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from regnas.errors import DeviceError
from regnas.evaluator import MOST_LANES, Task

_GAIN = 1.05  # a doubling that gains less is not worth its memory
_FULL = 0.9  # share of the memory that may be used
_SECONDS = 1.5


@dataclass(frozen=True)
class Sharing:
    """Some trainings at a time on one device.

    Attributes:
        speed: images a second of all together.
        memory: share of the device's memory in use; 0 where it is not known.
    """

    speed: float
    memory: float


def best_share(measure: Callable[[int], Sharing], most: int = MOST_LANES) -> int:
    """Double the number of trainings while that makes all of them together 5 % faster and memory lasts.

    Raises:
        DeviceError: not even one could be measured, such as where other programs fill the device.
    """
    try:
        share, found = 1, measure(1)
    except RuntimeError as error:
        raise DeviceError(
            f"--per-device auto measures nothing here ({error}); free the GPU, or give a number"
        ) from error
    while 2 * share <= most and 2 * found.memory <= _FULL:
        try:
            twice = measure(2 * share)
        except RuntimeError:  # out of memory, for example: what was measured before serves
            break
        if twice.speed < _GAIN * found.speed:
            break
        share, found = 2 * share, twice
    return share


@contextmanager
def measured(task: Task, options: Mapping[str, Any], device: str) -> Iterator[Callable[[int], Sharing]]:
    """The measurement: so many lanes of one process that each train the reference network on a device.

    Raises:
        RuntimeError: the process ends before it has measured, out of memory for example.
    """
    setup = json.dumps({"task": asdict(task), "options": dict(options), "device": device, "seconds": _SECONDS})
    command = [sys.executable, "-P", "-m", "regnas.evaluators.training.gpu.calibration", setup]
    environment = {"CUDA_DEVICE_MAX_CONNECTIONS": "32", **os.environ}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
    )

    def measure(count: int) -> Sharing:
        line = ""
        if process.stdin is not None and process.stdout is not None:
            with suppress(OSError):  # it has ended
                process.stdin.write(f"{count}\n")
                line = process.stdout.readline()
        if not line:
            raise RuntimeError("the process that measures how many candidates suit a device ended; its error is above")
        return Sharing(**json.loads(line))

    try:
        yield measure
    finally:
        process.kill()
        process.communicate()
