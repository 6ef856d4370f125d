"""A process of `benchmarks.training`: trains what it is sent, one network after another.

    python -m benchmarks.trainer '{"kind": "regnas", "resolution": 28, ...}'

Lines of JSON on standard input: {"architecture": ..., "seed": ...}; the error comes back on standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from regnas.architecture import from_json
from regnas.dataset import make_dataset
from regnas.evaluator import Context, Task, make_evaluator


def plain(setup: dict[str, Any]) -> Callable[[Any, int], float]:
    """The peer."""
    from benchmarks.plain_training import PlainTraining
    from regnas.evaluators.training.batches import statistics
    from regnas.evaluators.training.recipe import Recipe

    splits = make_dataset(setup["data"], resolution=setup["resolution"]).fit()
    mean, std = (values.expand(3).tolist() for values in statistics(splits[0]))
    return PlainTraining(splits, Recipe(epochs=setup["epochs"], **setup["recipe"]), mean, std)


def regnas(setup: dict[str, Any]) -> Callable[[Any, int], float]:
    """The evaluator, with one thread, as in a search."""
    options = ",".join(f"{name}={json.dumps(value)}" for name, value in setup["recipe"].items())
    task = Task(data=setup["data"], resolution=setup["resolution"], epochs=setup["epochs"])
    evaluator = make_evaluator(f"train[{options}]", task)
    return lambda architecture, seed: evaluator(architecture, seed=seed, context=Context()).error


def main() -> None:
    """Serve until standard input ends."""
    setup = json.loads(sys.argv[1])
    train = {"plain": plain, "regnas": regnas}[setup["kind"]](setup)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(train(from_json(job["architecture"]), job["seed"]), flush=True)


if __name__ == "__main__":
    main()
