"""Trainings at a time on one device, in images a second: lanes of one process, and the plain loop most people write.

Used by `benchmarks.gpu`. The plain loop has its images on the device and normalised: what it loses to is not a loader.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.plain_training import torchvision_network
from regnas.evaluators.training.devices import settle, wait
from regnas.evaluators.training.evaluator import TrainEvaluator
from regnas.evaluators.training.gpu.calibration import begun, trained
from regnas.search_spaces.staged.architecture import Staged

_TURN = 5  # steps between two looks at the clock
_WARM_UP = 12  # steps: kernels are chosen, a step is recorded


def together(evaluator: TrainEvaluator, networks: list[Staged], device: str, seconds: float) -> tuple[float, float]:
    """All networks at a time, a lane each: images a second of all of them, and seconds until the last had begun."""
    with ThreadPoolExecutor(len(networks)) as pool:
        began = time.perf_counter()
        trainings = list(pool.map(partial(begun, evaluator, device), networks))
        start = time.perf_counter()
        done = sum(pool.map(partial(trained, evaluator, device, start + seconds), trainings))
        return done / (time.perf_counter() - start), start - began


def plain(
    network: Staged, device: str, resolution: int, batch: int, seconds: float, *, autocast: bool = False
) -> float:
    """Images a second of torchvision's network in a plain loop; with ``autocast`` in bfloat16, channels-last and with
    cuDNN's own benchmark, as guides to speed recommend.
    """
    settle(device, 1)
    torch.backends.cudnn.deterministic = False
    layout = torch.channels_last if autocast else torch.contiguous_format
    images = torch.randn(batch, 3, resolution, resolution, device=device).to(memory_format=layout)
    labels = torch.randint(0, network.classes, (batch,), device=device)
    model = torchvision_network(network).to(device).to(memory_format=layout).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    half: Callable[[], AbstractContextManager[Any]] = (
        partial(torch.autocast, device.split(":")[0], dtype=torch.bfloat16) if autocast else nullcontext
    )
    torch.backends.cudnn.benchmark = autocast
    try:
        return _speed(partial(_plain_step, model, optimiser, images, labels, half), device, batch, seconds)
    finally:
        settle(device, 1)


def _plain_step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    half: Callable[[], AbstractContextManager[Any]],
) -> None:
    """One step.

    Args:
        images, labels: ``(n, 3, height, width)`` and ``(n,)``.
    """
    optimiser.zero_grad()
    with half():
        logits = model(images)
    functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _speed(step: Callable[[], None], device: str, batch: int, seconds: float) -> float:
    for _ in range(_WARM_UP):
        step()
    wait(torch.device(device))
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for _ in range(_TURN):
            step()
        wait(torch.device(device))
        done += _TURN * batch
    return done / (time.perf_counter() - start)
