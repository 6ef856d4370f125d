"""The numbers of docs/results.md that the report does not have: from the recorded populations, without training.

python docs/examples/results.py
"""

import numpy as np
from scipy.stats import spearmanr

from regnas.studies.populations.population import Population
from regnas.studies.populations.sources import load
from regnas.studies.recorded.files import recorded_names

RATES = {"0.033": "fashion-mnist-lr-0.033", "0.1": "fashion-mnist", "0.3": "fashion-mnist-lr-0.3"}
NETWORKS = 40  # of each space; all three learning rates have these
SHARED = 20  # networks that two populations of a space have in common, at least
BLOCKS = ((1, 8), (9, 16), (17, 99))  # of shallow, usual and deep networks


def depths(population: Population) -> np.ndarray:
    """Blocks of every network."""
    return np.array([sum((network or {})["depths"]) for network in population.architectures])


def mean_ratios(population: Population) -> np.ndarray:
    """Bottleneck ratio of every network, the mean over its stages."""
    return np.array([np.mean((network or {})["bottleneck_ratios"]) for network in population.architectures])


def show_depths(recorded: str) -> None:
    """How errors depend on depth and on the bottleneck ratio, the hardly trained, and errors by depth of RegNets."""
    print(f"{recorded}: rank correlation of the error with depth and bottleneck ratio; above twice the best error")
    for one in load(f"recorded:{recorded}"):
        blocks, errors = depths(one), one.error
        columns = [column for column in (blocks, mean_ratios(one)) if np.ptp(column)]  # basic blocks have no ratio
        ranks = ", ".join(f"{spearmanr(column, errors).statistic:.2f}" for column in columns)
        print(f"  {one.name}: {ranks}; {(errors > 2 * errors.min()).mean():.0%}")
        if one.name == "regnetx":
            for text, rows in (("at most 12", blocks <= 12), ("more than 20", blocks > 20)):
                print(f"    {rows.sum()} of {text} blocks: mean error {errors[rows].mean():.1%}")


def show_mnasnets() -> None:
    """What may make random MnasNets hard to train: their layers, and how the error depends on kinds of them."""
    (one,) = load("recorded:fashion-mnist-mobile/mnasnet")
    stages = [(network or {})["stages"] for network in one.architectures]
    kinds = {
        "layers": [sum(it["depth"] for it in own) for own in stages],
        "without a shortcut": [sum(it["depth"] if it["skip"] == "none" else 1 for it in own) for own in stages],
        "without expansion": [
            sum(it["depth"] for it in own if it["block"] == "mbconv" and it["expansion"] == 1) for own in stages
        ],
        "with squeeze-and-excitation": [sum(it["depth"] for it in own if it["se"]) for own in stages],
        "of 5x5": [sum(it["depth"] for it in own if it["kernel"] == 5) for own in stages],
    }
    print(f"{one.name}: median number of layers, rank correlation with the error")
    for kind, numbers in kinds.items():
        print(f"  {kind:<28} {np.median(numbers):4.0f} {spearmanr(numbers, one.error).statistic:6.2f}")


def show_start(full: str, scaled: str) -> None:
    """The same networks with residual branches that start at full size, and scaled by depth."""
    print(f"networks of both {full} and {scaled}: mean errors by blocks, rank correlation of the two")
    for one in load(f"recorded:{full}"):
        if f"{scaled}/{one.name}" not in recorded_names():
            continue
        (other,) = load(f"recorded:{scaled}/{one.name}")
        places = {str(network): place for place, network in enumerate(other.architectures)}
        shared = [(row, places[str(it)]) for row, it in enumerate(one.architectures) if str(it) in places]
        if len(shared) < SHARED:
            continue
        rows, others = np.array(shared).T
        before, after, blocks = one.error[rows], other.error[others], depths(one)[rows]
        print(f"  {one.name}, {len(rows)} networks, {spearmanr(before, after).statistic:.2f}")
        for low, high in BLOCKS:
            inside = (low <= blocks) & (blocks <= high)
            if inside.any():
                means = f"{before[inside].mean():.1%} and {after[inside].mean():.1%}"
                print(f"    {low} to {min(high, blocks.max())} blocks, {inside.sum()} networks: {means}")


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
    scaled = ("fashion-mnist-scaled", "jpeg-cifar10-scaled")
    for recorded in (*scaled, "fashion-mnist", "fashion-mnist-lr-0.033", "jpeg-cifar10"):
        show_depths(recorded)
    for recorded in scaled:
        show_start(recorded.removesuffix("-scaled"), recorded)
    show_rates()
    show_mnasnets()
