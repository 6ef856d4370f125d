"""The numbers of docs/results.md that the report does not have: from the recorded populations, without training.

python docs/examples/results.py
"""

import numpy as np
from scipy.stats import spearmanr

from regnas.studies.populations.population import Population
from regnas.studies.populations.sources import load

RATES = {"0.033": "fashion-mnist-lr-0.033", "0.1": "fashion-mnist", "0.3": "fashion-mnist-lr-0.3"}
NETWORKS = 40  # of each space; all three learning rates have these


def depths(population: Population) -> np.ndarray:
    """Blocks of every network."""
    return np.array([sum((network or {})["depths"]) for network in population.architectures])


def mean_ratios(population: Population) -> np.ndarray:
    """Bottleneck ratio of every network, the mean over its stages."""
    return np.array([np.mean((network or {})["bottleneck_ratios"]) for network in population.architectures])


def show_depths(recorded: str) -> None:
    """How errors depend on depth and on the bottleneck ratio; errors of shallow and of deep RegNets."""
    print(f"{recorded}: rank correlation of the error with depth, and with the bottleneck ratio")
    for one in load(f"recorded:{recorded}"):
        blocks, errors = depths(one), one.error
        deep, ratio = (spearmanr(column, errors).statistic for column in (blocks, mean_ratios(one)))
        print(f"  {one.name}: {deep:.2f}, {ratio:.2f}")
        if one.name == "regnetx":
            for text, rows in (("at most 12", blocks <= 12), ("more than 20", blocks > 20)):
                print(f"    {rows.sum()} of {text} blocks: mean error {errors[rows].mean():.1%}")


def show_rates() -> None:
    """Whether the order of the spaces survives another learning rate."""
    print(f"learning rates, the first {NETWORKS} networks: mean error, median, share for which it is the best rate")
    for space in ("anynetx-a", "anynetx-e", "regnetx"):
        errors = {
            rate: load(f"recorded:{name}/{space}")[0].first(NETWORKS).errors[:, 0] for rate, name in RATES.items()
        }
        table = np.stack(list(errors.values()))
        best = np.bincount(table.argmin(axis=0), minlength=len(RATES)) / NETWORKS
        print(f"  {space}")
        for number, (rate, column) in enumerate(errors.items()):
            print(f"    {rate:>5}  {column.mean():7.2%} {np.median(column):7.2%} {best[number]:5.0%}")
        print(f"    each network at its best rate {table.min(axis=0).mean():.2%}")
        for one, other in (("0.033", "0.1"), ("0.1", "0.3"), ("0.033", "0.3")):
            print(f"    rank correlation of {one} and {other}: {spearmanr(errors[one], errors[other]).statistic:.2f}")


if __name__ == "__main__":
    for recorded in ("fashion-mnist", "fashion-mnist-lr-0.033", "jpeg-cifar10"):
        show_depths(recorded)
    show_rates()
