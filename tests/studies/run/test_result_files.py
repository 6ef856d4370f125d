"""Results on disk: lines of one file, or a file each; whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from regnas.evaluator import Result
from regnas.studies.executors.worker import write_result
from regnas.studies.run.result_files import LOG, Results
from regnas.studies.search.search import SearchResult
from regnas.system.files import append_json


def left(results: Results, index: int, error: float) -> None:
    write_result(results.place(index), f"key-{index}", index, Result(error=error, seconds=1.0, errors=(error,)))


def error_of(results: Results, index: int, key: str | None = None) -> float | None:
    found = results.find(index, key or f"key-{index}", index)
    return None if found is None else found.error


def test_a_result_is_found_as_a_line_and_as_a_file(tmp_path: Path) -> None:
    for log in (True, False):
        folder = tmp_path / str(log)
        results = Results(folder, log=log)
        assert error_of(results, 0) is None
        for index in range(3):
            left(results, index, index / 10)
            assert error_of(results, index) == index / 10
        assert (folder / LOG).exists() == log
        later = Results(folder, log=not log)  # another number of workers
        assert [error_of(later, index) for index in range(4)] == [0.0, 0.1, 0.2, None]
        assert error_of(later, 1, "another network") is None


def test_wherever_a_line_is_cut_only_its_own_result_is_lost(tmp_path: Path) -> None:
    results = Results(tmp_path, log=True)
    left(results, 0, 0.5)
    left(results, 1, 0.25)
    whole = (tmp_path / LOG).read_bytes()
    last = len(whole) - whole.rstrip(b"\n").rfind(b"\n") - 1
    for cut in range(2, last + 1):
        (tmp_path / LOG).write_bytes(whole[:-cut])
        assert error_of(Results(tmp_path, log=True), 1) is None
        append_json(tmp_path / LOG, {"key": "key-2", "seed": 2, "result": Result(error=0.75, seconds=0.0).to_json()})
        again = Results(tmp_path, log=True)
        assert [error_of(again, index) for index in range(3)] == [0.5, None, 0.75]


def test_what_another_study_left_is_removed(tmp_path: Path) -> None:
    for log in (True, False):
        left(Results(tmp_path, log=log), 0, 0.5)
        left(Results(tmp_path, log=log), 3, 0.5)
    Results(tmp_path, log=True).clear(2)  # candidates 0 and 1 are this study's
    assert sorted(path.name for path in tmp_path.rglob("*.json*")) == ["0.json", LOG]
    Results(tmp_path, log=True).clear(0)
    assert not list(tmp_path.rglob("*.json*"))


def test_a_study_made_anew_in_an_old_folder_evaluates_everything(
    fast_search: Callable[..., SearchResult], fast: Any, tmp_path: Path
) -> None:
    first = fast_search(4, workers=0)
    (tmp_path / "runs" / "j.journal").unlink()
    again = fast_search(4, workers=0)
    assert sorted(fast.evaluated()) == sorted([*range(4), *range(4)])
    assert [row["error"] for row in again.rows] == [row["error"] for row in first.rows]
