"""Files that outlive a run: whole or not there, and numbered so that later releases can read them."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from regnas.measure import costs_in
from regnas.metric import columns
from regnas.system.processes import alive
from regnas.system.reading import no_file

SCHEMA = 1
COLUMNS = (
    "schema",
    "space",
    "index",
    "seed",
    "error",
    "architecture",
    "flops",
    "params",
    "activations",
    "seconds",
    "epochs",
    "diverged",
    "state",
    "strategy",
)
_PARTIAL = re.compile(r"\..+\.(\d{1,9})\.part", re.DOTALL)
_A_DAY = 86_400  # seconds


@contextmanager
def replacing(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """A name beside a file; what is written there takes the file's place when the block ends, whole or not at all.

    Args:
        lasting: on the disk before it takes the place, so that a power cut leaves the old file or the new one.

    Raises:
        OSError: it cannot be written, or something else than a regular file has its name.
    """
    if path.exists() and (kind := no_file(path.stat().st_mode)) is not None:
        raise OSError(errno.EINVAL, f"it is {kind}, and a file is to be written", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{_short(path.name)}.{os.getpid()}.part")
    try:
        yield partial
        if lasting:
            flush(partial)
        os.replace(partial, path)
        if lasting:
            flush(path.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def _short(name: str) -> str:
    """A name to which more can be added: file systems have 255 bytes for one."""
    text = os.fsencode(name)
    return name if len(text) <= 230 else hashlib.sha256(text).hexdigest()[:16]


def flush(path: Path) -> None:
    """Put what was written to a file, or the names in a folder, on the disk; where the system can do that."""
    try:
        file = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems have no way to flush a folder
            raise
    finally:
        os.close(file)


def remove_leftovers(folder: Path, *below: str) -> None:
    """Remove what `replacing` left where its process was killed; what a living process writes stays.

    Args:
        below: further folders, as patterns below ``folder``.
    """
    for place in ("", *(f"{pattern}/" for pattern in below)):
        for path in folder.glob(f"{place}.*.part"):
            match = _PARTIAL.fullmatch(path.name)
            with suppress(OSError):
                if match and (time.time() - path.stat().st_mtime > _A_DAY or not alive(int(match[1]))):
                    path.unlink()


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Replace a file in one step: a reader sees the old text or the new, never half of it. See `replacing`.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path, lasting=lasting) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Replace a JSON file in one step.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n", lasting=lasting)


def append_json(path: Path, value: Any) -> None:
    """Add a line to a file of JSON lines, made with its folder if it is not there, in one write.

    The line before it may be cut off by a full disk or a power cut: a line begins with an end of line, too, so that it
    is never glued to the rest of another. Processes of one machine can write to one file.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    line = b"\n" + json.dumps(value, allow_nan=False).encode() + b"\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        if os.write(file, line) != len(line):
            raise OSError(errno.ENOSPC, "only a part of a line was written", str(path))
    finally:
        os.close(file)


def record(row: Mapping[str, Any]) -> dict[str, Any]:
    """A flat row of a table: ``params_by_name``, ``errors`` and ``metrics`` become columns ``param.NAME``, ``epoch_N``
    and ``metric.NAME``. Measures beyond the built-in ones, and the objective, have a column of their name where the row
    knows them.
    """
    flat = {name: row.get(name, "") for name in COLUMNS}
    flat["schema"] = SCHEMA
    if isinstance(flat["architecture"], Mapping):
        flat["architecture"] = json.dumps(flat["architecture"], sort_keys=True, separators=(",", ":"))
    flat.update(costs_in(row))
    flat.update({name: row[name] for name in ("objective",) if name in row})
    flat.update({f"epoch_{number}": error for number, error in enumerate(row.get("errors", ()), 1)})
    flat.update({f"param.{name}": value for name, value in row.get("params_by_name", {}).items()})
    flat.update(columns(row.get("metrics", {})))
    return flat


def _in_order(rows: Iterable[list[str]]) -> list[str]:
    """All names of some rows, each behind the one that it follows in its row."""
    found: list[str] = []
    for names in rows:
        if not found:
            found = names
        for place, name in enumerate(names):
            if name not in found:
                found.insert(found.index(names[place - 1]) + 1 if place else 0, name)
    return found


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a CSV file of records; columns that only some rows have stay empty in the others."""
    flat = [record(row) for row in rows]
    names = list(COLUMNS)
    extra = {name for row in flat for name in row if name not in COLUMNS}
    epochs = sorted((name for name in extra if name.startswith("epoch_")), key=lambda name: int(name[6:]))
    names += epochs + _in_order([[name for name in row if name.startswith("param.")] for row in flat])
    names += sorted(extra - set(names))
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(flat)
