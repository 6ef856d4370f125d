"""Files of rows: CSV and JSONL, plain or compressed, with one line on top that is no row.

In CSV that line is a comment, ``# regnas population {...}``, in JSONL an object with the one key ``population``.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.errors import UsageError
from regnas.system.reading import fields, parse_json, read_bytes

SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
TOP = "# regnas population "

Row = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """What a file holds.

    Attributes:
        top: the object of the first line, or None where there is none.
        headers: the lists of column names that occur: one in CSV, in JSONL one of every kind of row.
        rows: cells by column with their line number; text in CSV, JSON values in JSONL.
    """

    top: Row | None
    headers: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[int, Row], ...]


def is_jsonl(path: Path) -> bool:
    """Whether a file's name says JSONL."""
    return path.name.removesuffix(".gz").endswith(".jsonl")


def read_sheet(path: Path, error: type[UsageError]) -> Sheet:
    """Read a file of rows.

    Args:
        error: what is raised where it is not there, empty, truncated or damaged.

    Raises:
        UsageError: of the kind ``error``, as said there.
    """
    text = _text(path, error)
    if not text.strip():
        raise error(f"{path} is empty; it has one row per model")
    if not text.endswith("\n"):
        raise error(f"{path} is truncated: its last line has no end; end it with a line break if it is whole")
    try:
        return _jsonl(path, text, error) if is_jsonl(path) else _csv(path, text, error)
    except csv.Error as damage:
        raise error(f"{path} is no CSV file: {damage}") from damage


def read_object(path: Path, line: int, text: str, error: type[UsageError]) -> Row:
    """The JSON object that a text of some line is.

    Raises:
        UsageError: of the kind ``error``: it is no JSON, or no object.
    """
    what = f"{path}, line {line}"
    return fields(parse_json(text, what, error), what, error)


def read_number(path: Path, line: int, name: str, value: Any, error: type[UsageError]) -> Any:
    """The float that a cell is, or ``""`` for an empty one.

    Raises:
        UsageError: of the kind ``error``: it is no number.
    """
    if value is None or value == "":
        return ""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise error(f"{path}, line {line}: {name} is a number, got {value!r}") from None


def _text(path: Path, error: type[UsageError]) -> str:
    data = read_bytes(path, error)
    try:
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except EOFError as damage:
        raise error(f"{path} is truncated: {damage}") from damage
    except gzip.BadGzipFile as damage:
        raise error(f"cannot read {path}: {damage}") from damage
    except (ValueError, zlib.error) as damage:
        raise error(f"{path} is no text file: {damage}") from damage
    except MemoryError:
        raise error(f"cannot read {path}: what it unpacks to is larger than the memory") from None


def _csv(path: Path, text: str, error: type[UsageError]) -> Sheet:
    top: Row | None = None
    first = 1
    if text.startswith("#"):
        line, _, text = text.partition("\n")
        if line.startswith(TOP):
            top = read_object(path, 1, line.removeprefix(TOP), error)
        first = 2
    reader = csv.reader(io.StringIO(text, newline=""))
    names = tuple(name.strip() for name in next(reader, []))
    rows = []
    for cells in reader:
        number = reader.line_num + first - 1
        if len(cells) not in (0, len(names)):
            at = f"line {number}"
            raise error(f"{path}, {at}: {len(names)} columns and {len(cells)} cells: truncated or damaged")
        if cells:
            rows.append((number, dict(zip(names, cells, strict=True))))
    return Sheet(top, (names,), tuple(rows))


def _jsonl(path: Path, text: str, error: type[UsageError]) -> Sheet:
    top: Row | None = None
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        value = read_object(path, number, line, error)
        if number == 1 and set(value) == {"population"}:
            top = value["population"] if isinstance(value["population"], dict) else {}
            continue
        rows.append((number, value))
    return Sheet(top, tuple(dict.fromkeys(tuple(row) for _, row in rows)), tuple(rows))
