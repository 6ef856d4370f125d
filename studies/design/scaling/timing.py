"""How long networks take on this machine, one after the other in turn, so that what slows the machine slows all."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regnas.architecture import Architecture
from regnas.errors import UsageError

WARM_UP, RUNS = 10, 31
_MOST_BATCH = 65_536


@dataclass(frozen=True)
class Timing:
    """Seconds of one forward pass of a batch, over `RUNS` runs.

    Attributes:
        low, high: the quartiles.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Conditions:
    """What was measured how: part of every time that is shown."""

    device: str
    threads: int
    batch: int

    @property
    def words(self) -> str:
        """In a line."""
        return (
            f"seconds of a forward pass on THIS machine: {self.device}, {self.threads} threads, batch {self.batch}, "
            f"float32, median of {RUNS} after {WARM_UP}, networks in turn"
        )


def measure(
    networks: Sequence[tuple[Architecture, int]], *, device: str, threads: int, batch: int
) -> tuple[list[Timing], Conditions]:
    """The times of networks at their resolutions, in their order.

    Args:
        device: of torch, such as ``cpu`` or ``cuda:0``.
        threads: on the CPU.
        batch: images at a time.

    Raises:
        UsageError: a batch that there is not.
    """
    import torch

    from regnas.evaluators.training.devices import seeded, settle

    if isinstance(batch, bool) or not 1 <= batch <= _MOST_BATCH:
        raise UsageError(f"--batch is a whole number from 1 to {_MOST_BATCH:,}, got {batch!r}")
    where = settle(device, threads)
    runs: list[list[float]] = [[] for _ in networks]
    with seeded(0), torch.inference_mode():
        made = [network.build().eval().to(where) for network, _ in networks]
        images = [torch.rand(batch, 3, pixels, pixels, device=where) for _, pixels in networks]
        for turn in range(WARM_UP + RUNS):
            for place, (module, batch_of) in enumerate(zip(made, images, strict=True)):
                start = time.perf_counter()
                module(batch_of)[0, 0].item()  # waits for the device
                if turn >= WARM_UP:
                    runs[place].append(time.perf_counter() - start)
    quartiles = [np.quantile(one, [0.5, 0.25, 0.75]).tolist() for one in runs]
    return [Timing(*three) for three in quartiles], Conditions(_named(device), threads, batch)


def _named(device: str) -> str:
    import torch

    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    name = _processor()
    return f"{name}, {os.cpu_count()} cores" if device == "cpu" else f"{device} of {name}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
