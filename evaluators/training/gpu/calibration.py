"""One process of the measurement of how many candidates share a device: trains the reference network for a while.

Its setup is its argument, as JSON. It says when it is ready, begins at a line on standard input, answers with a line of
JSON, and keeps its memory until standard input ends: see `regnas.evaluators.training.gpu.per_device`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch

from regnas.evaluator import Task
from regnas.evaluators.training.evaluator import make
from regnas.evaluators.training.gpu.reference_network import reference_network


def train(setup: dict[str, Any]) -> None:
    """Train the reference network for a while and print images a second and the memory in use.

    Args:
        setup: ``task`` and ``options`` of the evaluator, ``device`` and ``seconds``.
    """
    evaluator = make(Task(**setup["task"]), setup["options"])
    network = reference_network(evaluator.data.regime)
    trainer, images = evaluator.trainer(network, seed=0, device=setup["device"], threads=1)
    steps = trainer.steps()
    for _ in range(10):
        next(steps)
    _wait(setup["device"])
    print("ready", flush=True)
    sys.stdin.readline()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < setup["seconds"]:
        for _ in range(5):
            next(steps)
        done += 5 * images
        _wait(setup["device"])
    speed = done / (time.perf_counter() - start)
    print(json.dumps({"speed": speed, "memory": _memory(setup["device"])}), flush=True)
    sys.stdin.readline()  # its memory stays in use until all have measured


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _memory(device: str) -> float:
    if not device.startswith("cuda"):
        return 0.0
    free, total = torch.cuda.mem_get_info(device)
    return 1 - free / total


if __name__ == "__main__":
    train(json.loads(sys.argv[1]))
