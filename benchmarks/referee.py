"""Optimisers of other packages, each with its own defaults, against random search under equal conditions.

    python -m benchmarks.referee [--seeds 30 10] [--slow 5] [--only SPACE] [--without NAME] [--envs envs] [--out FOLDER]

makes an environment with the pin of each adapter (``envs/skopt`` and so on; those that are there are left alone), runs
NAS-Bench-201 and a recorded population of RegNetX inside 1M:2M flops, 100 evaluations each, goes on where it was
stopped, writes benchmarks/results/referee.json and puts the tables into docs/referee.md.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import regnas
from benchmarks import machine
from regnas.strategies.ext import adapters
from regnas.studies.bench.record import to_json
from regnas.system.files import write_json

DOCS = Path(__file__).resolve().parents[1] / "docs" / "referee.md"
RESULTS = Path(__file__).parent / "results" / "referee.json"
BEGIN, END = "<!-- python -m benchmarks.referee: begin -->", "<!-- python -m benchmarks.referee: end -->"
BUDGET = 100
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


def run(arena: str, seeds: int, names: Sequence[str], envs: Path, out: Path, *, slow: bool) -> dict[str, Any]:
    """The numbers of one space, as of bench.json, of the adapters that are slow there or of all others."""
    space, evaluator, window = ARENAS[arena]
    outside = [spec(one, envs) for one in names if (one in SLOW[arena]) == slow]
    named = outside if slow else [*OWN, *outside]
    name = f"referee-{arena}-slow" if slow else f"referee-{arena}"
    found = regnas.bench(space, evaluator, named, budget=BUDGET, repeats=seeds, name=name, out=out, jobs=1, **window)  # type: ignore[arg-type]
    return to_json(found)


def rows(found: dict[str, Any], *, slow: bool) -> list[dict[str, Any]]:
    """What is kept of each strategy; interpreters are left out of the names."""
    kept = []
    for one in found["spaces"][0]["strategies"]:
        if slow and not one["name"].startswith("ext:"):
            continue
        versions = found["settings"]["versions_elsewhere"].get(one["name"], {})
        kept.append(
            {
                "name": re.sub(r"python=[^],]*,?", "", one["name"]).replace("[]", ""),
                "versions": versions,
                "seeds": len(one["final"]),
                "final": one["final"],
                "values": {
                    n: {key: value[key] for key in ("mean", "low", "high")} for n, value in one["values"].items()
                },
                "gain": one["against_random"].get(str(BUDGET), one["against_random"].get(BUDGET, {})).get("gain"),
                **{key: one[key] for key in ("proposal_ms", "proposals_refused")},
                "origins": one.get("origins", {}),  # of programs alone
                "unanswered": one.get("unanswered", 0.0),
            }
        )
    return kept


def table(kept: Sequence[dict[str, Any]]) -> str:
    """Rows of Markdown, the best mean error first."""
    lines = [
        "| optimiser | seeds | error at 25 | 50 | 100 | gain over random at 100 with 95 % interval | ms a proposal | "
        "own / nearest / repeat / random of 100 | refused |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in sorted(kept, key=lambda one: float(one["values"][str(BUDGET)]["mean"])):
        errors = " | ".join(f"{100 * one['values'][n]['mean']:.2f}" for n in ("25", "50", "100"))
        gain = one["gain"]
        said = f"{100 * gain['estimate']:+.2f}" if gain else ""
        if gain and gain["low"] is not None:  # one run has no interval
            said += f" [{100 * gain['low']:+.2f}, {100 * gain['high']:+.2f}]"
        versions = " ".join(one["versions"].values())
        origins = " / ".join(f"{one['origins'].get(key, 0):.0f}" for key in ("own", "nearest", "repeat", "stream"))
        lines.append(
            f"| `{one['name']}` {versions} | {one['seeds']} | {errors} | {said} | {_short(one['proposal_ms'])} | "
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
    parser.add_argument("--out", type=Path, default=Path("regnas-runs"), help="folder of the benchmarks")
    parser.add_argument("--only", choices=list(ARENAS), help="one space; what is known of the other stays")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", help="adapters that are not run")
    options = parser.parse_args()
    names = judged(options.without)
    prepare(names, options.envs)
    arenas: dict[str, Any] = json.loads(RESULTS.read_text())["arenas"] if RESULTS.exists() else {}
    for arena, seeds in zip(ARENAS, options.seeds * len(ARENAS), strict=False):
        if options.only not in (None, arena):
            continue
        found = run(arena, seeds, names, options.envs, options.out, slow=False)
        late = run(arena, options.slow, names, options.envs, options.out, slow=True)
        arenas[arena] = [*rows(found, slow=False), *rows(late, slow=True)]
    results = json.loads(json.dumps({"schema": 1, "machine": machine.describe(), "budget": BUDGET, "arenas": arenas}))
    write_json(RESULTS, results)
    write(results)


if __name__ == "__main__":
    main()
