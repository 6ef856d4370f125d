"""Known networks first: read from a file, checked before anything starts, evaluated once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.dataset import make_dataset
from regnas.errors import UsageError
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]


@pytest.fixture
def points() -> list[dict[str, Any]]:
    """Networks of the data set's own window that are not among the first of seed 0."""
    regime = make_dataset("fake").regime
    space = regnas.space("regnetx", flops=regime.flops).on(regime.images)
    return [candidate.params for candidate in space.sample(3, seed=7)]


def written(folder: Path, value: Any, name: str = "known.json") -> Path:
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return folder / name


@pytest.mark.parametrize("strategy", ["random", "tpe[startup=2]", "evolution[population=3,tournament=2]"])
@pytest.mark.parametrize("workers", [0, 2])
def test_known_networks_are_evaluated_first_and_count(
    fast_search: Search, tmp_path: Path, points: list[dict[str, Any]], strategy: str, workers: int
) -> None:
    result = fast_search(6, strategy=strategy, workers=workers, enqueue=written(tmp_path, points))
    assert [row["params_by_name"] for row in result.rows[:3]] == points
    assert [row["index"] for row in result.rows] == list(range(6))
    assert len({str(row["architecture"]) for row in result.rows}) == 6


def test_they_are_evaluated_once_over_a_resume(
    fast_search: Search, fast: Any, tmp_path: Path, points: list[dict[str, Any]]
) -> None:
    file = written(tmp_path, points)
    for budget in (1, 2, 5, 6):
        result = fast_search(budget, enqueue=file)
    assert [row["params_by_name"] for row in result.rows[:3]] == points
    assert fast.evaluated() == list(range(6)) and len({str(row["architecture"]) for row in result.rows}) == 6
    assert len(result.study.get_trials()) == 6


def test_one_killed_before_its_index_was_stored_is_enqueued_again(
    fast_search: Search, tmp_path: Path, points: list[dict[str, Any]]
) -> None:
    file = written(tmp_path, points)
    study = fast_search(1, enqueue=file).study
    study.ask(study.get_trials()[0].distributions)  # takes the second one, and is killed
    result = fast_search(4, enqueue=file)
    assert sorted(map(str, points)) == sorted(str(row["params_by_name"]) for row in result.rows[:3])


def test_best_json_and_trials_csv_of_another_study_are_such_files(fast_search: Search, fast: Any) -> None:
    source = fast_search(4, seed=5)
    one = fast_search(1, study="one", enqueue=source.folder / "best.json")
    assert one.rows[0]["architecture"] == source.best.architecture.to_json()
    all_of_them = fast_search(4, study="all", enqueue=source.folder / "trials.csv")
    assert [row["params_by_name"] for row in all_of_them.rows] == [row["params_by_name"] for row in source.rows]


def test_a_network_that_is_there_twice_is_evaluated_once(
    fast_search: Search, tmp_path: Path, points: list[dict[str, Any]]
) -> None:
    result = fast_search(3, enqueue=written(tmp_path, [points[0], points[0], points[1]]))
    assert [row["params_by_name"] for row in result.rows[:2]] == points[:2]


def test_random_tries_no_known_network_again(fast_search: Search, tmp_path: Path) -> None:
    """The second and the fourth of its own stream are known: the others follow in order."""
    plain = [row["params_by_name"] for row in fast_search(6, study="plain").rows]
    known = [plain[1], plain[3]]
    result = fast_search(6, enqueue=written(tmp_path, known))
    assert [row["params_by_name"] for row in result.rows[:2]] == known
    assert len({str(row["params_by_name"]) for row in result.rows}) == 6


def change(point: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**point, **values}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda point: change(point, width=3), "entry 2 of .*known.json: regnetx has no parameter width; it has depth"),
        (lambda point: {"depth": 8}, "entry 2 of .*: regnetx needs a value for w0, wa"),
        (lambda point: change(point, depth=1000), "entry 2 of .*: depth is .*, got 1000"),
        (lambda point: change(point, w0=25), "entry 2 of .*: w0 is .* in steps of 8.*, got 25"),
        (lambda point: change(point, depth="deep"), "entry 2 of .*: depth is .*, got 'deep'"),
        (lambda point: change(point, w0=256, wa=0.0 + point["wa"], depth=40), "entry 2 of"),
        (lambda point: [1, 2], "entry 2 of .* is an object of parameters by name"),
    ],
)
def test_an_entry_that_cannot_be_is_named_before_anything_starts(
    fast_search: Search, fast: Any, tmp_path: Path, points: list[dict[str, Any]], spoil: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fast_search(3, enqueue=written(tmp_path, [points[0], spoil(points[1])]))
    assert not (tmp_path / "runs").exists() and not fast.lines()


def test_an_entry_outside_the_window_says_what_it_has(
    fast_search: Search, tmp_path: Path, points: list[dict[str, Any]]
) -> None:
    with pytest.raises(UsageError, match=r"entry 1 of .* lies outside the window flops :1k: it has flops .*, params"):
        fast_search(1, flops=":1k", enqueue=written(tmp_path, points))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("known.json", "{", "is no JSON"),
        ("known.json", "[]", "holds no networks"),
        ("known.csv", "error,architecture\n0.5,\n", "line 2 of .* has no column param.NAME"),
        ("known.txt", "depth", "known networks are in a file .json, .csv"),
        ("known.csv", "param.depth\n8\n", "line 2 of .*known.csv: regnetx needs a value for w0"),
    ],
)
def test_a_file_that_is_none_is_said(fast_search: Search, tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fast_search(1, enqueue=written(tmp_path, text, name))


def test_a_file_that_is_not_there_is_said(fast_search: Search, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read .*nothing.json: No such file"):
        fast_search(1, enqueue=tmp_path / "nothing.json")
