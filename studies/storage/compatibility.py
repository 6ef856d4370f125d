"""Who writes to a storage: two major versions of Optuna must not do so to one."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage

from regnas.errors import StudyError
from regnas.system.optuna_internals import database_of, version_of_writer

_TIMED = ("datetime_start", "datetime_complete")  # of a journal's entry
# What is between the user and the last @ of a URL; a password need not be quoted well to be kept secret.
_SECRET = re.compile(r"(://[^:/@?]*:).*@", re.DOTALL)
_QUERY = re.compile(r"([?&]password=)[^&]*")
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
            f"--storage, or copy the studies to one with optuna.copy_study (docs/dashboard.md)"
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
    if isinstance(storage, JournalStorage) and any(map(_unzoned, _UNZONED.findall(Path(text).read_bytes()))):
        return "Optuna 4 or older (entries whose times have no zone)"
    return None


def _major(version: str) -> str:
    return version.partition(".")[0]


def _unzoned(line: bytes) -> bool:
    """Whether the time of an entry itself, not of something inside it, has no zone."""
    entry = json.loads(line)
    times = [entry[name] for name in _TIMED if entry.get(name)]
    return any(datetime.fromisoformat(time).tzinfo is None for time in times)


def without_password(text: str) -> str:
    """A storage as it may be shown to others."""
    if "://" not in text:
        return text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        shown = make_url(text).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        shown = _SECRET.sub(r"\1***@", text)
    return _QUERY.sub(r"\1***", shown)


def to_keep(text: str) -> str:
    """A storage as it may be written to a file: PostgreSQL's own client finds the password that is left out in
    ~/.pgpass or PGPASSWORD.
    """
    if "://" not in text or text.startswith("sqlite"):
        return text
    from sqlalchemy.engine import URL, make_url

    whole = make_url(text).difference_update_query(["password"])
    bare = URL.create(whole.drivername, whole.username, None, whole.host, whole.port, whole.database, whole.query)
    return bare.render_as_string(hide_password=False)
