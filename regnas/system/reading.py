"""Files that a crash, a hand or another program may have changed: read as what is asked, or refused in a sentence.

Only regular files are opened: a FIFO would be waited for, and a device may have no end.
"""

from __future__ import annotations

import json
import os
import re
import stat
from types import UnionType
from typing import IO, Any, get_args

from regnas.errors import DataError, RegnasError

Refusal = type[RegnasError]

_ENDLESS = re.compile("[0-9]{300}")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def no_file(mode: int) -> str | None:
    """What a path is instead of a regular file, in words, by the mode that `os.stat` gives; None where it is one."""
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file to read its bytes, without waiting.

    Raises:
        OSError: it is not there, cannot be read, or is no regular file.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))
    if (kind := no_file(os.fstat(file.fileno()).st_mode)) is not None:
        file.close()
        raise OSError(None, f"it is {kind}, and a file is asked", str(path))
    return file


def read_bytes(path: str | os.PathLike[str], error: Refusal = DataError) -> bytes:
    """The content of a regular file.

    Args:
        error: what is raised where it cannot be read.

    Raises:
        RegnasError: of the kind ``error``: it is not there, no regular file, or larger than the memory.
    """
    try:
        with open_file(path) as file:
            return file.read()
    except IsADirectoryError:
        raise error(f"cannot read {path}: it is a folder, and a file is asked") from None
    except (OSError, ValueError) as damage:  # a name with a zero byte is no value
        raise error(f"cannot read {path}: {getattr(damage, 'strerror', None) or damage}") from damage
    except MemoryError:
        raise error(f"cannot read {path}: it is larger than the memory") from None


def read_text(path: str | os.PathLike[str], error: Refusal = DataError) -> str:
    """The UTF-8 text of a regular file, with or without a byte order mark.

    Raises:
        RegnasError: as `read_bytes`; also where it is no UTF-8.
    """
    try:
        return read_bytes(path, error).decode("utf-8-sig")
    except UnicodeDecodeError as damage:
        raise error(f"{path} is no text in UTF-8: byte {damage.start} is {damage.reason}") from damage


def parse_json(text: str, what: object, error: Refusal = DataError) -> Any:
    """The value of a JSON text.

    Args:
        what: where it is from, for messages.

    Raises:
        RegnasError: of the kind ``error``: it is no JSON, nested too deeply, or a number has too many digits.
    """
    if _ENDLESS.search(text):  # no float holds it
        raise error(f"{what} is no JSON that can be read: a number has 300 digits or more")
    try:
        return json.loads(text)
    except RecursionError:
        raise error(f"{what} is no JSON that can be read: it is nested too deeply") from None
    except ValueError as damage:
        why = "it is empty" if not text.strip() else str(damage)
        raise error(f"{what} is no JSON: {why}; it may be truncated or damaged") from damage


def read_json(path: str | os.PathLike[str], error: Refusal = DataError) -> Any:
    """The value of a JSON file.

    Raises:
        RegnasError: as `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, error), path, error)


def fields(value: Any, what: object, error: Refusal = DataError, /, **kinds: Any) -> dict[str, Any]:
    """A JSON value that has to be an object with some keys of some types.

    Args:
        what: where it is from, for messages.
        kinds: types by key; a key may be left out where its type includes None. An int is a float, True is no int.

    Returns:
        The object, with None for what it leaves out.

    Raises:
        RegnasError: of the kind ``error``: it is no object, or lacks one of these.
    """
    if not isinstance(value, dict):
        raise error(f"{what} is no JSON object: it is damaged, or another file")
    if wrong := [name for name, kind in kinds.items() if not _is(value.get(name), kind)]:
        raise error(f"{what} says no usable {', '.join(wrong)}: it is damaged, or another file")
    return {**dict.fromkeys(kinds), **value}


def read_fields(path: str | os.PathLike[str], error: Refusal = DataError, /, **kinds: Any) -> dict[str, Any]:
    """The JSON object of a file, see `fields`.

    Raises:
        RegnasError: as `read_json` and `fields`.
    """
    return fields(read_json(path, error), path, error, **kinds)


def fields_if_whole(path: str | os.PathLike[str], /, **kinds: Any) -> dict[str, Any] | None:
    """`read_fields` for what can be made anew: None where there is no such object in the file, or no file."""
    try:
        return read_fields(path, **kinds)
    except DataError:
        return None


def _is(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_is(value, one) for one in get_args(kind))
    if kind is float:
        kind = (int, float)
    return isinstance(value, kind) and (kind in (bool, object) or not isinstance(value, bool))
