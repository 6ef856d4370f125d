"""Does the whole command `regnas find` return a better network than a textbook gives for nothing, in the same time?

    python -m benchmarks.finding run --images jpeg-cifar-10 [--seconds 205] [--seeds 3] [--who find --who resnet18]
    python -m benchmarks.finding latency
    python -m benchmarks.finding report

`regnas find --time T --workers 1` as a user would type it, on the pictures of `benchmarks.textbook`: T is a wall
clock, of one worker with one thread. The networks beside it are those that the plain loop of that benchmark trains
for T processor seconds; what is on its record is not trained again, and what is not goes there. `run` goes on where it
was stopped and keeps every find as a line of benchmarks/results/finding/jpeg-cifar10.jsonl, with the seconds that it
took on the clock and on processors. `latency` times what was found and the textbook networks in turns, one picture and
one thread in ONNX Runtime, and keeps that in latency.jsonl beside it; `report` prints both, with a 95 % interval of the
differences.

On a machine that others use a find gets less of a processor than T: `run --seconds N --who 'thin ResNet-8'` trains a
textbook network for as many processor seconds as the finds had, and `report` sets that beside them, too.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from benchmarks import lines, machine, textbook
from benchmarks.textbook_networks import NETWORKS

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent / "results" / "finding"
SET, PIXELS = "jpeg-cifar10", 32
FINDS, LATENCIES = FOLDER / f"{SET}.jsonl", FOLDER / "latency.jsonl"
FIND = "find"
_ROUNDS = 21  # in which every network has its turn
_AS_LONG = 0.1  # by which a textbook network's seconds may differ from the processor's of a find
_COLUMNS = (
    "network",
    "processor s",
    "test error (seeds)",
    "find less it, 95 % interval (Welch)",
    "MF",
    "ms",
    "no faster than",
)


def found(pictures: Path, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """The whole command; what it returned, and what it took."""
    words = ["--data", str(pictures), "--resolution", str(PIXELS), *textbook.LIMITS, "--seed", str(seed)]
    words += ["--time", f"{seconds:.0f}s", "--workers", "1", "--device", "cpu", "--quiet", "--out", str(out)]
    from regnas.weights import read_architecture

    load, before, start = machine.load(), textbook.processor_seconds(), time.perf_counter()
    textbook.alone([sys.executable, "-m", "regnas", "find", *words])
    took = {
        "wall_seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(textbook.processor_seconds() - before, 1),
        "load": [round(load, 1), round(machine.load(), 1)],
    }
    told = json.loads((out / "find.json").read_text())
    training = json.loads(next((out / "search").glob("final-*/result.json")).read_text())
    with (out / "search" / "trials.csv").open(newline="") as file:
        candidates = sum(row["state"] == "COMPLETE" for row in csv.DictReader(file))
    return {
        **took,
        "candidates": candidates,
        "returned": told["network"],
        "epochs": training["epochs"],
        "training_seconds": training["seconds"],
        "test_error": told["test"]["error"],
        "cost": told["cost"],
        "latency": told["latency"],
        "network": read_architecture(out).to_json(),
    }


def run(seconds: float, seeds: int, images: Path, who: Sequence[str]) -> None:
    """Run what is not on record: finds first, then textbook networks."""
    from regnas.dataset import make_dataset

    done = {(row["seed"], row["asked"]) for row in lines.read(FINDS)}
    for seed in range(seeds if FIND in who else 0):
        if (seed, seconds) in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            pictures = textbook.small_folder(images, Path(folder) / "images")
            row = found(pictures, seconds, seed, Path(folder) / "found")
            images_of = make_dataset(f"imagefolder:{pictures}", resolution=PIXELS).regime.images.to_json()
        lines.add(FINDS, {"who": FIND, "seed": seed, "asked": seconds, **row, "images": images_of})
    if peers := [one for one in who if one != FIND]:
        textbook.run(SET, seconds, seeds, images, peers)


def time_networks(rounds: int = _ROUNDS) -> None:
    """Put the latency of every network on record: of what was found, and of the textbook, all in turns of one run."""
    from regnas.architecture import from_json
    from regnas.evaluators.latency import runtimes
    from regnas.evaluators.latency.setup import setup_of
    from regnas.evaluators.latency.timing import interleaved, interruptions
    from regnas.images import Images

    finds, setup = lines.read(FINDS), setup_of({"runtime": "onnxruntime", "threads": 1})
    if not finds:
        sys.exit("nothing was found yet; begin with run")
    template = textbook.template_of(Images.from_json(finds[0]["images"]))
    makers: list[tuple[str, Callable[[], nn.Module]]] = [
        (f"{FIND} {row['asked']:.0f} {row['seed']}", from_json(row["network"]).build) for row in finds
    ]
    makers += [(name, partial(make, template)) for name, make in NETWORKS.items()]
    with runtimes.threads(setup):
        runs = [runtimes.prepared(make, PIXELS, setup, "cpu").run for _, make in makers]
        timings = interleaved(runs, interruptions(1), rounds=rounds)
    LATENCIES.unlink(missing_ok=True)  # they are of one run, or not comparable
    for (name, _), one in zip(makers, timings, strict=True):
        row = {"network": name, "milliseconds": round(1e3 * one.median, 4), "spread": round(one.spread, 3)}
        lines.add(LATENCIES, {**row, "rounds": one.rounds, "samples": one.samples, "dropped": one.dropped})


def report() -> Iterator[str]:
    """For every time, what was found, and the textbook networks that trained as long by either clock, in Markdown."""
    taken = {row["network"]: row["milliseconds"] for row in lines.read(LATENCIES)}
    finds, peers = lines.read(FINDS), lines.read(textbook.file_of(SET))
    for asked in sorted({row["asked"] for row in finds}):
        ours = [row for row in finds if row["asked"] == asked]
        wall, processor = (mean(row[name] for row in ours) for name in ("wall_seconds", "processor_seconds"))
        yield f"`--time {asked:.0f}s` took {wall:.0f} s, and {processor:.0f} of a processor"
        yield ""
        yield f"| {' | '.join(_COLUMNS)} |"
        yield "|" + "---|" * len(_COLUMNS)
        own = [taken.get(f"{FIND} {asked:.0f} {row['seed']}") for row in ours]
        for row, time_of in zip(ours, own, strict=True):
            name = f"find, seed {row['seed']}: {row['returned']}, beside {row['candidates']} candidates"
            costs = f"{_mega(row['cost'])} | {_ms(time_of)} | |"
            yield f"| {name} | {row['processor_seconds']:.0f} | {row['test_error']:.2%} | | {costs}"
        yield f"| find | {processor:.0f} | {_shown(ours)} | | | | |"
        for name, seconds in sorted({(row["who"], row["asked"]) for row in peers if row["who"] in NETWORKS}):
            if seconds == asked or abs(seconds / processor - 1) <= _AS_LONG:
                theirs = [row for row in peers if (row["who"], row["asked"]) == (name, seconds)]
                yield (
                    f"| {name} | {seconds:.0f} | {_shown(theirs)} | {difference(ours, theirs)} | "
                    f"{next((_mega(row) for row in theirs if 'flops' in row), '')} | {_ms(taken.get(name))} | "
                    f"{_no_faster(taken.get(name), own)} |"
                )
        yield ""


def difference(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> str:
    """Points of error that the first have more than the others, with an interval where both have two."""
    from scipy import stats

    first, second = ([100 * row["test_error"] for row in rows] for rows in (ours, theirs))
    told = f"{mean(first) - mean(second):+.2f}"
    if min(len(first), len(second)) < 2:
        return told
    low, high = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    return f"{told}, {low:+.2f} to {high:+.2f}"


def _shown(rows: Sequence[dict[str, Any]]) -> str:
    return f"{mean(row['test_error'] for row in rows):.2%} ({len(rows)})"


def _mega(costs: Mapping[str, Any]) -> str:
    return f"{costs['flops'] / 1e6:.1f}"


def _ms(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.3f}"


def _no_faster(one: float | None, ours: Sequence[float | None]) -> str:
    """Of how many finds a network is no faster than what they returned."""
    known = [each for each in ours if each is not None]
    return "" if one is None or not known else f"{sum(one >= each for each in known)} of {len(known)}"


def main() -> None:
    """Run, time, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("--seconds", type=float, default=205.0)
    running.add_argument("--seeds", type=int, default=3)
    running.add_argument("--images", type=Path, required=True, help="folder of JPEG CIFAR-10")
    running.add_argument("--who", action="append", help=f"{FIND}, or one of {', '.join(NETWORKS)}; all unless said")
    commands.add_parser("latency")
    commands.add_parser("report")
    options = parser.parse_args()
    if options.command == "latency":
        time_networks()
    elif options.command == "report":
        print(*report(), sep="\n")
    else:
        who = options.who or [FIND, *NETWORKS]
        if unknown := set(who) - {FIND, *NETWORKS}:
            parser.error(f"--who is {FIND} or one of {', '.join(NETWORKS)}, got {', '.join(sorted(unknown))}")
        run(options.seconds, options.seeds, options.images, who)


if __name__ == "__main__":
    main()
