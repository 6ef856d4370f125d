"""Files that outlive a run: whole or not there, and numbered so that later releases can read them."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from regnas.measure import costs_in
from regnas.metric import columns

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


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text)
    os.replace(partial, path)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


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
    and ``metric.NAME``. Measures beyond the built-in ones have a column of their name where the row knows them.
    """
    flat = {name: row.get(name, "") for name in COLUMNS}
    flat["schema"] = SCHEMA
    if isinstance(flat["architecture"], Mapping):
        flat["architecture"] = json.dumps(flat["architecture"], sort_keys=True, separators=(",", ":"))
    flat.update(costs_in(row))
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(flat)
    os.replace(partial, path)
