"""Where a training step goes: what share of the processor's matrix products it reaches, and what the rest is.

    python -m benchmarks.step

One thread. A part is what a step takes less without it: normalisation and rectifiers are exchanged for nothing, a batch
of 2 images leaves what does not depend on the images (Python, autograd, the set-up of every operation).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torch.nn import functional

from benchmarks.training import DATA, Work, large, small
from regnas.architecture import Architecture
from regnas.dataset import make_dataset
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.devices import settle
from regnas.evaluators.training.evaluator import build
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing, choose, machine_of
from regnas.evaluators.training.recipe import Recipe

SEED = 0
DEVICE = torch.device("cpu")


def seconds(work: Callable[[], object], times: int) -> float:
    """CPU seconds of a call: the median of ``times``, after two that are not counted."""
    taken = []
    for _ in range(times + 2):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken[2:])


def peak(dtype: torch.dtype) -> float:
    """Multiply-adds a second of a product of two matrices of 1024 x 1024."""
    one, other = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
    return 1024**3 / seconds(lambda: one @ other, 20)


def without(network: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """The network with every layer of a kind left out."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kind):
                setattr(parent, name, nn.Identity())
    return network


def step_of(network: nn.Module, resolution: int, batch: int, how: Computing) -> Callable[[], None]:
    """A step of forward, backward and update on made-up images."""
    images = torch.randn(batch, 3, resolution, resolution).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, nesterov=True, fused=True)
    network.train()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with how.autocast(DEVICE):
            logits = network(images)
        functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def parts(architecture: Architecture, resolution: int, peaks: dict[str, float]) -> str:
    """A line of the table."""
    flops = architecture.complexity(resolution).flops
    how = choose(machine_of(DEVICE), flops=flops)
    times = 15 if resolution < 64 else 5

    def made() -> nn.Module:
        return build(architecture, SEED, DEVICE, how, Recipe())

    whole = seconds(step_of(made(), resolution, 64, how), times)
    norms = whole - seconds(step_of(without(made(), nn.BatchNorm2d), resolution, 64, how), times)
    rectifiers = whole - seconds(step_of(without(made(), nn.ReLU), resolution, 64, how), times)
    fixed = seconds(step_of(made(), resolution, 2, how), times)
    reached = 3 * flops * 64 / whole  # the backward pass computes two products for each of the forward pass
    shares = (reached / peaks[how.precision], norms / whole, max(0.0, rectifiers) / whole, fixed / whole)
    return f"{flops / 1e6:12.1f} {how.precision:>9} {1e3 * whole:8.1f}" + "".join(f"{share:8.0%}" for share in shares)


def pipeline(resolution: int) -> float:
    """CPU microseconds to crop, mirror and normalise an image."""
    training, _ = make_dataset(DATA, resolution=resolution).fit()
    mean, std = statistics(training)
    batches = Batches(training, DEVICE, mean=mean, std=std, pad=4)

    ends = Recipe().ends(len(batches))

    def epoch() -> int:
        plan = batches.plan(ends, torch.Generator().manual_seed(0))
        return sum(len(labels) for _, labels in batches.drawn(plan, flip=True))

    return seconds(epoch, 3) / epoch() * 1e6


def update(architecture: Architecture) -> float:
    """CPU milliseconds of the optimiser alone."""
    training, _ = make_dataset(DATA).fit()
    mean, std = statistics(training)
    network = build(architecture, SEED, DEVICE, Computing(), Recipe())
    batches = Batches(training, DEVICE, mean=mean, std=std)
    trainer = Trainer(network, batches, Recipe(epochs=1), seed=SEED, device=DEVICE)
    next(trainer.steps())
    return seconds(trainer.optimiser.step, 20) * 1e3


def main() -> None:
    """Print a table."""
    settle("cpu", 1)
    peaks = {"float32": peak(torch.float32), "bfloat16": peak(torch.bfloat16)}
    for name, most in peaks.items():
        print(f"matrix product, {name}: {most / 1e9:.0f} G multiply-adds a second")
    print(" M mult-adds precision  ms/step of peak   norms   ReLUs   fixed")
    works: list[Work] = [small(6), large(1)]
    for work in works:
        for architecture in work.networks:
            print(parts(architecture, work.resolution, peaks), flush=True)
    for resolution in (28, 64):
        print(f"images of {resolution} px, crops and mirrors: {pipeline(resolution):.1f} us each")
    print(f"update of {works[0].networks[0].key()[:8]}: {update(works[0].networks[0]):.2f} ms")


if __name__ == "__main__":
    main()
