"""How long does it take to judge populations, and to report on them?

One population of 50,000 models: its distribution with both bands, a Kolmogorov-Smirnov test and the efficiency curve,
against the same by plain resampling with NumPy (1,000 resamples of all models; each m simulated as the paper's
notebooks do). Then the whole report of six populations of 500 networks.

    python -m benchmarks.comparing
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import regnas
from benchmarks.comparison import Arm, Comparison, compare
from regnas.statistics import best_of, edf, two_sample
from regnas.studies.compare.analysis import analyse
from regnas.studies.compare.report import output
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.populations.population import Population, from_rows

Floats = npt.NDArray[np.float64]
SPACES = ("anynetx-a", "anynetx-b", "anynetx-c", "anynetx-d", "anynetx-e", "regnetx")
RESAMPLES = 1000


def seconds(function: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def ours(a: Floats, b: Floats, *, band_of_curve: bool = True) -> None:
    """Distribution with both bands, test and curve, which the plain way draws no band around."""
    at = np.linspace(a.min(), a.max(), 400)
    edf.edf(a, at)
    edf.dkw_half_width(len(a))
    edf.bootstrap_band(a, at, repeats=RESAMPLES, rng=np.random.default_rng(0))
    two_sample.kolmogorov_smirnov(a, b)
    sizes = best_of.powers_of_two(len(a))
    if band_of_curve:
        best_of.best_curve(a, sizes, repeats=RESAMPLES, rng=np.random.default_rng(0))
    else:
        best_of.expected_best(a, sizes)


def plain(a: Floats, b: Floats) -> None:
    """The same by resampling every model, and simulating every m."""
    rng = np.random.default_rng(0)
    at = np.linspace(a.min(), a.max(), 400)
    bands = np.empty((RESAMPLES, len(at)))
    for row in range(RESAMPLES):
        bands[row] = np.searchsorted(np.sort(rng.choice(a, len(a))), at) / len(a)
    np.percentile(bands, [2.5, 97.5], axis=0)
    two_sample.kolmogorov_smirnov(a, b)
    for m in best_of.powers_of_two(len(a)):
        for _ in range(max(1, len(a) // m)):
            rng.choice(a, m).min()


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Judging a population of 500 to 50,000 models against plain resampling."""
    for count in (500,) if quick else (500, 5_000, 50_000):
        rng = np.random.default_rng(1)
        a, b = rng.beta(2, 5, count), rng.beta(2.02, 5, count)

        def mine(a: Floats = a, b: Floats = b) -> float:
            ours(a, b, band_of_curve=False)
            return 1

        def theirs(a: Floats = a, b: Floats = b) -> float:
            plain(a, b)
            return 1

        yield compare(
            f"judging {count:,} models",
            Arm("both bands, KS test, exact curve", mine),
            Arm("resampling with NumPy", theirs),
            unit="populations",
            rounds=3 if quick else 7,
        )


def made_up(space: str, count: int) -> Population:
    """Real networks of a space with made-up errors: what is timed is not how they were trained."""
    rng = np.random.default_rng(0)
    found = regnas.space(space, flops="1M:2M", resolution=28, classes=10).sample(count)
    rows = [
        {
            "index": one.index,
            "error": float(0.15 + 0.05 * rng.standard_exponential()) % 0.9,
            "architecture": one.architecture.to_json(),
            "flops": one.complexity.flops,
            "params": one.complexity.params,
            "activations": one.complexity.activations,
            "params_by_name": one.params,
        }
        for one in found
    ]
    return from_rows(space, rows)


def main() -> None:
    """Measure, print, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50_000)
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--output")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    a, b = rng.beta(2, 5, options.models), rng.beta(2.02, 5, options.models)
    found = {"models": options.models, "ours": seconds(lambda: ours(a, b)), "plain": seconds(lambda: plain(a, b))}
    populations = [made_up(space, options.networks) for space in SPACES]
    with tempfile.TemporaryDirectory() as folder:
        report = seconds(lambda: output.write(analyse("six", populations, ComparisonRules()), Path(folder)))
    found |= {"networks": options.networks, "report": report}
    print(f"{options.models:,} models: {found['ours']:.2f} s, by plain resampling {found['plain']:.1f} s")
    print(f"report of {len(SPACES)} populations of {options.networks}: {report:.1f} s, line fits included")
    if options.output:
        Path(options.output).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
