"""A study's folder reads its own study: moved, copied, archived, or with another of the same name in its old place."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError

from regnas.errors import StudyError, UsageError
from regnas.studies.dashboard.target import find
from regnas.studies.populations.sources import load
from regnas.studies.search.search import SearchResult
from regnas.studies.search.study_file import study_of

Search = Callable[..., SearchResult]
FILE = "study.json"


@pytest.fixture
def search(fast_search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    """A search in regnas-runs below the working folder, with the default storage unless said."""
    monkeypatch.chdir(tmp_path)

    def run(budget: int, **options: Any) -> SearchResult:
        return fast_search(budget, **{"out": "regnas-runs", "storage": None, **options})

    return run


def count(folder: Path, storage: str | None = None) -> int | None:
    study = study_of(folder, storage)
    return None if study is None else len(study.trials)


def as_of_an_earlier_release(folder: Path, storage: str) -> None:
    """study.json without an identity, with a path from where the search was started."""
    stored = json.loads((folder / FILE).read_text())
    del stored["id"]
    (folder / FILE).write_text(json.dumps({**stored, "storage": storage}))


@pytest.mark.parametrize(
    ("storage", "kept"), [(None, "sqlite:///../regnas.db"), ("regnas-runs/s.journal", "../s.journal")]
)
def test_a_folder_that_was_moved_reads_its_own_trials_not_those_in_its_old_place(
    search: Search, tmp_path: Path, storage: str | None, kept: str
) -> None:
    folder = search(3, storage=storage).folder
    assert json.loads((folder / FILE).read_text())["storage"] == kept
    (tmp_path / "regnas-runs").rename(tmp_path / "monday")
    search(5, storage=storage)
    assert (count(tmp_path / "monday" / folder.name), count(tmp_path / folder)) == (3, 5)
    assert len(load(f"monday/{folder.name}")[0]) == len(load(f"monday/{folder.name}/{FILE}")[0]) == 3
    shutil.copytree("monday", "copy")
    assert search(4, out="copy", storage=storage and "copy/s.journal").rows[3]["state"] == "COMPLETE"
    assert (count(Path("copy") / folder.name), count(Path("monday") / folder.name)) == (4, 3)


def test_the_study_of_another_run_is_not_read_for_a_folders_own(search: Search, tmp_path: Path) -> None:
    folder = search(3).folder
    shutil.move(folder, tmp_path / "kept")
    (tmp_path / "regnas-runs" / "regnas.db").unlink()
    search(5)
    shutil.rmtree(folder)
    shutil.move(tmp_path / "kept", folder)
    for read in (study_of, lambda place: load(str(place)), lambda place: find(str(place), None, Path("regnas-runs"))):
        with pytest.raises(
            StudyError, match="holds a study 'regnetx/random/0' of another run, not that of .*--storage"
        ):
            read(folder)


def test_a_storage_elsewhere_is_followed_only_when_it_is_named(search: Search, tmp_path: Path) -> None:
    folder = search(3, storage="sqlite:///elsewhere/s.db").folder
    for read in (study_of, lambda place: load(str(place)), lambda place: find(str(place), None, Path("regnas-runs"))):
        with pytest.raises(StudyError, match="elsewhere/s.db, which is not beside its folder .*--storage"):
            read(folder)
    assert count(folder, "sqlite:///elsewhere/s.db") == 3
    assert len(load(str(folder), storage="sqlite:///elsewhere/s.db")[0]) == 3
    assert find(str(folder), "sqlite:///elsewhere/s.db", Path("regnas-runs")).study == "regnetx/random/0"
    assert search(1, seed=1, storage="sqlite:///elsewhere/s.db", warm_start=folder).rows


def test_a_database_on_a_server_is_not_asked_unless_it_is_named(search: Search) -> None:
    folder = search(3).folder
    stored = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({**stored, "storage": "postgresql://me@127.0.0.1:1/x"}))
    with pytest.raises(StudyError, match="names the storage postgresql://me@127.0.0.1:1/x, .* not followed unasked"):
        study_of(folder)


def test_a_folder_of_an_earlier_release_reads_its_own(search: Search, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    folder = search(3).folder
    with closing(sqlite3.connect("regnas-runs/regnas.db")) as connection, connection:
        connection.execute("DELETE FROM study_user_attributes WHERE key = 'regnas:id'")
    as_of_an_earlier_release(folder, "sqlite:///regnas-runs/regnas.db")
    assert count(folder) == count(folder.absolute()) == 3
    (tmp_path / "regnas-runs").rename(tmp_path / "monday")
    assert count(tmp_path / "monday" / folder.name) == 3
    search(5)
    assert count(tmp_path / "monday" / folder.name) == 3
    (tmp_path / "monday" / "regnas.db").unlink()
    with pytest.raises(StudyError, match="not beside its folder"):
        study_of(tmp_path / "monday" / folder.name)
    assert search(6).folder == folder and "id" in json.loads((folder / FILE).read_text())


def test_reading_changes_nothing(search: Search, tmp_path: Path) -> None:
    folder = search(3).folder

    def contents() -> dict[str, str]:
        files = [path for path in (tmp_path / "regnas-runs").rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = contents()
    load(str(folder))
    study = study_of(folder)
    assert study is not None and contents() == before
    with pytest.raises(StorageInternalError):
        study.set_user_attr("mine", 1)
    assert contents() == before


def test_another_programs_database_is_not_written_to(search: Search, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect("mine.db")) as connection, connection:
        connection.execute("CREATE TABLE mine (a)")
    before = Path("mine.db").read_bytes()
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / FILE).write_text(json.dumps({"name": "x", "storage": "sqlite:///mine.db", "settings": {}}))
    for read in (
        study_of,
        lambda place: find(str(place), None, place),
        lambda place: find(None, "sqlite:///mine.db", place),
    ):
        with pytest.raises((StudyError, UsageError), match="mine.db"):
            read(folder)
    assert Path("mine.db").read_bytes() == before and sorted(path.name for path in tmp_path.glob("mine*")) == [
        "mine.db"
    ]


def test_a_database_left_in_the_middle_of_a_write_is_read_and_left_so(search: Search, tmp_path: Path) -> None:
    import sqlite3
    import subprocess
    import sys

    folder = search(3).folder
    killed = (
        "import os, sqlite3; c = sqlite3.connect('regnas-runs/regnas.db'); c.execute('PRAGMA cache_size = 1');"
        "c.execute('BEGIN IMMEDIATE'); c.execute('CREATE TABLE big (a)');"
        "[c.execute('INSERT INTO big VALUES (?)', ('x' * 4000,)) for _ in range(200)]; os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    beside = tmp_path / "regnas-runs" / "regnas.db-journal"
    assert beside.exists() and sqlite3.sqlite_version
    before = beside.read_bytes()
    assert count(folder) == 3 and beside.read_bytes() == before
