"""Latency on this machine: what goes with it, how well it is predicted, and whether limits hold when measured again.

    python -m benchmarks.latency [--networks N] [--candidates N] [--runtime SPEC] [--quick]

Networks of RegNetX of 1M:2M flops at 28 px; the limit of the last two parts is their median. Prints each part with the
machine's load beside it, and writes benchmarks/results/latency.json; `--quick` is small and writes nothing. Readings
are kept in the folder of --out, so that a run that is interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

import regnas
from benchmarks import machine
from regnas.design_space import Space
from regnas.errors import HostError
from regnas.evaluators.latency.meter import make_meter
from regnas.evaluators.latency.predictor import Floats, features_of, fit, left_out
from regnas.evaluators.latency.screen import Screen, conformal
from regnas.window import Bounds

FILE = Path(__file__).parent / "results" / "latency.json"
FITTED = 30
SPACE, FLOPS, PIXELS = "regnetx", "1M:2M", 28
TOLERANCE = 0.05  # by which a second measurement may be above the limit

# Measures again in a process of its own, that knows nothing of the first measurements.
_AGAIN = """\
import json, sys
from regnas.architecture import from_json
from regnas.evaluators.latency.meter import make_meter
from regnas.images import Images
job = json.loads(sys.stdin.read())
meter = make_meter({"runtime": job["runtime"]}, None)
images = Images(resolution=job["resolution"])
for one in job["architectures"]:
    print(meter.measure(from_json(one), images, "cpu"), flush=True)
"""


def space() -> Space:
    """The networks of this benchmark."""
    return regnas.space(SPACE, flops=FLOPS, resolution=PIXELS, classes=10)


def correlations(found: Sequence[Any], seconds: Floats) -> dict[str, Any]:
    """Spearman's rank correlation of latency with closed forms, and of a predictor fitted on `FITTED` with the rest.

    Args:
        seconds: of each, ``(n,)``.
    """
    rows = [features_of(one.architecture, PIXELS) for one in found]
    columns = {name: [one.complexity[name] for one in found] for name in ("flops", "params", "activations")}
    columns["depth"] = [row["all.layers"] for row in rows]
    ranks = {name: float(spearmanr(values, seconds).statistic) for name, values in columns.items()}
    taus = []
    for split in range(20):
        order = np.random.default_rng(split).permutation(len(found))
        fitted, rest = order[:FITTED], order[FITTED:]
        one = fit([rows[place] for place in fitted], seconds[fitted].tolist())
        expected = [one.seconds(rows[place]) for place in rest]
        taus.append(float(kendalltau(expected, seconds[rest]).statistic))
    return {
        "networks": len(found),
        "median_us": 1e6 * float(np.median(seconds)),
        "largest_over_smallest": float(seconds.max() / seconds.min()),
        "spearman": ranks,
        "predictor_kendall_tau": {"median": float(np.median(taus)), "lowest": min(taus), "splits": len(taus)},
        "seconds": seconds.tolist(),
    }


def screens(found: Sequence[Any], seconds: Floats) -> dict[str, Any]:
    """At a limit at the median, how many networks are inside that a screen fitted on `FITTED` others lets through.

    Args:
        seconds: of each, ``(n,)``.
    """
    rows, limit = [features_of(one.architecture, PIXELS) for one in found], float(np.median(seconds))
    passed = inside = fast = 0
    margins, splits = [], 20
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(found))
        fitted, rest = [rows[place] for place in order[:FITTED]], order[FITTED:]
        own = seconds[order[:FITTED]].tolist()
        margin = conformal(np.log(np.array(own) / left_out(fitted, own)))
        expected = fit(fitted, own)
        one = Screen("latency", Bounds(high=limit), PIXELS, expected, above=float(np.exp(max(0.0, margin))))
        margins.append(one.above - 1)
        passing = [place for place in rest if one.beyond(expected.seconds(rows[place])) is None]
        passed, inside = passed + len(passing), inside + sum(seconds[place] <= limit for place in passing)
        fast += int((seconds[rest] <= limit).sum())
    return {
        "limit_us": 1e6 * limit,
        "splits": splits,
        "median_margin": float(np.median(margins)),
        "passed": passed,
        "inside_of_those_passed": inside / passed,
        "passed_of_those_inside": inside / fast,
    }


def again(found: Sequence[Any], seconds: Floats, limit: float, count: int, runtime: str) -> dict[str, Any]:
    """Networks that were measured inside a limit, those nearest to it first, measured again by another process.

    Args:
        seconds: of each, ``(n,)``.
    """
    places = [place for place in np.argsort(-seconds) if seconds[place] <= limit][:count]
    second = np.array(measured_again([found[place].architecture.to_json() for place in places], runtime))
    first = seconds[places][: len(second)]
    return {
        "limit_us": 1e6 * limit,
        "asked": len(places),
        "measured_again": len(second),
        "above_the_limit_again": int((second > limit).sum()),
        "above_by_more_than_tolerance": int((second > (1 + TOLERANCE) * limit).sum()),
        "furthest_above": float(max(0.0, (second / limit - 1).max(initial=0.0))),
        "median_difference": float(np.median(np.abs(second / first - 1))),
        "largest_difference": float(np.abs(second / first - 1).max()),
    }


def measured_again(architectures: Sequence[Mapping[str, Any]], runtime: str) -> list[float]:
    """Seconds of networks by another process."""
    job = {"architectures": list(architectures), "runtime": runtime, "resolution": PIXELS}
    end = subprocess.run([sys.executable, "-c", _AGAIN], input=json.dumps(job), capture_output=True, text=True)
    if end.returncode:
        print(f"the second process ended early: {end.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    return [float(line) for line in end.stdout.split()]


def screening(count: int) -> dict[str, Any]:
    """Seconds of drawing candidates inside the window of flops, and of telling what each is expected to take."""
    found = space().sample(60, seed=1)
    rows = [features_of(one.architecture, PIXELS) for one in found]
    screen = Screen(
        "latency", Bounds(high=1e-4), PIXELS, fit(rows, [1e-9 * row["all.flops"] for row in rows]), above=1.1
    )
    start, wall = time.process_time(), time.perf_counter()
    drawn = space().sample(count, seed=2)
    sampled = time.process_time()
    for one in drawn:
        screen.refuses(one.architecture)
    return {
        "candidates": count,
        "processor_seconds": time.process_time() - start,
        "of_these_drawing": sampled - start,
        "wall_seconds": time.perf_counter() - wall,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--networks", type=int, default=100, help="of the correlations")
    parser.add_argument("--candidates", type=int, default=50, help="inside a limit, measured again")
    parser.add_argument("--runtime", default="onnxruntime", help="spec, such as onnxruntime or torch")
    parser.add_argument("--out", type=Path, help="where readings are kept, to go on from")
    parser.add_argument("--quick", action="store_true", help="few networks; writes nothing")
    options = parser.parse_args()
    networks, candidates = (35, 5) if options.quick else (options.networks, options.candidates)
    with tempfile.TemporaryDirectory() as folder:
        meter = make_meter({"runtime": options.runtime}, options.out or Path(folder))
        meter.heard_by(lambda text: print(text, file=sys.stderr))
        result: dict[str, Any] = {"machine": machine.describe(), "measured_by": dict(meter.told("cpu"))}
        found: list[Any] = space().sample(networks, seed=5)

        def seconds() -> Floats:
            return np.array([meter.measure(one.architecture, space().images, "cpu") for one in found])

        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "screening": lambda: screening(1_000 if options.quick else 10_000),
            "correlations": lambda: correlations(found, seconds()),
            "screens": lambda: screens(found, seconds()),
            "again": lambda: again(found, seconds(), float(np.median(seconds())), candidates, options.runtime),
        }
        for name, part in parts.items():
            load = machine.load()
            try:
                result[name] = {"load": load, **part()}
            except HostError as error:
                sys.exit(f"{name}: {error}")
            print(name, json.dumps({key: value for key, value in result[name].items() if key != "seconds"}), flush=True)
    if not options.quick:
        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps({**known, options.runtime: result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
