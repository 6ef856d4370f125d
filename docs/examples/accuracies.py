"""Mean accuracies of a benchmark with 95 % intervals, as the field's tables have them.

python docs/examples/accuracies.py regnas-runs/bench-nasbench201-cifar10/bench.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def cell(value: dict[str, Any]) -> str:
    """``91.17 [91.10, 91.23]``, from errors."""
    ends = f"[{100 - 100 * value['high']:.2f}, {100 - 100 * value['low']:.2f}]"
    return f"{100 - 100 * value['mean']:.2f} {ends}"


def main(path: Path) -> None:
    for space in json.loads(path.read_text())["spaces"]:
        table, runs = space["table"], len(space["strategies"][0]["final"])
        known = (
            f", optimum {100 - 100 * table['optimum']:.2f}, ceiling {100 - 100 * table['ceiling']:.2f}" if table else ""
        )
        print(f"{space['space']}, {space['evaluator']}: {runs} runs{known}")
        counts = list(space["strategies"][0]["values"])
        print("| strategy | " + " | ".join(f"n={n}" for n in counts) + " | first better than random |")
        print("|---" * (len(counts) + 2) + "|")
        for one in space["strategies"]:
            better = [n for n, found in one["against_random"].items() if found["p_holm"] <= 0.05]
            cells = " | ".join(cell(one["values"][n]) for n in counts)
            print(f"| {one['name']} | {cells} | {(better or ['-'])[0]} |")
        for one in space["strategies"]:
            if one["values_by_model"]:
                cells = " | ".join(cell(one["values_by_model"][n]) for n in counts)
                print(f"| {one['name']}, model rule | {cells} | |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
