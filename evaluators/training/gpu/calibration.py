"""The process of the measurement of how many candidates suit a device: trains the reference network in some lanes.

Its setup is its argument, as JSON. To a line with a number of lanes on standard input it answers with a line of JSON:
see `regnas.evaluators.training.gpu.per_device`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch

from regnas.architecture import Architecture
from regnas.evaluator import Task
from regnas.evaluators.training.devices import wait
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.evaluators.training.gpu.reference_network import reference_network

_WARM_UP = 10  # steps: kernels are chosen, a step is recorded
_TURN = 5  # steps between two looks at the clock


def serve(setup: dict[str, Any]) -> None:
    """Print images a second and the memory in use for every number of lanes that is asked for.

    Args:
        setup: ``task`` and ``options`` of the evaluator, ``device`` and ``seconds``.
    """
    evaluator = make(Task(**setup["task"]), setup["options"])
    network = reference_network(evaluator.data.regime)
    trainings: list[tuple[Iterator[None], int]] = []
    for line in sys.stdin:
        count = int(line)
        with ThreadPoolExecutor(count) as pool:
            trainings += pool.map(partial(begun, evaluator, setup["device"]), [network] * (count - len(trainings)))
            start = time.perf_counter()
            train = partial(trained, evaluator, setup["device"], start + setup["seconds"])
            done = sum(pool.map(train, trainings[:count]))
            seconds = time.perf_counter() - start
        print(json.dumps({"speed": done / seconds, "memory": _memory(setup["device"])}), flush=True)


def begun(evaluator: TrainEvaluator, device: str, network: Architecture) -> tuple[Iterator[None], int]:
    """The steps of a training that is under way, and the images of each."""
    with evaluator.lane(device):
        trainer, images = evaluator.trainer(network, seed=0, device=device, threads=1)
        steps = trainer.steps()
        for _ in range(_WARM_UP):
            next(steps)
    return steps, images


def trained(evaluator: TrainEvaluator, device: str, end: float, training: tuple[Iterator[None], int]) -> int:
    """Train until then; returns how many images it saw."""
    (steps, images), done = training, 0
    with evaluator.lane(device):
        while time.perf_counter() < end:
            for _ in range(_TURN):
                next(steps)
            wait(torch.device(device))
            done += _TURN * images
    return done


def _memory(device: str) -> float:
    if not device.startswith("cuda"):
        return 0.0
    free, total = torch.cuda.mem_get_info(device)
    return 1 - free / total


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
