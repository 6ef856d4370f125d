"""How much of the spread of errors is architecture, and how much is the training seed?

The first 12 candidates of a space's stream in the regime of a data set, each trained with 3 seeds, none dropped:

    python -m benchmarks.noise --space anynetx-a --space regnetx --output noise.json
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.statistics.noise import variance_components

Errors = npt.NDArray[np.float64]


def seed_sd_of_better_half(errors: Errors) -> float:
    """Standard deviation between seeds, pooled over the half of the networks with the smaller mean error.

    Bad networks differ far more between seeds: among the best, which a search must tell apart, this is the noise.
    """
    order = np.argsort(errors.mean(axis=1))[: len(errors) // 2]
    return math.sqrt(errors[order].var(axis=1, ddof=1).mean())


def _train(job: tuple[str, int | None, dict[str, Any], int]) -> tuple[float, float]:
    from regnas.architecture import from_json
    from regnas.evaluator import Context, Task, make_evaluator

    data, epochs, architecture, seed = job
    result = make_evaluator("train", Task(data=data, epochs=epochs))(
        from_json(architecture), seed=seed, context=Context()
    )
    return result.error, result.seconds


def measure(space: str, data: str, epochs: int | None, networks: int, seeds: int, workers: int) -> dict[str, Any]:
    """Train the first networks of a space's stream with several seeds."""
    from regnas import space as make
    from regnas.dataset import make_dataset

    regime = make_dataset(data).regime
    found = make(space, flops=regime.flops).on(regime.images)
    candidates = found.sample(networks)
    jobs = [(data, epochs, one.architecture.to_json(), seed) for one in candidates for seed in range(seeds)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(_train, jobs))
    errors = np.array([error for error, _ in results]).reshape(networks, seeds)
    parts = variance_components(errors, repeats=10_000, rng=np.random.default_rng(0))
    return {
        "space": found.spec,
        "data": data,
        "errors": errors.round(5).tolist(),
        "mean_error": float(errors.mean()),
        "sigma_arch": parts.architecture,
        "sigma_seed": parts.seed,
        "sigma_seed_better_half": seed_sd_of_better_half(errors),
        "ratio": parts.ratio.estimate,
        "ratio_90": [parts.ratio.low, parts.ratio.high],
        "seconds": float(np.mean([seconds for _, seconds in results])),
    }


def main() -> None:
    """Measure, print a table, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", action="append", required=True)
    parser.add_argument("--data", default="fashion-mnist-mini")
    parser.add_argument("--epochs", type=int, help="the regime's unless said")
    parser.add_argument("--networks", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output")
    options = parser.parse_args()
    rows = []
    print("space         mean error  sigma_arch  sigma_seed  of better half  ratio [90 % interval]  s/training")
    for space in options.space:
        row = measure(space, options.data, options.epochs, options.networks, options.seeds, options.workers)
        rows.append(row)
        low, high = row["ratio_90"]
        print(
            f"{space:<12}  {row['mean_error']:>9.2%}  {row['sigma_arch']:>9.2%}  {row['sigma_seed']:>9.2%}"
            f"  {row['sigma_seed_better_half']:>13.2%}  {row['ratio']:>6.2f} [{low:.2f}, {high:.2f}]"
            f"     {row['seconds']:>6.1f}",
            flush=True,
        )
    if options.output:
        Path(options.output).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
