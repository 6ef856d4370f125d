"""How latency is taken: the runtime, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from regnas.errors import UsageError
from regnas.plugins import spec

RUNTIMES = ("torch", "onnxruntime")
PRECISIONS = {"torch": ("float32", "bfloat16", "float16"), "onnxruntime": ("float32",)}
_RANGES = {"threads": (1, 1024), "batch": (1, 65_536), "networks": (10, 50), "patience": (0, 86_400)}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a latency is of, and how it is taken.

    Attributes:
        runtime: ``torch``, eager and channels first, or ``onnxruntime`` on the processor.
        threads: of the runtime.
        batch: images of a pass.
        precision: of weights and images.
        device: such as ``cpu``; empty for where candidates compute, under ``onnxruntime`` the processor.
        networks: that a predictor is fitted on where latency is a limit.
        patience: seconds to wait for a quiet machine.

    Raises:
        UsageError: a runtime, a precision or a device that it does not know, or a number out of range.
    """

    runtime: str = "torch"
    threads: int = 1
    batch: int = 1
    precision: str = "float32"
    device: str = ""
    networks: int = 30
    patience: int = 60

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise UsageError(f"--runtime is {' or '.join(RUNTIMES)}, got {self.runtime!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{name} of a runtime is a whole number from {low} to {high:,}, got {value!r}")
        if self.precision not in PRECISIONS[self.runtime]:
            known = " or ".join(PRECISIONS[self.runtime])
            raise UsageError(f"{self.runtime} is measured in {known}, got precision={self.precision}")
        if self.runtime == "onnxruntime" and self.device not in ("", "cpu"):
            raise UsageError(f"onnxruntime is measured on cpu, got device={self.device}")

    def on(self, device: str) -> str:
        """The device of the measurement, where candidates compute on ``device``."""
        return self.device or ("cpu" if self.runtime == "onnxruntime" else device)

    @property
    def line(self) -> str:
        """In words: ``onnxruntime, 1 thread, batch 1, float32``."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.runtime}, {threads}, batch {self.batch}, {self.precision}"


def setup_of(options: Mapping[str, Any]) -> Setup:
    """The set-up of the options ``runtime``, a spec such as ``onnxruntime[batch=8]``, and ``threads``.

    Raises:
        UsageError: an option that there is not, threads said twice, or as `Setup`.
    """
    text, threads = options.get("runtime"), options.get("threads")
    name, argument, given = spec.parse(text or "torch", "runtime")
    if argument:
        raise UsageError(f"a runtime takes its options in brackets, {name}[threads=1], got {text!r}")
    known = {one.name: one for one in fields(Setup) if one.name != "runtime"}
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"a runtime has no option {', '.join(unknown)}; it has {', '.join(known)}")
    if threads is not None and "threads" in given:
        raise UsageError(f"threads are said twice, --threads {threads} and {text}; say them once")
    values: dict[str, Any] = {key: _whole(key, value) if key in _RANGES else value for key, value in given.items()}
    return Setup(runtime=name, **values, **({} if threads is None else {"threads": threads}))


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name} of a runtime is a whole number, got {text!r}") from None
