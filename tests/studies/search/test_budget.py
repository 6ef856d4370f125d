"""The budget counts completed evaluations exactly, and the number of workers changes no result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

import regnas
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]


def outcomes(result: SearchResult) -> dict[int, tuple[Any, float]]:
    """Architecture and error of every candidate."""
    return {row["index"]: (row["architecture"], row["error"]) for row in result.rows}


def test_every_number_of_workers_spends_the_exact_budget_and_finds_the_same(fast_search: Search, fast: Any) -> None:
    found = {}
    for workers in (0, 1, 2, 4):
        before = len(fast.lines())
        result = fast_search(9, workers=workers, out=f"runs-{workers}")
        assert [trial.state for trial in result.study.get_trials()] == [TrialState.COMPLETE] * 9
        assert sorted(fast.evaluated()[before:]) == list(range(9))
        assert len({line[-1] for line in fast.lines()[before:]}) <= max(1, workers)
        found[workers] = outcomes(result)
    assert found[0] == found[1] == found[2] == found[4]
    assert len({error for _, error in found[0].values()}) == 9


@pytest.mark.slow
@pytest.mark.parametrize("several", [4, 2])
def test_real_trainings_give_the_same_errors_with_one_worker_and_with_several(tmp_path: Path, several: int) -> None:
    budget = 4
    found = []
    for workers in (1, several):
        result = regnas.search(
            data="fake:64",
            epochs=1,
            flops=":1M",
            budget=budget,
            quiet=True,
            workers=workers,
            out=tmp_path / str(workers),
            storage=str(tmp_path / f"{workers}.journal"),
        )
        found.append(outcomes(result))
    assert sorted(found[0]) == list(range(budget))
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", "tpe[startup=4]", "evolution[population=4]"])
def test_real_trainings_with_two_workers_spend_the_exact_budget(tmp_path: Path, strategy: str) -> None:
    result = regnas.search(strategy=strategy, data="fake", budget=12, workers=2, out=tmp_path, quiet=True)
    assert sorted(outcomes(result)) == list(range(12))
    assert [trial.state for trial in result.study.get_trials()] == [TrialState.COMPLETE] * 12


def test_a_smaller_budget_than_the_one_that_was_interrupted_is_kept_too(fast_search: Search, fast: Any) -> None:
    """Two candidates were in flight, and only one more evaluation is asked for."""
    slow = "fast[sleep=200]"  # so that two workers are both at work before one of them is done
    study = fast_search(3, evaluator=slow).study
    for index in (3, 4):
        study.ask(study.get_trials()[0].distributions).set_user_attr("index", index)
    again = fast_search(4, workers=2, evaluator=slow)
    assert [row["state"] for row in again.rows] == ["COMPLETE"] * 4 + ["RUNNING"]
    assert sorted(fast.evaluated()) == [0, 1, 2, 3]
    assert [row["state"] for row in fast_search(6, evaluator=slow).rows] == ["COMPLETE"] * 6
