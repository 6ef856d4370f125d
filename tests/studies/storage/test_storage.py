"""Where studies are kept: SQLite, a journal, and what is neither."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from regnas.errors import StudyError
from regnas.studies.search.identity import folder_name
from regnas.studies.search.plan import plan
from regnas.studies.search.search import SearchResult
from regnas.studies.search.session import opened
from regnas.studies.storage.compatibility import other_writer, without_password
from regnas.studies.storage.locks import FolderLock
from regnas.studies.storage.open import (
    journal_lock,
    mend_journal,
    open_storage,
    open_study,
    storage_url,
    stored_names,
    trial_states,
)
from regnas.system.optuna_internals import study_id

Search = Callable[..., SearchResult]

# As Optuna 4.9.0 wrote them in New York: a study, and a trial from its start to its end.
OPTUNA_4 = """\
{"op_code":0,"worker_id":"d0188c70","study_name":"old","directions":[1]}
{"op_code":4,"worker_id":"d0188c70","study_id":0,"datetime_start":"2026-11-26T07:07:42.377307"}
{"op_code":6,"worker_id":"d0188c70","trial_id":0,"state":1,"values":[0.7],"datetime_complete":"2026-11-26T07:07:42.378"}
"""


def test_the_default_storage_is_a_sqlite_file_in_the_output_folder() -> None:
    assert storage_url(None, Path("runs")) == "sqlite:///runs/regnas.db"
    assert storage_url("study.journal", Path("runs")) == "study.journal"


@pytest.mark.parametrize("name", ["sqlite:///{}/deep/er/s.db", "{}/deep/er/s.journal"])
def test_a_storage_is_made_where_there_is_none_and_keeps_several_studies(tmp_path: Path, name: str) -> None:
    url = name.format(tmp_path)
    assert stored_names(open_storage(url)) == []
    for study in ("two", "one"):
        optuna.create_study(storage=open_storage(url), study_name=study)
    assert stored_names(open_storage(url)) == ["one", "two"]


def test_a_journal_cut_in_the_middle_of_a_line_goes_on(fast_search: Search, fast: Any, tmp_path: Path) -> None:
    """Wherever the last line is cut. Without mending, the next entry is glued to the rest."""
    journal = tmp_path / "runs" / "j.journal"
    whole = fast_search(2)
    data = journal.read_bytes()
    last = data.splitlines(keepends=True)[-1]
    for cut in (1, len(last) // 2, len(last) - 1):
        journal.write_bytes(data[:-cut])
        result = fast_search(3)
        assert [row["error"] for row in result.rows[:2]] == [row["error"] for row in whole.rows]
        assert [row["state"] for row in fast_search(3).rows] == ["COMPLETE"] * 3  # it opens again
        assert (tmp_path / "runs" / "j.journal.cut").read_bytes() == last[:-cut]


def test_a_journal_whose_first_line_was_cut_starts_anew(tmp_path: Path) -> None:
    journal = tmp_path / "s.journal"
    optuna.create_study(storage=open_storage(str(journal)), study_name="one")
    first = journal.read_bytes().splitlines(keepends=True)[0]
    for length in (1, 5, len(first) - 1):
        journal.write_bytes(first[:length])
        assert stored_names(open_storage(str(journal))) == []


@pytest.mark.parametrize("text", ["notes\nof mine", "notes", '{\n  "name": "x"\n}', "\x00\x01"])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(text)
    with pytest.raises(StudyError, match="mine.txt is not an Optuna journal; name another file with --storage"):
        mend_journal(file)
    assert file.read_text() == text and list(tmp_path.iterdir()) == [file]


def test_a_whole_journal_is_not_touched(tmp_path: Path) -> None:
    journal = tmp_path / "s.journal"
    mend_journal(journal)
    assert not journal.exists()
    optuna.create_study(storage=open_storage(str(journal)), study_name="one")
    before = journal.read_bytes()
    mend_journal(journal)
    assert journal.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["s.journal"]


def test_a_lock_left_behind_by_a_kill_does_not_stop_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is named relative to the working folder; Optuna's own lock would be waited for without end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("regnas.studies.storage.open._GRACE", 3)
    storage = open_storage("runs/s.journal")
    optuna.create_study(storage=storage, study_name="before")
    journal_lock(Path("runs/s.journal")).acquire()  # never released
    assert Path("runs/s.journal.lock").is_symlink()
    again = threading.Thread(
        target=lambda: optuna.create_study(storage=open_storage("runs/s.journal"), study_name="after"), daemon=True
    )
    again.start()
    again.join(30)
    assert not again.is_alive(), "it waits for the lock of a process that is gone"
    assert stored_names(storage) == ["after", "before"] and not Path("runs/s.journal.lock").is_symlink()


def test_a_line_that_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    """What looks cut off is whole once the writer lets go of the journal."""
    journal = tmp_path / "s.journal"
    storage = open_storage(str(journal))
    optuna.create_study(storage=storage, study_name="one")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-5])
    lock = journal_lock(journal)
    lock.acquire()
    mending = threading.Thread(target=mend_journal, args=(journal,))
    mending.start()
    mending.join(0.2)
    assert mending.is_alive()
    journal.write_bytes(whole)
    lock.release()
    mending.join(30)
    assert not mending.is_alive() and journal.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["s.journal"]


@pytest.mark.parametrize("name", ["sqlite:///{}/s.db", "{}/s.journal"])
def test_trials_are_counted_by_their_states(tmp_path: Path, name: str) -> None:
    storage = open_storage(name.format(tmp_path))
    study = optuna.create_study(storage=storage, study_name="one")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    assert trial_states(storage) == {study_id(study): "COMPLETE 2, FAIL 1"}


def made_by(version: str, database: Path) -> str:
    """A database as that version of Optuna leaves it for Optuna 5: only this entry differs (seen with 4.9.0)."""
    url = f"sqlite:///{database}"
    optuna.create_study(storage=open_storage(url), study_name="old")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE version_info SET library_version = ?", (version,))
    return url


@pytest.mark.parametrize("version", ["4.9.0", "3.6.2", "6.0.0"])
def test_no_study_is_run_in_a_database_of_another_optuna(tmp_path: Path, version: str) -> None:
    url = made_by(version, tmp_path / "old.db")
    before = (tmp_path / "old.db").read_bytes()
    with pytest.raises(StudyError, match=f"it is of Optuna {version}, this is Optuna .*--storage.*optuna.copy_study"):
        open_study(url, "new", None)
    assert (tmp_path / "old.db").read_bytes() == before
    assert stored_names(open_storage(url)) == ["old"]  # reading is no matter


def test_a_database_of_this_optuna_is_nobody_elses(tmp_path: Path) -> None:
    for version in (optuna.__version__, f"{optuna.__version__.partition('.')[0]}.99.1"):
        url = made_by(version, tmp_path / f"{version}.db")
        assert open_study(url, "new", None).study_name == "new"


def test_no_study_is_run_in_a_journal_that_optuna_4_writes_to(tmp_path: Path) -> None:
    """Also where Optuna 5 writes to it, too: before, and after."""
    journal = tmp_path / "s.journal"
    journal.write_text(OPTUNA_4)
    storage = open_storage(str(journal))
    study = optuna.load_study(study_name="old", storage=storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    before = journal.read_bytes()
    with pytest.raises(StudyError, match="it is of Optuna 4 or older .*copy the studies"):
        open_study(str(journal), "new", None)
    assert journal.read_bytes() == before


def test_studies_of_optuna_4_go_on_in_a_copy(tmp_path: Path) -> None:
    (tmp_path / "old.journal").write_text(OPTUNA_4)
    old, new = open_storage(str(tmp_path / "old.journal")), open_storage(str(tmp_path / "new.journal"))
    optuna.copy_study(from_study_name="old", from_storage=old, to_storage=new)
    study = open_study(str(tmp_path / "new.journal"), "old", None)
    (before,), (after,) = optuna.load_study(study_name="old", storage=old).trials, study.trials
    assert (after.value, after.datetime_start) == (0.7, before.datetime_start)


def test_times_inside_attributes_make_no_journal_anothers(tmp_path: Path) -> None:
    journal = str(tmp_path / "s.journal")
    study = open_study(journal, "one", None)
    study.set_user_attr("notes", {"datetime_start": "2026-11-26T07:07:42"})
    study.set_user_attr("text", '{"datetime_start":"2026-11-26T07:07:42"}')
    study.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"datetime_start": "2026-11-26T07:07:42"}))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert other_writer(open_storage(journal), journal) is None


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://me:secret@db/x") == "postgresql://me:***@db/x"
    assert without_password("runs/s.journal") == "runs/s.journal"
    assert without_password("sqlite:///runs/regnas.db") == "sqlite:///runs/regnas.db"


def test_a_folder_is_locked_by_one_driver_at_a_time(tmp_path: Path) -> None:
    first = FolderLock(tmp_path / "study")
    with pytest.raises(StudyError, match=f"is being run by process {os.getpid()}; wait for it, or give --study"):
        FolderLock(tmp_path / "study")
    FolderLock(tmp_path / "other").release()
    first.release()
    FolderLock(tmp_path / "study").release()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("regnetx/random/0", "regnetx-random-0"),
        ("regnetx[wm=2,depth=12:20]/tpe/3", "regnetx-wm=2,depth=12-20-tpe-3"),
        ("../../etc", "etc"),
        ("a b$c", "a-b-c"),
        ("...", "study"),
    ],
)
def test_a_study_name_is_a_folder_below_the_output(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_a_study_written_under_the_same_name_by_hand_is_said_to_lie_outside(fast_search: Search) -> None:
    """A trial with an index but with parameters of no network in the window."""
    study = fast_search(1).study
    params = {"depth": 63, "w0": 256, "wa": 8.0, "wm": 3.0, "bottleneck_ratio": 1, "group_width": 1}
    laws = study.trials[0].distributions
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING, params=params, distributions=laws, user_attrs={"index": 1}
    )
    study.add_trial(trial)
    with pytest.raises(StudyError, match="trial 1 of this study lies outside regnetx.*give another --study"):
        fast_search(2)


@pytest.mark.parametrize("storage", ["sqlite:///{}/shared/s.db", "{}/shared/s.journal"])
def test_a_study_in_a_shared_file_has_one_driver_whatever_its_folder(tmp_path: Path, storage: str) -> None:
    url = storage.format(tmp_path)
    one, other = (plan(data="fake", storage=url, out=tmp_path / out, budget=2) for out in ("a", "b"))
    with opened(one):
        with pytest.raises(StudyError, match=f"is being run by process {os.getpid()}"), opened(other):
            pass
        with opened(plan(data="fake", storage=url, out=tmp_path / "b", budget=2, seed=1)):
            pass  # another study in the same file
    with opened(other):
        pass
