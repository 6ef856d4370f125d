"""Turn NAS-Bench-Macro into a table that `regnas bench` reads: 6,561 networks, three trainings of each.

python docs/examples/nasbench_macro.py nas-bench-macro_cifar10.json macro.csv.gz

The benchmark is at https://github.com/xiusu/NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922). A CSV file with the
columns arch, acc0, acc1, acc2, params, flops is taken, too.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

BLOCKS = ("identity", "mb3_k3", "mb6_k5")  # what the digits 0, 1, 2 of a network mean
LAYERS = 8


def networks(path: Path) -> Iterator[tuple[str, list[float], float, float]]:
    """Digits, accuracies in percent, parameters and multiply-adds of every network."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if ".json" in path.name:
        for digits, facts in json.loads(text).items():
            yield digits, facts["test_acc"], facts["params"], facts["flops"]
        return
    for row in csv.DictReader(io.StringIO(text)):
        yield row["arch"], [float(row[f"acc{seed}"]) for seed in range(3)], float(row["params"]), float(row["flops"])


def convert(source: Path, target: Path) -> int:
    """Write one row per training; the number of networks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    layers = [f"param.layer_{layer}" for layer in range(1, LAYERS + 1)]
    writer.writerow(["index", "seed", "error", "params", "flops", *layers])
    index = -1
    for index, (digits, accuracies, params, flops) in enumerate(networks(source)):
        blocks = [BLOCKS[int(digit)] for digit in digits]
        for seed, accuracy in enumerate(accuracies):
            writer.writerow([index, seed, round(1 - accuracy / 100, 6), params, flops, *blocks])
    data = out.getvalue().encode()
    target.write_bytes(gzip.compress(data, mtime=0) if target.suffix == ".gz" else data)
    return index + 1


if __name__ == "__main__":
    count = convert(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{count:,} networks; try: regnas bench --space table:{sys.argv[2]} --evaluator table:{sys.argv[2]}")
