"""One driver of a study, by whatever name its storage goes; and locks of folders."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import optuna
import pytest

from regnas.errors import StudyError
from regnas.studies.search.plan import plan
from regnas.studies.search.session import opened
from regnas.studies.storage.locks import FolderLock, locked, making, refuse_if_held
from regnas.studies.storage.open import open_storage, stored_names

THIS = ("this training", "give --out FOLDER")
HELD = f"this study is being run by process {os.getpid()}; wait for it, or give --study NAME"
SPELLINGS = {
    "relative": "sqlite:///data/s.db",
    "absolute": "sqlite:///{top}/data/s.db",
    "dot": "sqlite:///./data/./s.db",
    "up and down": "sqlite:///data/../data/s.db",
    "doubled slashes": "sqlite:///{top}//data//s.db",
    "link to the file": "sqlite:///link.db",
    "link to the folder": "sqlite:///other/s.db",
    "hard link": "sqlite:///hard.db",
    "query": "sqlite:///data/s.db?timeout=60",
    "driver": "sqlite+pysqlite:///data/s.db",
    "URI": "sqlite:///file:data/s.db?uri=true",
    "absolute URI": "sqlite:///file://{top}/data/s.db?uri=true&mode=rw",
    "escapes": "sqlite:///file:data/%2573.db?uri=true",
    "journal": "data/s.journal",
    "absolute journal": "{top}/data/s.journal",
    "link to the journal": "link.journal",
    "hard link of the journal": "hard.journal",
    "journal in a link to the folder": "other/../other/s.journal",
}


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a database and a journal, and links to them."""
    monkeypatch.chdir(tmp_path)
    open_storage("sqlite:///data/s.db")
    open_storage("data/s.journal")
    (tmp_path / "other").symlink_to("data")
    for kind in ("db", "journal"):
        (tmp_path / f"link.{kind}").symlink_to(f"data/s.{kind}")
        (tmp_path / f"hard.{kind}").hardlink_to(f"data/s.{kind}")
    return tmp_path


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_second_driver_is_refused_whatever_the_spelling(top: Path, spelling: str) -> None:
    text = SPELLINGS[spelling].format(top=top)
    first = "data/s.journal" if "journal" in spelling else "sqlite:///data/s.db"
    one, other = (plan(data="fake", storage=name, out=out, budget=2) for name, out in ((first, "a"), (text, "b")))
    with opened(one), pytest.raises(StudyError, match=HELD), opened(other):
        pass
    with opened(other), pytest.raises(StudyError, match=HELD), opened(one):
        pass
    with opened(one), opened(plan(data="fake", storage=text, out="b", budget=2, seed=1)):
        pass  # another study in the same file
    left = [path.name for folder in (top, top / "data") for path in folder.glob("*.lock")]
    assert left == []


def test_the_folder_of_the_default_storage_is_no_way_around_its_lock(top: Path) -> None:
    one = plan(data="fake", out="one", budget=2)
    other = plan(data="fake", out="two", storage="sqlite:///one/regnas.db", budget=2)
    with opened(one), pytest.raises(StudyError, match=HELD), opened(other):
        pass


def test_names_that_make_one_folder_are_two_studies(top: Path) -> None:
    one, other = (
        plan(data="fake", storage="data/s.journal", out=out, study=study, budget=2)
        for out, study in (("a", "x/y"), ("b", "x-y"))
    )
    with opened(one), opened(other):
        pass


def test_a_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from regnas.studies.storage.address import address_of;"
        "from regnas.studies.storage.locks import FolderLock, StudyLock;"
        "held = [FolderLock(Path('f'), lasting=False), StudyLock(address_of('s.journal'), 'x')]; held[1].hold_inode();"
        "print('held', flush=True); time.sleep(60)"
    )
    (tmp_path / "s.journal").touch()
    with subprocess.Popen([sys.executable, "-P", "-c", code], cwd=tmp_path, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(StudyError, match=f"this training is being run by process {holder.pid}; wait for it"):
            refuse_if_held(tmp_path / "f", THIS)
        holder.kill()
    with locked(tmp_path / "f", THIS):
        pass
    assert list((tmp_path / "f").iterdir()) == []


def test_looking_for_a_writer_makes_nothing(tmp_path: Path) -> None:
    refuse_if_held(tmp_path / "f", THIS)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot write to .*file/f: Not a directory; choose a folder with --out"):
        FolderLock(tmp_path / "file" / "f")


def test_tables_are_made_by_one_at_a_time_and_all_find_them(tmp_path: Path) -> None:
    url, seen = f"sqlite:///{tmp_path}/s.db", []

    def make(name: str) -> None:
        optuna.create_study(storage=open_storage(url), study_name=name)
        seen.append(name)

    with making(tmp_path / "s.db"):
        threads = [Thread(target=make, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        assert not (tmp_path / "s.db").exists()
    for thread in threads:
        thread.join(60)
    assert sorted(seen) == stored_names(open_storage(url)) == list("abcd")
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_a_storage_of_a_long_name_is_locked_too(tmp_path: Path) -> None:
    name = "s" * 190 + ".journal"
    with opened(plan(data="fake", storage=str(tmp_path / name), out=tmp_path / "a", budget=2, study="x" * 300)):
        assert (tmp_path / name).exists()


def test_a_folder_with_what_urls_reserve_in_its_name_has_its_database(tmp_path: Path) -> None:
    out = tmp_path / "50% of #1?"
    with opened(plan(data="fake", out=out, budget=2)):
        assert (out / "regnas.db").exists() and quote(str(out)) != str(out)
