"""`regnas.search` and `regnas.space`: the command line's search from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas
import pytest

import regnas
from regnas.dataset import make_dataset
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.studies.search.search import SearchResult

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]


def test_search_returns_the_best_the_trials_and_the_study(fast_search: Search) -> None:
    result = fast_search(5)
    assert isinstance(result.trials, pandas.DataFrame) and isinstance(result.study, optuna.Study)
    assert list(result.trials["index"]) == [0, 1, 2, 3, 4]
    assert result.best.error == result.trials["error"].min() == result.study.best_value
    assert result.best.architecture.to_json() == result.rows[result.best.index]["architecture"]


def test_search_does_what_the_command_does(fast_search: Search, regnas_command: Run, tmp_path: Path) -> None:
    words = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", "there/j.journal")
    assert regnas_command(*words, "--budget", 4, "--out", "there", "--flops", ":1M", "--seed", 5)[0] == 0
    here = fast_search(4, flops=":1M", seed=5)
    there = json.loads((tmp_path / "there" / "regnetx-random-5" / "best.json").read_text())
    again = json.loads((here.folder / "best.json").read_text())
    for one in (there, again):
        del one["seconds"]
    assert there == again


def test_search_prints_unless_it_is_quiet(fast_search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    fast_search(1, quiet=True)
    assert capsys.readouterr() == ("", "")
    fast_search(2, quiet=False)
    assert "   2/2  candidate 1 " in capsys.readouterr().out


def test_search_takes_a_space_with_a_window_of_its_own(fast_search: Search) -> None:
    space = regnas.space("regnetx", flops="1M:1.2M").fix(wm=2).narrow(depth=(6, 12))
    result = fast_search(4, space=space)
    assert all(1_000_000 <= row["flops"] <= 1_200_000 for row in result.rows)
    assert all(row["params_by_name"]["wm"] == 2 and 6 <= row["params_by_name"]["depth"] <= 12 for row in result.rows)
    assert result.settings["window"] == "flops 1M:1.2M" and result.settings["space"] == "regnetx[depth=6:12,wm=2]"


def test_a_window_given_to_search_replaces_the_one_of_the_space(fast_search: Search) -> None:
    result = fast_search(2, space=regnas.space("regnetx", flops="1M:1.2M"), flops="0:1M")
    assert result.settings["window"] == "flops 0:1M"


@pytest.mark.parametrize("sampler", [optuna.samplers.TPESampler(seed=1, n_startup_trials=3), None])
def test_search_takes_an_optuna_sampler_and_keeps_it_in_the_window(fast_search: Search, sampler: Any) -> None:
    result = fast_search(8, strategy=sampler or optuna.samplers.RandomSampler(seed=1), flops="1M:1.2M")
    assert all(1_000_000 <= row["flops"] <= 1_200_000 for row in result.rows)
    assert len({str(row["architecture"]) for row in result.rows}) == 8
    assert result.study.study_name == f"regnetx/{'TPESampler' if sampler else 'RandomSampler'}/0"


def test_search_knows_no_other_options(fast_search: Search) -> None:
    with pytest.raises(UsageError, match="search has no option 'pytorch'"):
        fast_search(1, pytorch=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "--budget is the number of evaluations, at least 1; got 0"),
        ({"workers": -1}, "--workers is at least 0"),
        ({"epochs": 0}, "--epochs is at least 1, got 0"),
        ({"duplicates": "keep"}, "--duplicates is one of reject, reuse, allow, got 'keep'"),
        ({"retrain": 0}, "--retrain is the number of epochs, at least 1; got 0"),
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_said_before_anything_starts(
    fast: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        regnas.search(**{"data": "fake", "evaluator": "fast", "out": tmp_path / "runs", "quiet": True, **options})
    assert not (tmp_path / "runs").exists()


def test_the_winner_is_retrained_at_the_end_where_the_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set of the retraining is the one of the search, its root included."""
    roots = []
    from regnas.studies.training import plan

    make = make_dataset

    def noted(text: str, **options: Any) -> Any:
        roots.append((text, options["root"]))
        return make(text, **options)

    monkeypatch.setattr(plan, "make_dataset", noted)
    result = regnas.search(
        data="fake:32",
        epochs=1,
        flops=":500k",
        budget=1,
        workers=0,
        quiet=True,
        out=tmp_path / "runs",
        storage=str(tmp_path / "j.journal"),
        data_root=tmp_path / "data",
        retrain=2,
    )
    assert roots == [("fake:32", str(tmp_path / "data"))]
    final = json.loads((result.folder / "final-2" / "result.json").read_text())
    assert final["epochs"] == 2 and final["identity"]["architecture"] == result.best.architecture.to_json()
    assert not regnas.load(result.folder / "final-2").training


def test_a_space_is_made_from_its_spec_and_window() -> None:
    space = regnas.space("regnetx[wm=2]", flops="360M:400M", params=":10M", resolution=192, classes=10)
    assert isinstance(space, Space) and (space.resolution, space.classes) == (192, 10)
    assert str(space.window) == "flops 360M:400M, params :10M"
    (one, other) = space.sample(2, seed=3)
    assert 360e6 <= one.complexity.flops <= 400e6 and one.architecture != other.architecture
    assert one.architecture.to_json()["classes"] == 10
    assert set(space.distributions) == {"depth", "w0", "wa", "bottleneck_ratio", "group_width"}
    assert regnas.space(space).window == space.window


def test_a_space_suggests_inside_an_objective() -> None:
    space = regnas.space("regnetx", flops="200M:400M")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: space.suggest(trial).complexity(224).flops / 1e9, n_trials=100)
    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert all(0.2 <= (trial.value or 0) <= 0.4 for trial in complete)
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
