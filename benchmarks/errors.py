"""Whether the speed costs accuracy: regnas's trainings in float32 and bfloat16 against the plain loop.

    python -m benchmarks.errors run 1M:5M --arms plain,float32
    python -m benchmarks.errors run 10M:12M --arms float32,bfloat16 --seeds 6
    python -m benchmarks.errors report

Every arm trains the same networks with the same recipe; a network's error is the mean over seeds, and networks are
paired. `run` goes on where it was stopped, and keeps each error in benchmarks/results/errors.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import lines
from benchmarks.training import DATA, RECIPE, small

RESULTS = Path(__file__).parent / "results" / "errors"
PLAIN = "plain"
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    PLAIN: ("plain", RECIPE),
    "float32": ("regnas", {**RECIPE, "precision": "float32"}),
    "bfloat16": ("regnas", {**RECIPE, "precision": "bfloat16"}),
}

Errors = dict[str, dict[int, list[float]]]  # of an arm, of a network, over seeds


def run(flops: str, *, arms: Sequence[str], networks: int, seeds: int, epochs: int) -> None:
    """Train what is not recorded yet, network by network, with every arm."""
    import torch

    from benchmarks.trainer import plain
    from benchmarks.trainer import regnas as ours

    torch.set_num_threads(1)
    path = RESULTS / f"{flops.replace(':', '-')}-{epochs}-epochs.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {(row["arm"], row["network"], row["seed"]) for row in lines.read(path)}
    setup = {"data": DATA, "resolution": 28, "epochs": epochs}
    kinds = {"plain": plain, "regnas": ours}
    trainers = {arm: kinds[ARMS[arm][0]]({**setup, "recipe": ARMS[arm][1]}) for arm in arms}
    for number, network in enumerate(small(networks, flops).networks):
        for arm, train in trainers.items():
            for seed in range(seeds):
                if (arm, number, seed) in known:
                    continue
                row = {"arm": arm, "network": number, "seed": seed, "error": train(network, seed)}
                lines.add(path, row)


def read(path: Path) -> Errors:
    """Errors by arm and network, of networks that every arm has trained equally often."""
    found: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in lines.read(path):
        found[row["arm"]][row["network"]].append(row["error"])
    whole = max(len(errors) for one in found.values() for errors in one.values())
    shared = set.intersection(*({n for n, errors in one.items() if len(errors) == whole} for one in found.values()))
    return {arm: {number: one[number] for number in sorted(shared)} for arm, one in found.items()}


def increase(errors: Errors, arm: str, base: str) -> tuple[float, float, float]:
    """Mean increase over ``base``, and its one-sided 95 % limits by Student's t over networks: lower and upper."""
    from scipy import stats

    gains = [mean(one) - mean(errors[base][number]) for number, one in errors[arm].items()]
    half = float(stats.t.ppf(0.95, len(gains) - 1)) * stdev(gains) / len(gains) ** 0.5
    return mean(gains), mean(gains) - half, mean(gains) + half


def report() -> None:
    """Print a line for each arm of each recorded comparison, in percent; each against the arms before it."""
    for path in sorted(RESULTS.glob("*.jsonl")):
        errors = read(path)
        arms = [arm for arm in ARMS if arm in errors]
        seeds = len(next(iter(errors[arms[0]].values()), []))
        print(f"{path.stem}: {len(errors[arms[0]])} networks x {seeds} seeds, errors in %")
        for place, arm in enumerate(arms if len(errors[arms[0]]) > 1 else ()):
            line = f"  {arm:<9} {100 * mean(map(mean, errors[arm].values())):6.2f}"
            for base in arms[:place]:
                middle, low, high = (100 * value for value in increase(errors, arm, base))
                line += f"   above {base} {middle:+.2f}, one-sided 95 % limits {low:+.2f} and {high:+.2f}"
            print(line)


def main() -> None:
    """Train, or report on what was trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    training = kinds.add_parser("run")
    training.add_argument("flops", help="window of multiply-adds at 28 px, as 10M:12M")
    training.add_argument("--arms", default=",".join(ARMS))
    training.add_argument("--networks", type=int, default=10)
    training.add_argument("--seeds", type=int, default=3)
    training.add_argument("--epochs", type=int, default=9)
    kinds.add_parser("report")
    options = parser.parse_args()
    if options.what == "report":
        report()
    else:
        run(
            options.flops,
            arms=options.arms.split(","),
            networks=options.networks,
            seeds=options.seeds,
            epochs=options.epochs,
        )


if __name__ == "__main__":
    main()
