"""Searches with an evaluator that needs no data set: recorded trainings, looked up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnas.design_space import Images
from regnas.errors import UsageError
from regnas.studies.populations.files import write_population
from regnas.studies.populations.sources import of_folder
from regnas.studies.search import regime
from regnas.studies.search.search import SearchResult, plan

Search = Callable[..., SearchResult]
Run = Callable[..., tuple[int, str, str]]
Recorded = tuple[str, SearchResult]
NB201 = "table:nasbench201/cifar10"


@pytest.fixture
def recorded(fast_search: Search, tmp_path: Path) -> tuple[str, SearchResult]:
    """A table of 30 networks with errors of 9 epochs, a sample of its space, and the search it was recorded in."""
    result = fast_search(30, evaluator="curve", out="recorded")
    write_population(tmp_path / "sample.csv", of_folder(result.folder))
    return f"table:{tmp_path / 'sample.csv'}", result


def test_a_table_is_searched_from_the_command_line_without_any_data_set(
    regnas_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise AssertionError("a data set was loaded")

    monkeypatch.setattr(regime, "make_dataset", none)
    words = ("search", "--space", "nasbench201", "--evaluator", NB201, "--strategy", "evolution", "--budget", 12)
    code, printed, error = regnas_command(*words, "--workers", 0, "--storage", "j.journal")
    assert (code, error) == (0, "")
    assert f"nasbench201, strategy evolution, seed 0\n{NB201}: 32 px, 10 classes" in printed
    folder = tmp_path / "regnas-runs" / "nasbench201-evolution-0"
    settings = json.loads((folder / "study.json").read_text())["settings"]
    assert settings["data"] == settings["evaluator"] == NB201
    assert "there are no test images or no kept weights to score" in printed
    assert "cannot be told apart" not in printed  # nothing is known of the noise


def test_a_table_that_is_a_sample_is_searched_as_a_pool(fast_search: Search, recorded: Recorded) -> None:
    table, source = recorded
    known = {json.dumps(row["architecture"]) for row in source.rows}
    for strategy in ("random", "evolution[population=4]", "tpe[startup=4]"):
        result = fast_search(12, evaluator=table, strategy=strategy, study=strategy, flops=None)
        found = [json.dumps(row["architecture"]) for row in result.rows]
        assert len(set(found)) == 12 and set(found) <= known


def test_the_window_asked_for_holds_in_a_pool(fast_search: Search, recorded: Recorded) -> None:
    table, source = recorded
    costs = sorted(row["flops"] for row in source.rows)
    result = fast_search(5, evaluator=table, flops=f":{costs[14]}")
    assert all(row["flops"] <= costs[14] for row in result.rows)
    assert plan("regnetx", evaluator=table).space.window.open  # no data set's regime


def test_a_pruner_works_on_recorded_curves(fast_search: Search, recorded: Recorded) -> None:
    result = fast_search(18, evaluator=recorded[0], pruner="asha")
    assert {row["epochs"] for row in result.rows} == {1, 3, 9}
    assert {row["state"] for row in result.rows} == {"COMPLETE", "PRUNED"}


def test_another_resolution_than_that_of_the_table_is_refused(recorded: Recorded) -> None:
    table, _ = recorded
    with pytest.raises(UsageError, match="the evaluator's images have 16 pixels, got --resolution 32; leave it out"):
        plan("regnetx", evaluator=table, resolution=32)
    assert plan("regnetx", evaluator=table, resolution=16).space.resolution == 16


def test_an_attribute_called_images_that_is_something_else_is_no_claim() -> None:
    """A plug-in may have any attributes; only images in the sense of a space replace a data set."""

    class Other:
        images = 1000

    class Own:
        images = Images(resolution=8)

    own: Any = regime._own
    assert own(Other()) is None and own(Own()) == Images(resolution=8)
