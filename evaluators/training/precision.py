"""How a network is computed on a machine: precision, and what else changes the speed but not the function."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regnas.errors import UsageError
from regnas.evaluators.training import packed_convolutions as convolutions
from regnas.evaluators.training.recipe import AUTO

# Steps from which recording them as a CUDA graph repays: it took 0.3 to 1.5 s, and saved some 10 ms a step of networks
# of 1 to 5 million multiply-adds on an H100 (docs/benchmarks.md).
_WORTH_RECORDING = 100
# Multiply-adds of an image from which halves of the bits pay, by device. On CPUs bfloat16 makes a training a fifth to a
# third faster from there on, below a tenth. On an H100 (docs/benchmarks.md) float32 was faster for networks of 1 to 5
# million, and bfloat16 for one of 33 million, 1.9 times; in between nothing was measured.
_WORTH_HALF = {"cpu": 10_000_000, "cuda": 10_000_000}
_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Machine:
    """What a device can do.

    Attributes:
        kind: ``cpu``, ``cuda`` or ``mps``.
        bfloat16: it multiplies bfloat16 faster than float32.
    """

    kind: str
    bfloat16: bool


@dataclass(frozen=True)
class Computing:
    """How a network is computed.

    Attributes:
        precision: of convolutions and linear layers; weights and their updates are float32 everywhere.
        layout: of images, activations and weights of convolutions in memory.
        adapted: narrow grouped convolutions are computed as `regnas.evaluators.training.packed_convolutions` does.
        recorded: a training step is recorded as a CUDA graph and replayed.
    """

    precision: str = "float32"
    layout: torch.memory_format = torch.channels_last
    adapted: bool = False
    recorded: bool = False

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context of forward passes."""
        if self.precision == "float32":
            return nullcontext()
        # torch's cache of weights in halves of the bits is one for all threads, and who leaves its context empties it:
        # a weight that is used twice would be cast once or twice, by what other lanes do. Without, always at each use.
        return torch.autocast(device.type, dtype=getattr(torch, self.precision), cache_enabled=device.type != "cuda")

    def prepared(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network on the device, in its layout."""
        if self.adapted:
            network = convolutions.adapt(network)
        return network.to(device).to(memory_format=self.layout)


def machine_of(device: torch.device, cpu_flags: Callable[[], str] | None = None) -> Machine:
    """What a device of this machine can do; ``cpu_flags`` reads the processor's flags."""
    if device.type == "cuda":
        return Machine("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        flags = (cpu_flags or _cpu_flags)().split()
        return Machine("cpu", any(flag in flags for flag in _CPU_FLAGS))
    return Machine(device.type, False)


def _cpu_flags() -> str:
    """The flags that Linux lists of an x86 processor; nothing elsewhere: float32 is right everywhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")


def choose(machine: Machine, precision: str = AUTO, *, flops: int, steps: int = 0, accumulation: int = 1) -> Computing:
    """How a network is computed on a machine.

    Args:
        precision: of the recipe; ``auto`` is float32 for networks of less than 10 million multiply-adds, and for
            larger ones bfloat16 where the machine is faster in it, or float16 on GPUs without it.
        flops: multiply-adds of the network for one image.
        steps: of the whole training; 0 where none is trained.
        accumulation: parts a batch is computed in.

    Raises:
        UsageError: float16 on anything but a CUDA GPU.
    """
    if precision == AUTO:
        half = "bfloat16" if machine.bfloat16 else "float16" if machine.kind == "cuda" else "float32"
        precision = half if flops >= _WORTH_HALF.get(machine.kind, math.inf) else "float32"
    if precision == "float16" and machine.kind != "cuda":
        raise UsageError(f"precision float16 is for CUDA GPUs, got a {machine.kind}; use bfloat16, float32 or auto")
    # Scaling the loss of float16 waits for the device in every step, which no recording can.
    recorded = machine.kind == "cuda" and precision != "float16" and accumulation == 1 and steps >= _WORTH_RECORDING
    # In float32 an H100 trained small networks a quarter faster so (docs/benchmarks.md).
    plain = machine.kind == "cuda" and precision == "float32"
    layout = torch.contiguous_format if plain else torch.channels_last
    return Computing(precision, layout, adapted=machine.kind == "cpu", recorded=recorded)
