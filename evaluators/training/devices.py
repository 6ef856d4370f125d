"""Devices: which there are, and how to compute on them."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from regnas.errors import DeviceError, UsageError

_GENERATOR = threading.Lock()  # torch's generator is one for all threads of a process
BROKEN_RECORDING = "a recording that failed can only be forgotten with its process (torch before 2.13)"
# Of errors after which a CUDA context is void (CUDA Runtime API, cudaError_t: "the process must be terminated").
_LOST = (
    "an illegal memory access",
    "device-side assert triggered",
    "unspecified launch failure",
    "misaligned address",
    "an illegal instruction",
    "uncorrectable ecc error",
    "hardware stack error",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "the launch timed out and was terminated",
    BROKEN_RECORDING.lower(),
)
# Where its workspace does not fit, cuDNN finds no way to compute; the others say it of what they begin with.
_FULL = (
    "out of memory",
    "can't allocate memory",
    "unable to find an engine to execute this computation",
    "unable to find a valid cudnn algorithm",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
    "cublas_status_not_initialized",
)


def devices(text: str) -> list[str]:
    """The devices of ``auto``, ``cpu``, ``mps``, ``cuda`` (all of them) or ``cuda:0,1``.

    Raises:
        UsageError: another word.
        DeviceError: a device that is not there.
    """
    name, colon, indices = text.partition(":")
    if name not in ("auto", "cpu", "cuda", "mps") or (colon and name != "cuda"):
        raise UsageError(f"--device is auto, cpu, mps, cuda or cuda:0,1; got {text!r}")
    if colon and not all(index.strip().isdecimal() for index in indices.split(",")):
        raise UsageError(f"--device cuda:0,1 lists whole numbers, got {text!r}")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        if count:
            return [f"cuda:{index}" for index in range(count)]
        return ["mps"] if torch.backends.mps.is_available() else ["cpu"]
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("--device mps asks for Apple's GPU and torch sees none; use --device cpu")
    if name != "cuda":
        return [name]
    if not count:
        raise DeviceError(f"--device {text} asks for a GPU and torch sees none; use --device cpu or auto")
    wanted = indices.split(",") if colon else [str(index) for index in range(count)]
    if missing := [index for index in wanted if int(index) >= count]:
        raise DeviceError(f"--device {text} asks for GPU {missing[0]}, and there are GPUs 0 to {count - 1}")
    return [f"cuda:{int(index)}" for index in wanted]


def settle(device: str, threads: int) -> torch.device:
    """Make torch compute with these threads, repeatably, and return the device."""
    torch.set_num_threads(threads)
    chosen = torch.device(device)
    if chosen.type == "cuda":
        # Read when the first handle is made: without it cuBLAS need not repeat where several streams compute.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.set_device(chosen)
        torch.backends.cudnn.benchmark = False  # its choice depends on timing: errors would not repeat
        torch.backends.cudnn.deterministic = True
    else:
        keep_freed_memory()
    return chosen


def keep_freed_memory() -> None:
    """Tell glibc to keep what a training step frees: returning and faulting it again costs up to a fifth of a step."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    mallopt(mmap_threshold, 1 << 30)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 256 << 20)


def wait(device: torch.device) -> None:
    """Until the device has done what this thread gave it. The thread sleeps: `item` alone would keep a core busy."""
    if device.type == "cuda":
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record()
        event.synchronize()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _FULL)


def is_lost(error: BaseException) -> bool:
    """Whether an exception says that the device computes nothing any more in this process."""
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _LOST)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator on the processor inside, and leave it as it was; one thread at a time."""
    with _GENERATOR, torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)
        yield
