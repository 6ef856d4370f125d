"""Does the order of the spaces survive another learning rate? From the recorded populations, without training.

python docs/examples/recipes.py
"""

import numpy as np
from scipy.stats import spearmanr

from regnas.studies.populations.sources import load

RATES = {"0.033": "fashion-mnist-lr-0.033", "0.1": "fashion-mnist", "0.3": "fashion-mnist-lr-0.3"}
NETWORKS = 40  # of each space; all three rates have these
SPACES = ("anynetx-a", "anynetx-e", "regnetx")

print(f"the first {NETWORKS} networks: mean error, median, share of networks for which a rate is the best of the three")
for space in SPACES:
    errors = {}
    for rate, recorded in RATES.items():
        (population,) = load(f"recorded:{recorded}/{space}")
        errors[rate] = population.first(NETWORKS).errors[:, 0]
    table = np.stack(list(errors.values()))
    best = np.bincount(table.argmin(axis=0), minlength=len(RATES)) / NETWORKS
    print(space)
    for number, (rate, column) in enumerate(errors.items()):
        print(f"  {rate:>5}  {column.mean():7.2%} {np.median(column):7.2%} {best[number]:5.0%}")
    print(f"  best of the three for each network {table.min(axis=0).mean():.2%}")
    for one, other in (("0.033", "0.1"), ("0.1", "0.3"), ("0.033", "0.3")):
        print(f"  rank correlation of {one} and {other}: {spearmanr(errors[one], errors[other]).statistic:.2f}")
