"""Who writes to a storage: two major versions of Optuna must not do so to one."""

from __future__ import annotations

import json
import re
from datetime import datetime

import optuna
from optuna.storages import BaseStorage, JournalStorage

from regnas.errors import StudyError
from regnas.studies.storage.address import address_of
from regnas.studies.storage.secrets import to_keep, without_password
from regnas.system.optuna_internals import database_of, version_of_writer

__all__ = ["check_writable", "other_writer", "to_keep", "without_password"]

_TIMED = ("datetime_start", "datetime_complete")  # of a journal's entry
_UNZONED = re.compile(rb'^.*"datetime_(?:start|complete)":"[\d.:T-]+".*$', re.MULTILINE)


def check_writable(storage: BaseStorage, text: str) -> None:
    """Refuse to write to a storage that another major version of Optuna made or writes to.

    Raises:
        StudyError: says which, and the ways out.
    """
    if writer := other_writer(storage, text):
        raise StudyError(
            f"regnas runs no study in {without_password(text)}: it is of {writer}, this is Optuna "
            f"{optuna.__version__}, and the two keep the times of trials in different ways; name another storage with "
            f"--storage, or copy the studies to one with optuna.copy_study (the page "
            f"Storage of the documentation)"
        )


def other_writer(storage: BaseStorage, text: str) -> str | None:
    """Which other Optuna made a database, or wrote to a journal; None where none is known to have.

    Optuna 5 keeps times in UTC, Optuna 4 in local time without saying so. A database names the version that made it
    (Optuna 5.0 never changes that); who else wrote to it leaves no trace. A journal names no version, but Optuna 5
    adds the zone to every time, and Optuna 4 does not.
    """
    if (database := database_of(storage)) is not None:
        version = version_of_writer(database)
        return None if _major(version) == _major(optuna.__version__) else f"Optuna {version}"
    file = address_of(text).file if isinstance(storage, JournalStorage) else None
    if file is not None and any(map(_unzoned, _UNZONED.findall(file.read_bytes()))):
        return "Optuna 4 or older (entries whose times have no zone)"
    return None


def _major(version: str) -> str:
    return version.partition(".")[0]


def _unzoned(line: bytes) -> bool:
    """Whether the time of an entry itself, not of something inside it, has no zone."""
    entry = json.loads(line)
    times = [entry[name] for name in _TIMED if entry.get(name)]
    return any(datetime.fromisoformat(time).tzinfo is None for time in times)
