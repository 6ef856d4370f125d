"""Which space holds the best small networks? What a search in each returns, trained to the end.

    python -m benchmarks.spaces run fashion-mnist-mini
    python -m benchmarks.spaces run jpeg-cifar10 --images jpeg-cifar-10 [--flops 2.5M:5M] [--seeds 1]
    python -m benchmarks.spaces report

For every space `regnas search --budget 10 --retrain 30`, without baselines, as a user would type it, in
a process with one thread: the error of the winner on test images that nothing else saw, beside the validation errors of
the ten after their short trainings. `run` goes on where it was stopped and keeps every search as a line of
benchmarks/results/spaces/SET.jsonl; `report` prints the spaces of each window, the best first.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks import lines
from benchmarks.textbook import SETS as SMALL
from benchmarks.textbook import Setting, alone, settled

FOLDER = Path(__file__).parent / "results" / "spaces"
SETS = {**SMALL, "jpeg-cifar10-64": Setting("imagefolder:PATH", 64)}
SPACES = (
    "regnetx",
    "regnetx[stages=3]",
    "regnetx[block=basic,stages=3]",
    "regnety[stages=3]",
    "anynetx-a[block=basic,stages=3]",
    "anynetx-e[block=basic,stages=3]",
    "anynetx-e[block=basic]",
    "anynetx-e[block=vanilla,stages=3]",
    "anynetx-e[stages=3]",
)
BUDGET, EPOCHS = 10, 30


def search(setting: Setting, flops: str, space: str, seed: int, out: Path) -> dict[str, Any]:
    """One search, and its winner's training."""
    words = ["--space", space, "--budget", str(BUDGET), "--retrain", str(EPOCHS), "--no-baselines", "--seed", str(seed)]
    words += ["--data", setting.data, "--flops", flops, "--workers", "0", "--device", "cpu", "--quiet"]
    if setting.resolution:
        words += ["--resolution", str(setting.resolution)]
    alone([sys.executable, "-m", "regnas", "search", *words, "--out", str(out)])
    (best,) = out.glob("*/best.json")
    found = json.loads(best.read_text())
    with (best.parent / "trials.csv").open() as file:
        errors = [float(row["error"]) for row in csv.DictReader(file)]
    final = json.loads((best.parent / f"final-{EPOCHS}" / "result.json").read_text())
    kept = {name: found["architecture"][name] for name in ("block", "depths", "widths")}
    return {
        "test_error": final["test_error"],
        "validation_errors": errors,
        "flops": found["flops"],
        "params": found["params"],
        **kept,
    }


def file_of(name: str) -> Path:
    """Where the searches of a set are kept."""
    return FOLDER / f"{name}.jsonl"


def run(name: str, flops: str, spaces: Sequence[str], *, seeds: int, workers: int, images: Path | None) -> None:
    """Run what is not on record, several at a time."""
    done = {(row["space"], row["seed"], row["window"]) for row in lines.read(file_of(name))}
    asked = [(space, seed) for seed in range(seeds) for space in spaces if (space, seed, flops) not in done]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        setting = settled(SETS[name], images, Path(folder) / "images")
        started = {
            pool.submit(partial(search, setting, flops, space, seed, Path(folder) / str(place))): (space, seed)
            for place, (space, seed) in enumerate(asked)
        }
        for job, (space, seed) in started.items():
            lines.add(file_of(name), {"space": space, "seed": seed, "window": flops, **job.result()})


def report() -> Iterator[str]:
    """A line for every space of a set and window, the best first."""
    for name in SETS:
        found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in lines.read(file_of(name)):
            found[row["window"], row["space"]].append(row)
        ranked = sorted(found.items(), key=lambda one: (one[0][0], mean(row["test_error"] for row in one[1])))
        for (window, space), rows in ranked:
            short = [error for row in rows for error in row["validation_errors"]]
            yield (
                f"{name} {window:<9} {space:<34} winners after {EPOCHS} epochs "
                f"{', '.join(format(row['test_error'], '.1%') for row in rows)}  short: best {min(short):.1%}, "
                f"median {median(short):.1%} of {len(short)}"
            )


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("set", choices=SETS)
    running.add_argument("--flops", default="2.5M:5M")
    running.add_argument("--space", action="append", help="may be repeated; all of the study unless said")
    running.add_argument("--seeds", type=int, default=1)
    running.add_argument("--workers", type=int, default=2)
    running.add_argument("--images", type=Path, help="folder of JPEG CIFAR-10")
    commands.add_parser("report")
    options = parser.parse_args()
    if options.command == "report":
        for line in report():
            print(line)
        return
    much = {"seeds": options.seeds, "workers": options.workers, "images": options.images}
    run(options.set, options.flops, options.space or SPACES, **much)


if __name__ == "__main__":
    main()
