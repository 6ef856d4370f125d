"""Populations as files: CSV and JSONL, plain or compressed, with how the models were drawn and trained on top.

The rows are those of trials.csv, one per training. The first line holds what is no column: in CSV a comment,
``# regnas population {...}``, in JSONL an object with the key ``population``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from regnas.errors import RegnasError
from regnas.measure import BUILT_IN, installed
from regnas.studies.populations.columns import LARGE, read_columns
from regnas.studies.populations.population import SCHEMA, Population, PopulationError, from_rows, to_rows
from regnas.system.files import COLUMNS, record, replacing
from regnas.system.reading import fields_if_whole
from regnas.tables.rows import SUFFIXES, TOP, Row, is_jsonl, read_number, read_object, read_sheet

_EXTRA = ("e_fit", "trial", "failure")
_FREE = re.compile(r"epoch_\d+|(param|metric)\..+")
_TOP_KINDS = {"schema": int, "trainings": int, "failed": int, "marks": list, "measures": list, "settings": dict}
_YES, _NO = ("1", "1.0", "true"), ("", "0", "0.0", "false", "none")
_STATES = ("COMPLETE", "FAIL", "RUNNING", "WAITING", "PRUNED", "SAMPLED")
_NUMBERS = ("error", *BUILT_IN, "seconds", "e_fit")


def write_population(path: Path, population: Population) -> None:
    """Write a population; the file appears whole or not at all, and equal populations give equal bytes.

    Raises:
        PopulationError: the file's name does not end in .csv or .jsonl, or these and .gz.
        RegnasError: it cannot be written.
    """
    if not path.name.endswith(SUFFIXES):
        raise PopulationError(f"a population is written to {', '.join(SUFFIXES)}, got {path.name!r}")
    rows = to_rows(population)
    top = {
        "schema": SCHEMA,
        "name": population.name,
        "models": len(population),
        "trainings": len(rows) - population.failed,
        "failed": population.failed,
        **({"measures": list(population.further)} if population.further else {}),
        "marks": list(population.marks),
        "settings": dict(population.settings),
    }
    text = _jsonl_text(top, rows) if is_jsonl(path) else _csv_text(top, rows)
    data = text.encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        with replacing(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror}") from error


def _flat(row: Row) -> Row:
    flat = record(row)
    return {**flat, "e_fit": row["e_fit"]} if row.get("e_fit", "") != "" else flat


def _csv_text(top: Row, rows: list[Row]) -> str:
    flat = [_flat(row) for row in rows]
    names = list(COLUMNS) + sorted({name for row in flat for name in row} - set(COLUMNS), key=_column_order)
    out = io.StringIO()
    out.write(f"{TOP}{json.dumps(top, sort_keys=True)}\n")
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _column_order(name: str) -> tuple[int, int, str]:
    if name.startswith("epoch_"):
        return 0, int(name[6:]), name
    return (1, 0, "") if name == "e_fit" else (2, 0, name)


def _jsonl_text(top: Row, rows: list[Row]) -> str:
    lines = [json.dumps({"population": top}, sort_keys=True)]
    for row in rows:
        flat = {name: value for name, value in _flat(row).items() if value != ""}
        if row.get("architecture"):
            flat["architecture"] = row["architecture"]
        lines.append(json.dumps(flat, sort_keys=True))
    return "\n".join(lines) + "\n"


def read_population(path: str | Path, name: str | None = None) -> Population:
    """Read a CSV or JSONL file: one of ours, a search's trials.csv, or a table with a column ``error``.

    Args:
        name: what to call it; its own name or the file's unless said.

    Raises:
        PopulationError: not there, truncated, unknown columns, a cell that is no number, several spaces, or no
            complete model.
    """
    path = Path(path)
    if (plain := _large(path, name)) is not None:
        return plain
    top, rows = _read(path)
    bad = [key for key, kind in _TOP_KINDS.items() if top and key in top and not isinstance(top[key], kind)]
    if bad:
        raise PopulationError(f"{path}: the first line says no usable {', '.join(bad)}; it is damaged")
    if top and top.get("schema", SCHEMA) != SCHEMA:
        raise PopulationError(f"{path} is a population of schema {top['schema']}; this release reads {SCHEMA}")
    complete = sum(row["state"] == "COMPLETE" for row in rows)
    for what, there in (("trainings", complete), ("failed", len(rows) - complete)):
        if top and top.get(what, there) != there:
            noun = "failed candidates" if what == "failed" else what
            raise PopulationError(f"{path} holds {there} of {top[what]} {noun}: it is truncated")
    settings = top.get("settings") if top else _settings_beside(path) or _settings_in(path, rows)
    called = name or (top or {}).get("name") or _default_name(path, settings, rows)
    try:
        population = from_rows(called, rows, settings=settings)
    except PopulationError as error:
        raise PopulationError(f"{path}: {error}") from error
    if not top:
        return population
    return replace(population, marks=tuple(top.get("marks", ())))


def _large(path: Path, name: str | None) -> Population | None:
    """A large file of numbers alone; None where it is to be read row by row."""
    if path.suffix != ".csv" or path.name.startswith("trials.") or not path.is_file():
        return None
    if path.stat().st_size < LARGE or not _ends(path):
        return None
    try:
        return read_columns(path, name or path.name.split(".")[0])
    except PopulationError as error:
        raise PopulationError(f"{path}: {error}") from error


def _ends(path: Path) -> bool:
    """Whether a file's last line has its end."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _default_name(path: Path, settings: Mapping[str, Any] | None, rows: list[Row]) -> str:
    spaces = {row.get("space", "") for row in rows} - {""}
    if settings and settings.get("space"):
        return str(settings["space"])
    return str(spaces.pop()) if len(spaces) == 1 else path.name.split(".")[0]


def _settings_beside(path: Path) -> dict[str, Any] | None:
    """The settings of the study whose trials.csv this is."""
    found = fields_if_whole(path.parent / "study.json", settings=dict) if path.name.startswith("trials.") else None
    return None if found is None else dict(found["settings"])


def _settings_in(path: Path, rows: list[Row]) -> dict[str, Any]:
    """What the rows of a table say of how its models were drawn: their space and strategy."""
    found: dict[str, Any] = {}
    for key in ("space", "strategy"):
        values = sorted({str(row.get(key, "")) for row in rows} - {""})
        if len(values) > 1:
            raise PopulationError(f"{path} holds more than one {key}: {', '.join(values)}; a population is of one")
        if values and key == "strategy":
            found[key] = values[0]
    return found


def _read(path: Path) -> tuple[Row | None, list[Row]]:
    sheet = read_sheet(path, PopulationError)
    measures = {*installed(), *map(str, (sheet.top or {}).get("measures") or ())}
    for names in sheet.headers:
        _check_names(path, names, measures)
    return sheet.top, [_row(path, line, cells, measures) for line, cells in sheet.rows]


def _check_names(path: Path, names: Iterable[str], measures: Collection[str]) -> None:
    given = list(names)
    known = {*COLUMNS, *_EXTRA, *measures}
    unknown = [name for name in given if name not in known and not _FREE.fullmatch(name)]
    if unknown:
        raise PopulationError(
            f"{path} has unknown columns {', '.join(map(repr, unknown))}; known are {', '.join(COLUMNS)}, e_fit, "
            f"epoch_1 and so on, param.NAME, metric.NAME and the installed measures"
        )
    if "error" not in given and "state" not in given:
        raise PopulationError(f"{path} has no column error: the validation error of every model, a fraction")
    if repeated := {name for name in given if given.count(name) > 1}:
        raise PopulationError(f"{path} has the column {', '.join(sorted(repeated))} twice")


def _row(path: Path, line: int, cells: Row, measures: Collection[str]) -> Row:
    """One training: cells of text or of JSON as the values that `from_rows` takes."""
    row: Row = {name: cells.get(name, "") for name in (*COLUMNS, "failure")}
    if str(row["schema"]) not in ("", str(SCHEMA)):
        raise PopulationError(f"{path}, line {line}: a row of schema {row['schema']}; this release reads {SCHEMA}")
    row["state"] = row["state"] or "COMPLETE"
    for name in (*_NUMBERS, *(name for name in measures if name in cells and name not in BUILT_IN)):
        row[name] = read_number(path, line, name, cells.get(name, ""), PopulationError)
    for name in ("index", "seed"):
        value = read_number(path, line, name, row[name], PopulationError)
        if value != "" and not (abs(value) <= 2**53 and value == int(value)):
            raise PopulationError(f"{path}, line {line}: {name} is a whole number, got {row[name]!r}")
        row[name] = "" if value == "" else int(value)
    if row["state"] not in _STATES:
        raise PopulationError(f"{path}, line {line}: state is one of {', '.join(_STATES)}, got {row['state']!r}")
    if row["state"] == "COMPLETE" and (row["error"] == "" or not math.isfinite(row["error"])):
        raise PopulationError(
            f"{path}, line {line}: a complete model has a finite error, got {cells.get('error', '')!r}"
        )
    diverged = str(row["diverged"]).strip().lower()
    if diverged not in _YES + _NO:
        raise PopulationError(f"{path}, line {line}: diverged is 0 or 1, got {row['diverged']!r}")
    row["diverged"] = diverged in _YES
    if isinstance(row["architecture"], str) and row["architecture"]:
        row["architecture"] = read_object(path, line, row["architecture"], PopulationError)
    if row["architecture"] and not isinstance(row["architecture"], dict):
        raise PopulationError(f"{path}, line {line}: an architecture is a JSON object, got {row['architecture']!r}")
    epochs = sorted((name for name in cells if name.startswith("epoch_")), key=lambda name: int(name[6:]))
    curve = [read_number(path, line, name, cells[name], PopulationError) for name in epochs]
    row["errors"] = [math.nan if value == "" else value for value in curve]
    while row["errors"] and math.isnan(row["errors"][-1]):
        row["errors"].pop()
    row["params_by_name"] = {name[6:]: _plain(value) for name, value in cells.items() if name.startswith("param.")}
    return row


def _plain(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
