"""What a step of DARTS takes: processor time, and memory beside the sum of what it must hold.

    python -m benchmarks.mixed_step [--strategy 'darts[small=true]'] [--resolution 28] [--batch 64] [--file FILE]

A step is one of the alphas and one of the weights, with ``2 * batch`` images, and the scoring of ``batch`` of them that
an epoch does for every step. Peak memory is what Linux calls the peak of the process (VmHWM), less what it had before
the mixed network was made. What a step must hold, from shapes alone: weights, their gradients and momentum, and of a
batch what every layer of every operation of every edge puts out, 4 bytes a number, with the places of maxima, 8 bytes.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks import lines, machine
from regnas.design_space import Space, make_space
from regnas.evaluator import Task
from regnas.evaluators.training.fit_images import training_images
from regnas.fit import FitContext
from regnas.images import Images
from regnas.plugins import spec
from regnas.strategies.darts import KNOWN, SIZES, SMALL
from regnas.strategies.one_shot.relaxed_search import Settings, new_search
from regnas.supernet import SupportsRelaxation

STEPS = 3  # of which the first is not timed
IMAGES = 4500  # for training, in fashion-mnist-mini


def status(name: str) -> int:
    """Bytes that Linux says of this process: ``VmRSS`` now, ``VmHWM`` at most since `forget_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def forget_peak() -> None:
    """Let the peak begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def must_hold(space: SupportsRelaxation, sizes: dict[str, int], images: tuple[int, ...]) -> dict[str, int]:
    """Bytes by what they are for, of a step with ``images``, ``(n, 3, height, width)``; nothing is computed."""
    with torch.device("meta"):
        network = space.relaxation(**sizes)
        held = {"outputs": 0}

        def count(layer: nn.Module, given: Any, output: Tensor) -> None:
            own = not isinstance(layer, nn.Identity) and not getattr(layer, "inplace", False)
            each = 4 + 8 * isinstance(layer, nn.MaxPool2d)
            held["outputs"] += own * each * output.numel()

        for layer in cast(nn.Module, network).modules():
            if not list(layer.children()):
                layer.register_forward_hook(count)
        network(torch.empty(images))
    weights = 4 * sum(one.numel() for one in network.weights())
    return {"weights": weights, "gradients": weights, "momentum": weights, **held}


def measure(strategy: str, resolution: int, batch: int) -> dict[str, Any]:
    """A row of the table."""
    space: Space = make_space("darts").on(Images(resolution, 10))
    assert isinstance(space, SupportsRelaxation)
    sizes, settings = chosen(strategy, batch)
    holds = must_hold(space, sizes, (batch, 3, resolution, resolution))
    task = Task(data=f"fashion-mnist-mini[training={2 * batch}]", resolution=resolution)
    images = training_images(task, "cpu")
    forget_peak()
    before, seconds = status("VmRSS"), []
    with tempfile.TemporaryDirectory() as folder:
        search = new_search(space, settings, sizes, FitContext(folder=Path(folder), images=images), lambda params: "")
        for _ in range(STEPS):
            began = time.process_time()
            search.run_epoch()
            seconds.append(time.process_time() - began)
    peak = status("VmHWM") - before
    return {
        "strategy": strategy,
        "resolution": resolution,
        "batch": batch,
        "seconds": min(seconds[1:]),
        "minutes_an_epoch": min(seconds[1:]) * math.ceil(IMAGES / 2 / batch) / 60,
        "holds": holds,
        "peak": peak,
        "ratio": peak / sum(holds.values()),
        "machine": machine.describe(),
        "load": machine.load(),
    }


def chosen(strategy: str, batch: int) -> tuple[dict[str, int], Settings]:
    """Sizes of the mixed network, and how it is trained, as `regnas.strategies.darts.make` reads them."""
    options = spec.json_options(spec.parse(strategy, "strategy")[2])
    small = SMALL if options.get("small") else {}
    values = {**KNOWN, **small, **options, "batch": batch, "epochs": 50}
    sizes = {name: values.pop(name) for name in SIZES}
    values.pop("small")
    return {name: size for name, size in sizes.items() if size > (name == "partial")}, Settings(**values)


def main() -> None:
    """Measure one, and put it on record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixed_step", description=__doc__)
    parser.add_argument("--strategy", default="darts[small=true]")
    parser.add_argument("--resolution", type=int, default=28)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--file", type=Path, default=Path("build/one-shot/steps.jsonl"))
    asked = parser.parse_args()
    lines.add(asked.file, measure(asked.strategy, asked.resolution, asked.batch))


if __name__ == "__main__":
    main()
