"""Devices: which are asked for, which are there."""

from __future__ import annotations

import pytest
import torch

from regnas.errors import DeviceError, UsageError
from regnas.evaluators.training import devices as runtime


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """A machine with so many GPUs."""
    count = int(request.param)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return count


@pytest.mark.parametrize(
    ("gpus", "asked", "found"),
    [
        (0, "auto", ["cpu"]),
        (0, "cpu", ["cpu"]),
        (3, "auto", ["cuda:0", "cuda:1", "cuda:2"]),
        (3, "cpu", ["cpu"]),
        (3, "cuda", ["cuda:0", "cuda:1", "cuda:2"]),
        (3, "cuda:2,0", ["cuda:2", "cuda:0"]),
    ],
    indirect=["gpus"],
)
def test_devices_are_what_was_asked_for(gpus: int, asked: str, found: list[str]) -> None:
    assert runtime.devices(asked) == found


@pytest.mark.parametrize(
    ("gpus", "asked"), [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2"), (2, "cuda:0,5"), (0, "mps")], indirect=["gpus"]
)
def test_a_device_that_is_not_there_is_said_so(gpus: int, asked: str) -> None:
    with pytest.raises(DeviceError, match=asked):
        runtime.devices(asked)


@pytest.mark.parametrize("gpus", [0, 2], indirect=True)
@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "cuda:0,x", "cuda:", "cuda:-1", "cuda:²", "cpu:0", "mps:1", ""])
def test_a_device_that_cannot_be_meant_is_a_usage_error(gpus: int, asked: str) -> None:
    with pytest.raises(UsageError):
        runtime.devices(asked)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_recognised_on_every_device(error: BaseException, expected: bool) -> None:
    assert runtime.is_out_of_memory(error) is expected


def test_settling_sets_the_threads_and_returns_the_device() -> None:
    before = torch.get_num_threads()
    try:
        assert runtime.settle("cpu", 2) == torch.device("cpu") and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
