"""Large tables of numbers alone, read column by column: a million models fit where a row each would not.

What is more than numbers, or wrong, is left to `regnas.studies.populations.files`, which takes a row at a time and says
what is wrong with which.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.measure import BUILT_IN, installed
from regnas.studies.populations.population import Population, from_arrays

LARGE = 4 << 20  # bytes of a file from which this is worth while
_CHUNK = 50_000  # rows
_PARAMETER = "param."

Floats = npt.NDArray[np.float64]


def read_columns(path: Path, name: str) -> Population | None:
    """The population of a CSV file; None where it is no plain table of numbers, one row for each model.

    Args:
        name: what to call it.

    Raises:
        PopulationError: an error that is no fraction in [0, 1].
    """
    columns = _columns(path)
    if columns is None or not np.isfinite(columns["error"]).all():
        return None
    indices = columns.pop("index", np.arange(len(columns["error"]), dtype=np.float64))
    whole = np.isfinite(indices) & (np.abs(indices) <= 2**53) & (indices == np.rint(indices))
    if not whole.all() or len(np.unique(indices)) < len(indices):
        return None
    order = np.argsort(indices, kind="stable")
    known = {key: column[order] for key, column in columns.items()}
    values = {key[len(_PARAMETER) :]: known.pop(key) for key in list(known) if key.startswith(_PARAMETER)}
    own = {key: known.pop(key) for key in (*BUILT_IN, "e_fit") if key in known}
    if "seconds" in known:
        own["seconds"] = known.pop("seconds")[:, None]
    errors = known.pop("error")
    further = {key: column for key, column in known.items() if not np.isnan(column).all()}
    return from_arrays(name, errors, indices=indices[order].astype(np.int64), values=values, further=further, **own)


def _columns(path: Path) -> dict[str, Floats] | None:
    """Every column as numbers, NaN where a cell is empty; None where one holds anything else."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            names = [cell.strip() for cell in next(rows, [])]
            if not _plain(names):
                return None
            parts = []
            while chunk := list(islice(rows, _CHUNK)):
                parts.append(_numbers([row for row in chunk if row], len(names)))
        table = np.concatenate(parts) if parts else np.empty((0, len(names)))
    except (OSError, ValueError, csv.Error):
        return None
    return dict(zip(names, table.T, strict=True)) if len(table) else None


def _plain(names: Sequence[str]) -> bool:
    """Whether the columns are those of numbers, with the error among them."""
    numbers = {"error", "index", "seconds", "e_fit", *BUILT_IN, *installed()}
    known = all(name in numbers or name.startswith(_PARAMETER) for name in names)
    return known and "error" in names and len(set(names)) == len(names)


def _numbers(rows: list[list[str]], width: int) -> Floats:
    """Cells as numbers, ``(rows, width)``.

    Raises:
        ValueError: a cell that is none, or a row with more or fewer cells.
    """
    if any(len(row) != width for row in rows):
        raise ValueError("a row has another number of cells")
    cells: Any = [[float(cell) if cell else np.nan for cell in row] for row in rows]
    return np.array(cells, dtype=np.float64).reshape(len(rows), width)
