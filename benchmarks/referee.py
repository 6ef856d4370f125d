"""Optimisers of other packages, each with its own defaults, against random search under equal conditions.

    python -m benchmarks.referee [--seeds 30 10] [--slow 5] [--only SPACE] [--without NAME] [--envs envs] [--minutes 60]

makes an environment with the pin of each adapter (``envs/skopt`` and so on; those that are there are left alone), runs
NAS-Bench-201 and a recorded population of RegNetX inside 1M:2M flops, 100 evaluations each, one process, seed by seed.
Every run that ends is put into benchmarks/results/referee.json, and what is there is not run again: the same command
goes on where it was stopped, and one with more seeds adds to what is known. At the end, and when it is interrupted,
the tables are put into docs/referee.md. ``--pairs`` prints the differences of every two under the same seeds.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from regnas.sampling import keyed
from regnas.statistics.anytime import incumbents
from regnas.statistics.paired import paired_mean
from regnas.strategies.ext import adapters
from regnas.strategies.external.sampler import Command
from regnas.studies.bench.plan import BenchPlan, plan_bench
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.runs import Run
from regnas.studies.bench.running.simulate import Simulation
from regnas.system.files import write_json
from regnas.window import Window

DOCS = Path(__file__).resolve().parents[1] / "docs" / "referee.md"
RESULTS = Path(__file__).parent / "results" / "referee.json"
BEGIN, END = "<!-- python -m benchmarks.referee: begin -->", "<!-- python -m benchmarks.referee: end -->"
BUDGET = 100
EARLY = (25, 50)  # evaluations before the last at which errors are kept, too
OWN = ("random", "evolution", "tpe", "optuna:CmaEsSampler")
SLOW: dict[str, tuple[str, ...]] = {  # 0.1 s a proposal and more; of RegNetX up to four are asked for each evaluation
    "nasbench201": ("neps", "skopt", "smac", "syne-tune"),
    "regnetx": ("hyperopt", "neps", "skopt", "smac", "syne-tune"),
}
LEFT_OUT = ("bayesopt",)  # seconds a proposal
BESIDE = ("syne-tune[scheduler=TPE]",)  # beside what is run with its defaults
ARENAS: dict[str, tuple[str, str, dict[str, str]]] = {
    "nasbench201": ("nasbench201", "table:nasbench201/cifar10", {}),
    "regnetx": ("regnetx", "table:recorded:fashion-mnist-scaled/regnetx[surrogate=true]", {"flops": "1M:2M"}),
}
Plans = Mapping[str, tuple[BenchPlan, str]]  # by the name in the tables: how it is run
_PIN = re.compile(r'^PIN = "([^"]+)"', re.MULTILINE)


def judged(without: Sequence[str]) -> list[str]:
    """What is run: every adapter, and some with options of theirs."""
    return [one for one in (*adapters(), *BESIDE) if one not in (*LEFT_OUT, *without)]


def prepare(names: Sequence[str], envs: Path) -> None:
    """An environment for each adapter that has none."""
    for name in dict.fromkeys(one.partition("[")[0] for one in names):
        if not (envs / name / "bin" / "python").exists():
            print(f"making {envs / name}", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(envs / name)], check=True)
            pip = [str(envs / name / "bin" / "python"), "-m", "pip", "install", "-q"]
            subprocess.run([*pip, _PIN.findall(adapters()[name].read_text())[0]], check=True)


def spec(one: str, envs: Path) -> str:
    """The strategy of an adapter, with the interpreter of its environment."""
    name, _, options = one.removesuffix("]").partition("[")
    python = envs / name / "bin" / "python"
    return f"ext:{name}[python={python},{options}]" if options else f"ext:{name}[python={python}]"


def planned(arena: str, names: Sequence[str], envs: Path) -> Plans:
    """By the name in the tables, what is run of a space, checked before the first run: its plan, and its spec there."""
    space, evaluator, said = ARENAS[arena]
    specs = {name: name for name in OWN} | {f"ext:{one}": spec(one, envs) for one in names}
    window = Window.parse(flops=said.get("flops"))
    rules = BenchRules(budget=BUDGET, repeats=1)
    plan = plan_bench([space], [evaluator], list(specs.values()), rules, jobs=1, window=window)
    return {name: (plan, found) for name, found in specs.items()}


def simulated(plan: BenchPlan, strategy: str, seed: int) -> Run:
    """One run; its program has ended with it."""
    arena = plan.arenas[0]
    sampler = arena.sampler(strategy, seed, plan.rules)
    try:
        return Simulation(arena.space, sampler, arena.oracle, budget=BUDGET, seed=seed).run(strategy)
    finally:
        if isinstance(sampler.inner, Command):
            sampler.inner.close()


def with_run(row: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What is known of an optimiser and one run more: errors at the end by seed, of all else the mean over the runs."""
    path = incumbents(run.choosable, run.score)
    known = len(row.get("final", {}))
    new = {
        "proposal_ms": 1000 * (run.proposal_seconds or 0.0) / len(run),
        "proposals_refused": float(run.refused),
        "unanswered": float(run.unanswered),
    }
    early = {str(n): float(path[min(n, len(path)) - 1]) for n in EARLY}

    def mean(before: Mapping[str, float], one: Mapping[str, float]) -> dict[str, float]:
        names = dict.fromkeys([*before, *one])
        return {name: (known * before.get(name, 0.0) + one.get(name, 0.0)) / (known + 1) for name in names}

    return {
        **row,
        "final": {**row.get("final", {}), str(run.seed): float(path[-1])},
        "early": mean(row.get("early", {}), early),
        **mean({name: row[name] for name in new if name in row}, new),
        "origins": mean(row.get("origins", {}), run.origins) if run.origins or row.get("origins") else {},
    }


def missing(rows: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Names and seeds of the runs that are not there, the seeds in turn: what is there early is comparable."""
    for seed in range(max(wanted.values(), default=0)):
        for name, seeds in wanted.items():
            if seed < seeds and str(seed) not in rows.get(name, {}).get("final", {}):
                yield name, seed


def gain(row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """By how much the error at the end is below that of another optimiser under the same seeds, with its interval."""
    seeds = [seed for seed in row["final"] if seed in other["final"]]
    if row["name"] == other["name"] or not seeds:
        return None
    base, mine = (np.array([one["final"][seed] for seed in seeds]) for one in (other, row))
    found = paired_mean(base, mine, rng=keyed.generator("referee gain", 0, row["name"]))
    return found.estimate, found.low, found.high


def pairs(kept: Iterable[Mapping[str, Any]], least: int = 3) -> Iterator[str]:
    """By how much each optimiser is ahead of each other under the same seeds, of those with so many runs."""
    known = [one for one in kept if len(one["final"]) >= least]
    for one in known:
        for other in known:
            found = gain(one, other)
            if found is not None and found[0] > 0:
                yield "{} ahead of {}: {:.2f} [{:.2f}, {:.2f}]".format(
                    one["name"], other["name"], *(100 * number for number in found)
                )


def table(kept: Sequence[dict[str, Any]]) -> str:
    """Rows of Markdown, the largest gain first."""
    lines = [
        "| optimiser | seeds | error at 25 | 50 | 100 | gain over random at 100 with 95 % interval | ms a proposal | "
        "own / nearest / repeat / random of 100 | refused |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    random = next((one for one in kept if one["name"] == OWN[0]), {"name": OWN[0], "final": {}})
    gains = {one["name"]: gain(one, random) for one in kept}
    for one in sorted(kept, key=lambda one: -(gains[one["name"]] or (0.0,))[0]):
        final = list(one["final"].values())
        errors = " | ".join(f"{100 * error:.2f}" for error in (*one["early"].values(), sum(final) / len(final)))
        said = ""
        if found := gains[one["name"]]:
            said = f"{100 * found[0]:+.2f}"
            if len(final) > 1:  # one run has no interval
                said += f" [{100 * found[1]:+.2f}, {100 * found[2]:+.2f}]"
        versions = " ".join(one["versions"].values())
        origins = " / ".join(f"{one['origins'].get(key, 0):.0f}" for key in ("own", "nearest", "repeat", "stream"))
        lines.append(
            f"| `{one['name']}` {versions} | {len(final)} | {errors} | {said} | {_short(one['proposal_ms'])} | "
            f"{origins if one['origins'] else ''} | {one['proposals_refused']:.0f} |"
        )
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def write(results: dict[str, Any], page: Path = DOCS) -> None:
    """The tables into the page, between its marks."""
    parts = [results["machine"]]
    for arena, kept in results["arenas"].items():
        space, evaluator, window = ARENAS[arena]
        inside = "".join(f" inside {low} {high}" for low, high in window.items())
        parts += [f"**`{space}` on `{evaluator}`{inside}**, errors in %", table(kept)]
    head, _, rest = page.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{tail}")


def main() -> None:
    """Prepare, run what is missing, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.referee", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[30], help=f"runs of each, or for {', '.join(ARENAS)}")
    parser.add_argument("--slow", type=int, default=5, help=f"runs of what is slow: {', '.join(SLOW['regnetx'])}")
    parser.add_argument("--envs", type=Path, default=Path("envs"), help="folder of environments")
    parser.add_argument("--only", choices=list(ARENAS), help="one space; what is known of the other stays")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", help="adapters that are not run")
    parser.add_argument("--pairs", action="store_true", help="print what is known of every two, and run nothing")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after so many no run is begun")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"arenas": {}}
    if options.pairs:
        for arena, kept in results["arenas"].items():
            print(arena, *pairs(kept), sep="\n  ")
        return
    end = time.monotonic() + 60 * options.minutes
    names = judged(options.without)
    prepare(names, options.envs)
    results |= {"schema": 2, "machine": machine.describe(), "budget": BUDGET}
    try:
        for arena, seeds in zip(ARENAS, options.seeds * len(ARENAS), strict=False):
            if options.only in (None, arena):
                wanted = {name: seeds for name in OWN}
                wanted |= {f"ext:{one}": options.slow if one in SLOW[arena] else seeds for one in names}
                fill(results, arena, wanted, planned(arena, names, options.envs), end)
    finally:
        write(results)


def fill(
    results: dict[str, Any],
    arena: str,
    wanted: Mapping[str, int],
    plans: Mapping[str, tuple[BenchPlan, str]],
    end: float,
) -> None:
    """Run what is missing of a space until the time is over; each run is in the record as soon as it has ended."""
    rows = {one["name"]: one for one in results["arenas"].get(arena, ())}
    for name, (plan, strategy) in plans.items():
        versions = dict(plan.elsewhere.get(strategy, {}))
        if rows.get(name, {}).get("versions", versions) != versions:
            del rows[name]  # runs of another version are other runs
        rows.setdefault(name, {"name": name, "versions": versions})
    for name, seed in missing(rows, wanted):
        if time.monotonic() > end:
            break
        plan, strategy = plans[name]
        run = simulated(plan, strategy, seed)
        rows[name] = with_run(rows[name], run)
        results["arenas"][arena] = [one for one in rows.values() if "final" in one]
        write_json(RESULTS, results)
        print(f"{arena}, {name}, seed {seed}: {rows[name]['final'][str(seed)]:.2%}", flush=True)


if __name__ == "__main__":
    main()
