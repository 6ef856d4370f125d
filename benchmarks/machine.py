"""The machine that benchmarks ran on, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from regnas.studies.executors.resources import cores
from regnas.system.text import counted

PACKAGES = ("numpy", "optuna", "torch", "torchvision")


def describe() -> str:
    """Processor, cores, memory, system and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{counted(cores(), 'core')} of {_processor()}, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def load() -> float:
    """Processes that wanted a core in the last minute; 0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    bfloat16 = any("avx512_bf16" in line or "amx_bf16" in line for line in lines)
    return next(names, platform.machine()) + (" with bfloat16" if bfloat16 else "")
