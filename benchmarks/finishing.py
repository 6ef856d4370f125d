"""How is the winner's training in a given time worth most? Parts of its recipe, one after the other.

    python -m benchmarks.finishing run --images jpeg-cifar-10 [--epochs 75] [--seeds 1] [VARIANT ...]
    python -m benchmarks.finishing report

A thin ResNet-8 (He et al. 2016) of 20, 40 and 80 channels learns from the 3,000 + 600 pictures of JPEG CIFAR-10 that
`benchmarks.textbook` draws, and is tested on the 10,000 pictures of the test set. The time that it has is so many
epochs of the 3,000, so that no other work on the machine matters; it ends earlier where the held-out error is flat.
`run` goes on where it was stopped and keeps every error as a line of benchmarks/results/finishing/jpeg-cifar10.jsonl.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Any, cast

from benchmarks import lines
from benchmarks.textbook import small_folder

FILE = Path(__file__).parent / "results" / "finishing" / "jpeg-cifar10.jsonl"
TESTED = 10_000  # pictures
WIDTH = 20  # channels of the first stage: the widest ResNet-8 below 5 MF


@dataclass(frozen=True)
class Variant:
    """A way to train.

    Attributes:
        timed: warm-up, stable phase and decay; otherwise half a cosine on all images.
        averaged: whether weights are.
        decay: of weights.
        mixed: whether images are.
    """

    timed: bool = True
    averaged: bool = True
    decay: float = 1e-3
    smoothing: float = 0.1
    mixed: bool = True


VARIANTS = {
    "cosine": Variant(timed=False, averaged=False, decay=5e-4, smoothing=0.0, mixed=False),
    "stable": Variant(averaged=False, decay=5e-4, smoothing=0.0),
    "averaged": Variant(decay=5e-4, smoothing=0.0),
    "decayed": Variant(smoothing=0.0),
    "smoothed": Variant(),
    "unmixed": Variant(mixed=False),
}


class Epochs:
    """A clock of which an epoch takes one second: it is asked before and after each."""

    def __init__(self) -> None:
        self._asked = -1

    def __call__(self) -> float:
        self._asked += 1
        return float((self._asked + 1) // 2)


def train(name: str, seed: int, epochs: int, folder: str) -> dict[str, Any]:
    """One training, to its end."""
    import torch

    from regnas import space
    from regnas.dataset import make_dataset
    from regnas.evaluators.training.final import FinalTraining
    from regnas.evaluators.training.recipe import Recipe
    from regnas.evaluators.training.timed import HORIZON, TimedTraining
    from regnas.search_spaces.staged.baselines import thin_resnet
    from regnas.search_spaces.staged.space import StagedSpace

    torch.set_num_threads(1)
    how = VARIANTS[name]
    data = make_dataset(
        f"imagefolder:{folder}", resolution=32, cache=str(Path(tempfile.gettempdir()) / "regnas-finishing")
    )
    network = thin_resnet(cast(StagedSpace, space("regnetx").on(data.regime.images)).template(3), 1, WIDTH)
    usual = replace(Recipe.usual(data.regime), epochs=epochs)
    recipe = replace(usual, weight_decay=how.decay, label_smoothing=how.smoothing)
    where: dict[str, Any] = {"seed": seed, "device": "cpu", "threads": 1}
    if how.timed:
        job: Any = TimedTraining(
            network,
            data,
            recipe,
            seconds=epochs,
            horizon=HORIZON if how.averaged else 0,
            mixed=how.mixed,
            clock=Epochs(),
            **where,
        )
        while not job.course.done:
            job.run_epoch()
    else:
        job = FinalTraining(network, data, recipe, **where)
        while job.epoch < job.epochs:
            job.run_epoch()
    with tempfile.TemporaryDirectory() as out:
        error = job.finish(Path(out))
    return {"variant": name, "seed": seed, "asked": epochs, "epochs": job.epoch, "test_error": error}


def run(variants: Sequence[str], epochs: int, seeds: int, images: Path, workers: int) -> None:
    """Train what is not on record."""
    done = {(row["variant"], row["seed"], row["asked"]) for row in lines.read(FILE)}
    jobs = [(name, seed) for seed in range(seeds) for name in variants if (name, seed, epochs) not in done]
    with tempfile.TemporaryDirectory() as folder:
        small_folder(images, Path(folder), test=TESTED)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for row in pool.map(partial(train, epochs=epochs, folder=folder), *zip(*jobs, strict=True)) if jobs else ():
                lines.add(FILE, row)


def report() -> Iterator[str]:
    """A line for every variant and number of epochs."""
    found: dict[tuple[int, str], list[float]] = defaultdict(list)
    for row in lines.read(FILE):
        found[row["asked"], row["variant"]].append(row["test_error"])
    for asked in sorted({asked for asked, _ in found}):
        for name in VARIANTS:
            if errors := found.get((asked, name)):
                each = ", ".join(format(one, ".2%") for one in errors)
                yield f"{asked} epochs  {name:<9} {mean(errors):.2%}  ({each})"


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("variant", nargs="*", metavar="VARIANT", help=f"of {', '.join(VARIANTS)}; all unless said")
    running.add_argument("--epochs", type=int, default=75)
    running.add_argument("--seeds", type=int, default=1)
    running.add_argument("--workers", type=int, default=2)
    running.add_argument("--images", type=Path, required=True, help="folder of JPEG CIFAR-10")
    commands.add_parser("report")
    options = parser.parse_args()
    if options.command == "report":
        for line in report():
            print(line)
        return
    if unknown := sorted(set(options.variant) - set(VARIANTS)):
        parser.error(f"there is no variant {unknown[0]}; there are {', '.join(VARIANTS)}")
    run(options.variant or list(VARIANTS), options.epochs, options.seeds, options.images, options.workers)


if __name__ == "__main__":
    main()
