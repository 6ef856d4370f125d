"""How fast are mobile networks drawn, judged, accepted and trained? One core.

    python -m benchmarks.mobile [--quick] [--train]

Judged: drawn from the law and counted in arrays; the peer builds each network on the device ``meta`` and counts by
forward hooks. Accepted: different networks of a window of 10 % around the space's median flops. Trained: the evaluator
against the loop most people write (`benchmarks.plain_training`), on the same networks of `mnasnet`, images, recipe and
epochs, each in a process of one thread, in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

import regnas
from benchmarks.cells import CHUNK, around_the_median, counting_by_hooks, judging
from benchmarks.cells import accepted as accepted_rate
from benchmarks.comparison import Arm, Comparison, compare
from benchmarks.training import DATA, RECIPE, Trainers, Work
from regnas.dataset import make_dataset
from regnas.design_space import make_space

SPACES = ("mnasnet", "mobile", "efficientnet", "resnet-rs")
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


def trained(quick: bool) -> Iterator[Comparison]:
    """Networks of `mnasnet` in the data set's regime, trained one after another."""
    images = make_dataset(DATA).regime.images
    found = regnas.space("mnasnet", flops="1.5M:4M").on(images).sample(2 if quick else 6, seed=0)
    work = Work("MnasNet 1.5-4 MF at 28 px", images.resolution, tuple(one.architecture for one in found), 1 / SLOWEST)
    ours, theirs = (Trainers(kind, work, 1, 1, RECIPE) for kind in ("regnas", "plain"))
    try:
        yield compare(
            f"training {work.what}",
            Arm("regnas", ours.run),
            Arm("plain loop", theirs.run),
            unit="networks",
            rounds=1 if quick else 3,
            clock="wall",
            aim=work.aim,
        )
    finally:
        ours.close()
        theirs.close()


def main() -> None:
    """Print a table, and a line for trainings."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mobile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--train", action="store_true", help="trainings alone")
    options = parser.parse_args()
    if options.train:
        for one in trained(options.quick):
            ours, theirs = float(np.median(one.ours)), float(np.median(one.theirs))
            print(f"{one.what}: regnas {ours:.3g}, plain loop {theirs:.3g} networks/s, {one.ratio:.2f} x as fast")
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
