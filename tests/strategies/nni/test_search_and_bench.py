"""NNI's algorithms in `regnas search` and `regnas bench`: the same storage, exact budgets, beside the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from optuna.trial import TrialState

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

Run = Callable[..., tuple[int, str, str]]
STRATEGIES = ("nni-random", "nni-evolution[population=5]", "nni-tpe[startup=5]", "nni-grid")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_runs_to_its_budget_and_goes_on_as_any_other(strategy: str, fast_search: Any) -> None:
    whole = fast_search(12, strategy=strategy, out="whole")
    assert [trial.state for trial in whole.study.trials] == [TrialState.COMPLETE] * 12
    assert whole.study.study_name == f"regnetx/{strategy}/0"
    fast_search(7, strategy=strategy)
    extended = fast_search(12, strategy=strategy)
    for name in ("index", "error", "architecture", "seed"):
        assert [row[name] for row in extended.rows] == [row[name] for row in whole.rows]


def test_a_search_prints_nothing_of_nni(regnas_command: Run, fast: Any) -> None:
    words = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", "regnas-runs/j.journal")
    code, output, error = regnas_command(*words, "--strategy", "nni-evolution[population=4]", "--budget", 8)
    assert (code, error) == (0, "")
    assert "INFO" not in output and "nni." not in output and "The 5 best of 8" in output


def test_a_bench_puts_three_makers_algorithms_side_by_side(bench: Run, recorded: Callable[[], Any]) -> None:
    chosen = ("tpe", "nni-tpe[startup=10]", "optuna:TPESampler", "evolution", "nni-evolution[population=10]")
    words = [word for strategy in chosen for word in ("--strategy", strategy)]
    code, output, error = bench("--budget", 25, "--repeats", 3, *words)
    assert code == 0, error
    (space,) = recorded()["spaces"]
    assert [one["name"] for one in space["strategies"]] == ["random", *chosen]
    # The table's errors lie between 0.2 and 0.4 (tests/conftest.py).
    assert all(0.19 < one["values"]["25"]["mean"] < 0.3 for one in space["strategies"])
    assert all(name in output for name in chosen)
