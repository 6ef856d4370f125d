"""Do exported ONNX files compute what torch does? Networks of every family that is installed, on validation images.

    python -m benchmarks.parity --networks 50
    python -m benchmarks.parity --networks 50 --minutes 15
    python -m benchmarks.parity --table

Network n of a family is the n-th of its stream on Fashion-MNIST's usual images, inside the window that a search would
take. A few steps of training give it weights, and passes over training images the statistics of its normalisations, so
that pictures differ. Then it is exported as ``regnas export --format onnx`` does and run in ONNX Runtime on the 1,500
validation images. Families take turns, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import lines
from regnas.architecture import Architecture
from regnas.dataset import Split, make_dataset
from regnas.deployment import Shipment
from regnas.design_space import Space
from regnas.evaluators.training.evaluator import scale_residuals
from regnas.pictures import about
from regnas.plugins import registry
from regnas.prediction import Predictor
from regnas.studies.export.files.onnx_file import Onnx
from regnas.studies.search.plan import plan

FILE = Path(__file__).parent / "results" / "parity.jsonl"
DATA = "fashion-mnist-mini"
TOLERANCE = 1e-4
STEPS, BATCH, RATE = 10, 32, 0.05
PASSES = 8  # batches of the statistics
_SPECS = {"growing": "growing:pnas", "table": None}  # one that needs another's name, one without networks of its own


def families() -> list[str]:
    """The specs of all spaces that ``regnas list spaces`` names and that make networks by themselves."""
    return [spec for name in registry.installed("space") if (spec := _SPECS.get(name, name)) is not None]


def space_of(spec: str, folder: Path) -> Space:
    """A space on the images and inside the window of a search."""
    return plan(spec, data=DATA, workers=0, out=folder).space


def trained(architecture: Architecture, images: Split, facts: Mapping[str, Any], seed: int) -> Predictor:
    """A network after a few steps."""
    torch.manual_seed(seed)
    network = architecture.build().train()
    scale_residuals(network)  # as the recipe begins
    predictor = Predictor(network, facts, "here")
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9)
    order = np.random.default_rng(seed).permutation(len(images))

    def batch(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        some = images[order[number * BATCH : (number + 1) * BATCH]]
        return torch.from_numpy(predictor.preprocessing.normalised(some.images)), torch.from_numpy(some.labels)

    for step in range(STEPS):
        pixels, labels = batch(step)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(pixels), labels).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the mean of all batches from here on
    with torch.no_grad():
        for number in range(PASSES):
            network(batch(STEPS + number)[0])
    network.eval()
    return predictor


def compared(predictor: Predictor, images: Split) -> dict[str, Any]:
    """A network in torch and as a file, on the same images."""
    shipment, form = Shipment(predictor.network, predictor.preprocessing), Onnx()
    ours = predictor.logits(images.images)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.onnx"
        form.save(shipment, file)
        theirs = form.outputs(file, shipment, shipment.inputs(images.images))
    named, other = ours.argmax(1), theirs.argmax(1)
    gaps = [row[one] - row[two] for row, one, two in zip(ours, named, other, strict=True)]
    return {
        "images": len(ours),
        "difference": float(np.abs(ours - theirs).max()),
        "largest_logit": float(np.abs(ours).max()),
        "equal": int((named == other).sum()),
        "classes_named": len(np.unique(named)),
        # Of the pictures that get another class, the largest distance of the two logits in torch.
        "gap_of_unequal": float(max(gaps)),
    }


def measure(specs: Sequence[str], networks: int, minutes: float | None) -> None:
    """Put networks on record, family by family and then the next of each.

    Args:
        specs: of the families.
        networks: of each family.
        minutes: of processor time; None for all networks.
    """
    done = {(row["family"], row["network"]) for row in lines.read(FILE)}
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(networks):
            for spec in specs:
                if (spec, number) in done:
                    continue
                if minutes is not None and time.process_time() > 60 * minutes:
                    return
                lines.add(FILE, {"family": spec, "network": number, **_row(spec, number, Path(folder))})


def _row(spec: str, number: int, folder: Path) -> dict[str, Any]:
    start = time.process_time()
    space = space_of(spec, folder)
    candidate = space.sample(number + 1, seed=0)[-1]
    network = candidate.architecture
    data = make_dataset(DATA, resolution=space.resolution)
    training, validation = data.fit()
    facts = {
        "class_names": list(data.class_names),
        "resolution": space.resolution,
        "mean": [float(training.images.mean())],
        "std": [float(training.images.std())],
        "decoding": about(space.resolution, 1),
    }
    found = compared(trained(network, training, facts, number), validation)
    seconds = round(time.process_time() - start, 1)
    return {"kind": network.kind, "flops": candidate.complexity["flops"], **found, "cpu": seconds}


def table(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is on record, in Markdown."""
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["family"]].append(row)
    yield "| space | networks | largest difference | of logits up to | equal class | classes named |"
    yield "|---|---|---|---|---|---|"
    for family, found in sorted(kinds.items()):
        worst = max(found, key=lambda row: row["difference"])
        equal, count = sum(row["equal"] for row in found), sum(row["images"] for row in found)
        named = sorted(row["classes_named"] for row in found)
        classes = f"{named[0]}" if named[0] == named[-1] else f"{named[0]} to {named[-1]}"
        yield (
            f"| `{family}` | {len(found)} | {worst['difference']:.1e} | {worst['largest_logit']:.2g} | {equal:,} of "
            f"{count:,} | {classes} |"
        )


def main() -> None:
    """Measure, or print what is on record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity")
    parser.add_argument("--networks", type=int, default=50, help="of each family")
    parser.add_argument("--family", action="append", help="its spec; all of them unless said")
    parser.add_argument("--minutes", type=float, help="of processor time; the same command goes on")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.table:
        measure(options.family or families(), options.networks, options.minutes)
    print(*table(lines.read(FILE)), sep="\n")


if __name__ == "__main__":
    main()
