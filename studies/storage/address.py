"""What a storage option names: a SQLite file, a journal, or a database that is no file; whatever its spelling."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from regnas.errors import UsageError
from regnas.studies.storage.secrets import taken_apart

DATABASE = "regnas.db"
_TRUE = ("1", "true", "yes", "on", "y", "t")


@dataclass(frozen=True)
class Address:
    """Where a storage is.

    Attributes:
        kind: a ``database`` is known by its URL alone.
        text: as it was given, secrets included.
        file: of a SQLite URL or a journal, absolute; links in it are not followed.
    """

    kind: Literal["sqlite", "journal", "database"]
    text: str
    file: Path | None = None

    @property
    def shown(self) -> str:
        """For people to read: without secrets."""
        return taken_apart(self.text).shown

    @property
    def kept(self) -> str:
        """For a file: without secrets, and with the rest that says where it is."""
        return taken_apart(self.text).kept

    @property
    def missing(self) -> bool:
        """Whether it is a file that is not there yet."""
        return self.file is not None and not self.file.exists()


def address_of(text: str) -> Address:
    """What a storage option names.

    Raises:
        UsageError: a URL that can be read in more than one way, or a database in memory.
    """
    parts = taken_apart(text)
    if not parts.clear:
        raise UsageError(
            f"--storage is a journal's file or a URL, sqlite:///FILE or postgresql://USER@HOST/DATABASE, with the "
            f"@ : / ? of a password written as %40 %3A %2F %3F; got {parts.shown}"
        )
    if "://" not in text:
        if not text or "\0" in text:
            raise UsageError(f"--storage is a journal's file or a URL, got {text!r}")
        return Address("journal", text, Path(text).absolute())
    if text.partition("://")[0].partition("+")[0] == "sqlite" and (found := _connection(text)) is not None:
        name, options = found
        file = _uri_file(name) if _true(options.get("uri")) and name.startswith("file:") else name
        if file in ("", ":memory:"):
            raise UsageError(
                f"a study in memory is gone when its command ends, got {parts.shown}; name a file, sqlite:///FILE or "
                f"a journal's, or leave --storage out"
            )
        return Address("sqlite", text, Path(file).absolute())
    return Address("database", text)


def address_at(file: Path, kind: Literal["sqlite", "journal", "database"]) -> Address:
    """The address of a file of a kind."""
    return Address(kind, sqlite_url(file) if kind == "sqlite" else str(file), file)


def address_beside(text: str, folder: Path) -> Address:
    """What a file in a folder names, relative to that folder.

    Raises:
        UsageError: as `address_of`.
    """
    from sqlalchemy.engine import make_url

    named = address_of(text)
    if named.file is None:
        return named
    path = make_url(text).database or "" if named.kind == "sqlite" else text
    return address_at(Path(os.path.abspath(folder / path)), named.kind)


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, with what has a meaning in a URL quoted."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def _connection(text: str) -> tuple[str, dict[str, Any]] | None:
    """What SQLAlchemy gives SQLite: a file's name and options; None where it gives it nothing."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, SAWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # of names in a query that it does not know
            url = make_url(text)
            words, options = url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError, TypeError, ImportError):
        return None
    return (str(words[0]), dict(options)) if words else None


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in _TRUE


def _uri_file(uri: str) -> str:
    """The file of SQLite's own kind of URI, ``file:PATH?mode=ro``; empty for one in memory."""
    path, _, query = uri.removeprefix("file:").partition("#")[0].partition("?")
    if "mode=memory" in query.split("&"):
        return ""
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    return unquote(path)
