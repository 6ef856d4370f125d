"""Storages that are only read: nothing is made, mended or recovered in them."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import weakref
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from regnas.errors import StudyError
from regnas.studies.storage.address import Address, address_of
from regnas.studies.storage.open import (
    check_regular,
    engine_options,
    journal_lock,
    quiet,
    stored_names,
    unusable,
    with_driver,
    without_driver,
)

# What SQLite keeps beside a database while it writes, and after a kill -9.
_UNFINISHED = ("-journal", "-wal")


def open_reading(text: str) -> BaseStorage:
    """Open an Optuna URL or a journal file, and write nothing to it: what uses it fails if it tries to.

    Raises:
        UsageError: it is no storage's name, or one in memory.
        StudyError: it is not there, unreadable, or damaged.
    """
    address = address_of(text)
    check_regular(address, text)
    try:
        return _opened(address)
    except StudyError:
        raise
    except ImportError as error:
        raise StudyError(without_driver(text)) from error
    except Exception as error:  # as in open_storage
        raise unusable(text, error) from error


def read_study(text: str, name: str) -> optuna.Study | None:
    """A study of a storage, to be read alone; None where there is no such study.

    Raises:
        UsageError, StudyError: as `open_reading`.
    """
    storage = open_reading(text)
    try:
        with quiet():
            return optuna.load_study(study_name=name, storage=storage) if name in stored_names(storage) else None
    except Exception as error:  # as in open_storage: a storage that opens need not be one
        raise unusable(text, error) from error


def _opened(address: Address) -> BaseStorage:
    if address.file is None:
        options = engine_options(address.text)
        if address.text.startswith(("postgresql", "postgres")):
            options["execution_options"] = {"postgresql_readonly": True}
        return RDBStorage(with_driver(address.text), options, skip_compatibility_check=True, skip_table_creation=True)
    if address.missing:
        raise StudyError(f"there is no storage {address.shown}; name another with --storage")
    if address.kind == "sqlite":
        return _sqlite(address.file)
    with quiet():
        return JournalStorage(JournalFileBackend(str(address.file.resolve()), journal_lock(address.file)))


def _sqlite(file: Path) -> RDBStorage:
    try:
        return _read_only(file)
    except Exception:
        if not any(_beside(file, ending).exists() for ending in _UNFINISHED):
            raise
    return _copied(file)


def _read_only(file: Path) -> RDBStorage:
    from sqlalchemy.pool import NullPool

    uri = f"file:{quote(str(file))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=60, check_same_thread=False)

    options = {"creator": connect, "poolclass": NullPool}
    return RDBStorage("sqlite://", options, skip_compatibility_check=True, skip_table_creation=True)


def _copied(file: Path) -> RDBStorage:
    """A copy of a database that was left in the middle of a write: SQLite takes the write back there, not here."""
    folder = tempfile.mkdtemp()
    for one in (file.resolve(), *(_beside(file, ending) for ending in _UNFINISHED)):
        if one.exists():
            shutil.copy(one, Path(folder) / one.name)
    try:
        with closing(sqlite3.connect(Path(folder) / file.resolve().name)) as whole:
            whole.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()  # what makes SQLite look
        storage = _read_only(Path(folder) / file.resolve().name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(storage, shutil.rmtree, folder, ignore_errors=True)
    return storage


def _beside(file: Path, ending: str) -> Path:
    whole = file.resolve()
    return whole.with_name(whole.name + ending)
