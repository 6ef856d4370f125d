"""How fast are mobile networks drawn, judged, accepted and trained? One core.

    python -m benchmarks.mobile [--quick] [--train]

Judged: drawn from the law and counted in arrays; the peer builds each network on the device ``meta`` and counts by
forward hooks. Accepted: different networks of a window of 10 % around the space's median flops. Trained: the evaluator
against the loop most people write (`benchmarks.plain_training`), on the same networks of `mnasnet`, images, recipe and
epochs, by one thread, in turn, in processor seconds; and steps alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import regnas
from benchmarks import trainer
from benchmarks.cells import CHUNK, around_the_median, counting_by_hooks, judging
from benchmarks.cells import accepted as accepted_rate
from benchmarks.comparison import Arm, Comparison, compare
from benchmarks.training import DATA, RECIPE
from regnas.dataset import make_dataset
from regnas.design_space import make_space

SPACES = ("mnasnet", "mobile", "efficientnet", "resnet-rs")
_QUICK, _TRAINED = 500, 4_000  # images
SLOWEST = 1.3  # times a plain loop's time that a training may take


def judged(name: str, quick: bool) -> Comparison:
    """Networks drawn and counted in arrays, against counted by hooks."""
    space = make_space(name)
    return compare(
        f"judging {name} at {space.resolution} px, {CHUNK:,} at a time",
        Arm("regnas", judging(space, 4)),
        Arm("hooks on meta", counting_by_hooks(space, 2)),
        unit="candidates",
        rounds=2 if quick else 5,
    )


def trained(quick: bool) -> Comparison:
    """Networks of `mnasnet` in the data set's regime, trained one after another in this process by one thread."""
    import torch

    torch.set_num_threads(1)
    images = make_dataset(DATA).regime.images
    found = regnas.space("mnasnet", flops="2M:3M").on(images).sample(1 if quick else 4, seed=0)
    data = f"{DATA}[training={_QUICK if quick else _TRAINED}]"
    setup = {"data": data, "resolution": images.resolution, "epochs": 1, "recipe": RECIPE}
    ours, theirs = trainer.regnas(setup), trainer.plain(setup)

    def training(train: Callable[[Any, int], float]) -> Callable[[], float]:
        def run() -> float:
            for one in found:
                train(one.architecture, 0)
            return float(len(found))

        return run

    return compare(
        f"training {len(found)} of MnasNet's space, 2-3 MF at {images.resolution} px",
        Arm("regnas", training(ours)),
        Arm("plain loop", training(theirs)),
        unit="networks",
        rounds=1 if quick else 3,
        aim=1 / SLOWEST,
        note="one epoch, crops and mirrors; the plain loop decodes pictures one by one, as most loops do",
    )


def step_time(quick: bool) -> Comparison:
    """Steps alone, images in memory on both sides: what is left are the convolutions."""
    import torch
    from torch.nn import functional

    from regnas.evaluators.training.precision import choose, machine_of

    torch.set_num_threads(1)
    images = make_dataset(DATA).regime.images
    found = regnas.space("mnasnet", flops="2M:3M").on(images).sample(1 if quick else 4, seed=0)
    device, size = torch.device("cpu"), images.resolution
    pictures, labels = torch.rand(64, 3, size, size), torch.randint(0, images.classes, (64,))

    def steps(adapted: bool) -> Callable[[], float]:
        networks = []
        for one in found:
            network = one.architecture.build()
            if adapted:
                way = choose(machine_of(device), flops=int(one.complexity["flops"]))
                network = way.prepared(network, device)
            networks.append((network, torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, fused=adapted)))
        given = pictures.to(memory_format=torch.channels_last) if adapted else pictures

        def run() -> float:
            for network, optimiser in networks:
                for _ in range(4 if quick else 10):
                    optimiser.zero_grad()
                    functional.cross_entropy(network(given), labels).backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
            return float(len(networks) * (4 if quick else 10))

        return run

    return compare(
        f"steps of {len(found)} of MnasNet's space, 2-3 MF at {size} px",
        Arm("regnas", steps(True)),
        Arm("plain loop", steps(False)),
        unit="steps",
        rounds=2 if quick else 5,
        aim=1 / SLOWEST,
    )


def main() -> None:
    """Print a table, and a line for trainings."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mobile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--train", action="store_true", help="trainings alone")
    options = parser.parse_args()
    if options.train:
        for made in (step_time, trained):
            one = made(options.quick)
            ours, theirs = float(np.median(one.ours)), float(np.median(one.theirs))
            rates = f"regnas {ours:.3g}, plain loop {theirs:.3g} {one.unit} a second"
            print(f"{one.what}: {rates}, {one.ratio:.2f} x as fast", flush=True)
        return
    print(f"{'space':<14}{'judged/s':>12}{'by hooks/s':>12}{'ratio':>10}{'window':>20}{'accepted/s':>12}")
    for name in SPACES:
        found = judged(name, options.quick)
        ours, theirs = float(np.median(found.ours)), float(np.median(found.theirs))
        window = around_the_median(name)
        rate = accepted_rate(name, window, 1_000 if options.quick else 5_000)
        print(f"{name:<14}{ours:>12,.0f}{theirs:>12.2g}{found.ratio:>10,.0f}{window:>20}{rate:>12,.0f}", flush=True)


if __name__ == "__main__":
    main()
