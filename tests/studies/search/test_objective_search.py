"""Searches for an objective: strategies see one number, files and tables keep error and cost apart."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnas.architecture import key_of, key_of_text
from regnas.errors import StudyError, UsageError
from regnas.objective import Objective, objective_of
from regnas.studies.dashboard.evaluations import best, complete
from regnas.studies.dashboard.note import note
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
SPEC = "mnasnet[measure=flops,target=20M,weight=-3]"
WANTED = Objective(measure="flops", target=20e6, weight=-3)


def test_a_strategy_sees_the_objective_and_the_study_keeps_the_error(fast_search: Search) -> None:
    result = fast_search(10, space="anynetx-e", flops="1M:200M", objective=SPEC, strategy="evolution", seed=2)
    assert result.study.study_name == f"anynetx-e/evolution/2/{SPEC}"
    for row, trial in zip(result.rows, result.study.trials, strict=True):
        assert trial.value == row["objective"] == WANTED.value(row["error"], row)
        assert trial.user_attrs["error"] == row["error"] == row["errors"][-1]
    values = [row["objective"] for row in result.rows]
    errors = [row["error"] for row in result.rows]
    assert values.index(min(values)) != errors.index(min(errors)), "the two orders are to differ here"
    assert result.best.index == values.index(min(values)) and result.best.error == errors[result.best.index]
    stored = json.loads((result.folder / "best.json").read_text())
    assert stored["objective"] == min(values) and stored["validation_error"] == result.best.error
    assert stored["settings"]["objective"] == SPEC
    with (result.folder / "trials.csv").open(newline="") as file:
        assert [float(row["objective"]) for row in csv.DictReader(file)] == values


def test_a_search_that_goes_on_is_the_search_without_a_stop(fast_search: Search) -> None:
    options = {"space": "nasbench201", "objective": SPEC, "strategy": "evolution[population=4]"}
    whole = fast_search(12, out="whole", **options)
    fast_search(5, out="parts", **options)
    parts = fast_search(12, out="parts", **options)
    told = [[(row["params_by_name"], row["error"], row["objective"]) for row in one.rows] for one in (whole, parts)]
    assert told[0] == told[1] and whole.best.index == parts.best.index


def test_the_objective_is_part_of_what_a_study_is(fast_search: Search) -> None:
    fast_search(1, study="one", objective=SPEC)
    with pytest.raises(StudyError, match="objective: stored mnasnet.*, asked error"):
        fast_search(2, study="one")
    fast_search(1, study="two")
    with pytest.raises(StudyError, match="objective: stored error, asked mnasnet"):
        fast_search(2, study="two", objective=SPEC)


def test_a_warm_start_is_told_in_the_terms_of_the_study_that_learns(fast_search: Search) -> None:
    first = fast_search(6, study="first")
    second = fast_search(1, study="second", strategy="evolution", warm_start="first", objective=SPEC)
    by_key = {key_of(row["architecture"]): row for row in first.rows}
    told = [trial for trial in second.study.trials if "index" not in trial.user_attrs]
    assert len(told) == 6
    for trial in told:
        row = by_key[key_of_text(trial.user_attrs["architecture"])]
        assert trial.value == WANTED.value(row["error"], row) and trial.user_attrs["error"] == row["error"]
    third = fast_search(1, study="third", strategy="evolution", warm_start="second")
    errors = {trial.value for trial in third.study.trials if "index" not in trial.user_attrs}
    assert errors == {row["error"] for row in [*first.rows, *second.rows]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"evaluator": "curve", "pruner": "asha"}, "--pruner asha compares trainings by their errors"),
        ({"evaluator": "curve", "budget_epochs": 9}, "--budget-epochs 9 compares trainings by their errors"),
        ({"evaluator": "zero-cost[score=l2]"}, "weighs errors against costs, and l2 orders networks without"),
        ({"time": "1m", "retrain": "auto"}, "--retrain auto compares trainings by their errors.*--retrain N"),
    ],
)
def test_what_compares_errors_alone_is_refused_beside_it(
    fast_search: Search, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fast_search(1, objective=SPEC, **options)


def test_a_space_that_lacks_the_measure_says_what_it_knows(fast_search: Search, tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("param.x,error,flops\n1,0.5,10\n2,0.4,20\n3,0.3,30\n")
    table = f"table:{tmp_path / 'bare.csv'}"
    options = {"space": table, "evaluator": table}
    with pytest.raises(UsageError, match="does not know the params of its networks.*; it knows flops: take one"):
        fast_search(1, **options, objective="mnasnet[measure=params,target=15]")
    with pytest.raises(UsageError, match="know the latency of its networks.*rows that cannot be built and measured"):
        fast_search(1, **options, objective="mnasnet[target=75ms]")
    found = fast_search(3, **options, objective="mnasnet[target=10,hard=true]")
    assert (found.best.error, found.rows[found.best.index]["flops"]) == (0.5, 10)


def test_the_table_the_note_and_the_command_show_error_and_objective(
    regnas_command: Any, fast: Any, tmp_path: Path
) -> None:
    words = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--no-baselines", "--study", "shown")
    code, printed, failed = regnas_command(*words, "--budget", 4, "--objective", "mnasnet[target=1M]")
    assert code == 0, failed
    assert "objective mnasnet[measure=flops,target=1M,weight=-0.07]" in printed
    assert ["candidate", "error", "objective"] in [line.split()[:3] for line in printed.splitlines()]
    from regnas.studies.search.stored_settings import settings_of
    from regnas.studies.storage.open import find_study

    storage = f"sqlite:///{tmp_path}/regnas-runs/regnas.db"
    study = find_study(storage, "shown")
    assert study is not None
    evaluations, settings = complete(study), settings_of(study)
    assert settings is not None
    sought = objective_of("mnasnet[target=1M]")
    assert sought is not None
    for one in evaluations:
        assert one.objective == sought.value(one.error, one.costs)
    (winner,) = best(evaluations, 1)
    assert winner.objective == min(one.value for one in evaluations)
    text = note(study, evaluations, settings, out=tmp_path / "regnas-runs", storage=storage)
    assert f"objective {winner.objective:.2%}, candidate {winner.index}" in text
    assert "--objective 'mnasnet[measure=flops,target=1M,weight=-0.07]'" in text
