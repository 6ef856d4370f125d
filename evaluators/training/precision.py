"""How a network is computed on a machine: precision, and what else changes the speed but not the function."""

from __future__ import annotations

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

# A CUDA graph saves some milliseconds a step; recording it takes about as long as this many steps.
_WORTH_RECORDING = 300
# Multiply-adds of an image from which bfloat16 makes a training on a CPU a fifth to a third faster; below, a tenth.
_WORTH_HALF = 10_000_000
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
        adapted: narrow grouped convolutions are computed as `regnas.evaluators.training.packed_convolutions` does.
        recorded: a training step is recorded as a CUDA graph and replayed.
    """

    precision: str = "float32"
    adapted: bool = False
    recorded: bool = False

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context of forward passes."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(device.type, dtype=getattr(torch, self.precision))

    def prepared(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network on the device, channels-last."""
        if self.adapted:
            network = convolutions.adapt(network)
        return network.to(device).to(memory_format=torch.channels_last)


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
        precision: of the recipe; ``auto`` is bfloat16 where the machine is faster in it (on a CPU only for networks
            of 10 million multiply-adds or more), float16 on GPUs without it, and otherwise float32.
        flops: multiply-adds of the network for one image.
        steps: of the whole training; 0 where none is trained.
        accumulation: parts a batch is computed in.

    Raises:
        UsageError: float16 on anything but a CUDA GPU.
    """
    if precision == AUTO:
        half = "float16" if machine.kind == "cuda" else "float32"
        pays = machine.bfloat16 and (machine.kind != "cpu" or flops >= _WORTH_HALF)
        precision = "bfloat16" if pays else half
    if precision == "float16" and machine.kind != "cuda":
        raise UsageError(f"precision float16 is for CUDA GPUs, got a {machine.kind}; use bfloat16, float32 or auto")
    # Scaling the loss of float16 waits for the device in every step, which no recording can.
    recorded = machine.kind == "cuda" and precision != "float16" and accumulation == 1 and steps >= _WORTH_RECORDING
    return Computing(precision, adapted=machine.kind == "cpu", recorded=recorded)
