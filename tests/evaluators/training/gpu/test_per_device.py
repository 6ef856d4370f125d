"""How many candidates share a device: doubled while that pays and memory lasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from regnas.dataset import make_dataset
from regnas.errors import DeviceError
from regnas.evaluator import Task
from regnas.evaluators.training.gpu import per_device
from regnas.evaluators.training.gpu.per_device import Sharing, best_share, measured
from regnas.evaluators.training.gpu.reference_network import ReferenceNetwork, reference_network
from regnas.window import parse_bounds


def device(limit: int, memory: float, asked: list[int] | None = None) -> Callable[[int], Sharing]:
    """A device that so many trainings keep busy, each with so much of its memory."""

    def measure(count: int) -> Sharing:
        if asked is not None:
            asked.append(count)
        return Sharing(100.0 * min(count, limit), memory * count)

    return measure


@pytest.mark.parametrize(
    ("limit", "memory", "expected"),
    [
        (1, 0.01, 1),
        (2, 0.01, 2),
        (4, 0.01, 4),
        (100, 0.01, 32),
        (100, 0.3, 2),
        (100, 0.5, 1),
        (5, 0.01, 8),
        (100, 0, 32),
    ],
)
def test_trainings_share_a_device_until_it_is_busy_or_full(limit: int, memory: float, expected: int) -> None:
    assert best_share(device(limit, memory)) == expected


def test_nothing_is_started_that_would_not_fit() -> None:
    asked: list[int] = []
    best_share(device(100, 0.2, asked))
    assert asked == [1, 2, 4]


def test_a_number_that_cannot_be_measured_ends_the_doubling() -> None:
    def measure(count: int) -> Sharing:
        if count == 4:
            raise RuntimeError("out of memory")
        return Sharing(100.0 * count, 0.01)

    assert best_share(measure) == 2
    with pytest.raises(DeviceError, match=r"\(out of memory\); free the GPU, or give a number"):
        best_share(lambda count: measure(4))


@pytest.mark.parametrize("data", ["fashion-mnist-mini", "fake"])
def test_the_reference_network_is_near_the_upper_end_of_the_window(data: str) -> None:
    regime = make_dataset(data).regime
    bounds = parse_bounds(regime.flops, "flops")
    flops = reference_network(regime).complexity(regime.images.resolution).flops
    assert bounds.high is not None and bounds.high / 3 < flops <= bounds.high


def test_the_reference_network_counts_its_own_multiply_adds() -> None:
    network = ReferenceNetwork(16, 8, (2, 2, 1, 2, 2), classes=5)
    flops = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal flops
        if isinstance(module, nn.Conv2d):
            flops += module.weight[0].numel() * output[0].numel()
        elif isinstance(module, nn.Linear):
            flops += module.weight.numel() + module.bias.numel()

    built = network.build().eval()
    for module in built.modules():
        module.register_forward_hook(count)
    built(torch.zeros(1, 3, 30, 30))
    assert network.complexity(30).flops == flops


def test_a_process_measures_the_speed_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_device, "_SECONDS", 0.2)
    with measured(Task(data="fake:256"), {"batch_size": 16}, "cpu") as measure:
        for lanes in (1, 2):
            found = measure(lanes)
            assert found.speed > 0 and found.memory == 0


def test_a_process_that_fails_says_so() -> None:
    with measured(Task(data="fake:256"), {"batch_size": 16}, "nonsense") as measure:
        with pytest.raises(RuntimeError, match="ended; its error is above"):
            measure(1)
