"""Trainings from a file: a population as regnas writes it, or any CSV or JSONL file with further columns of numbers.

Rows are trainings. Those of one ``index``, or without that column those of one network, are its trainings with
other seeds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regnas.architecture import canonical, from_json
from regnas.describe import summary
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.overrides import number
from regnas.sampling.batch import Params
from regnas.system.files import COLUMNS
from regnas.tables.point import Point
from regnas.tables.rows import Row, Sheet, read_number, read_object, read_sheet
from regnas.tables.table import Floats, TableError, point
from regnas.tables.trainings import Trainings

_EPOCH = re.compile(r"epoch_([1-9]\d*)")
_PARAMETER = "param."
_COSTS = (*BUILT_IN, "depth")
# Columns that are no measurement of a network: what names it, and how the row came about.
_OTHER = {*COLUMNS, "trial", "failure", "depth"} - {"error"}


@dataclass(frozen=True)
class _Training:
    """One row: a network, and what one of its trainings gave."""

    line: int
    index: str
    seed: str
    architecture: Mapping[str, Any] | None
    params: Params
    costs: Mapping[str, float]
    seconds: float
    numbers: Mapping[str, float]
    curve: tuple[float, ...]

    @property
    def network(self) -> tuple[Any, ...]:
        """Equal in rows of one network; unknown costs are one and the same NaN, and so equal."""
        return self.architecture, self.params, self.costs

    @property
    def name(self) -> str:
        """What tells rows of different networks apart, as text."""
        return self.index or canonical({"architecture": self.architecture, "params": self.params})


def read_trainings(path: Path, name: str) -> Trainings:
    """The trainings of a file.

    Args:
        name: what to call the table.

    Raises:
        TableError: not there, truncated, damaged, a cell that is no number, rows that name no network, one network
            twice with one seed, or two networks of one index.
    """
    sheet = read_sheet(path, TableError)
    names = list(dict.fromkeys(column for header in sheet.headers for column in header))
    if repeated := sorted({column for header in sheet.headers for column in header if header.count(column) > 1}):
        raise TableError(f"{path} has the column {', '.join(repeated)} twice; rename or leave out one")
    kept = [(line, row) for line, row in sheet.rows if _state(row) == "COMPLETE"]
    numeric = _numeric(names, kept)
    of_header = {header: _Names.of(header, numeric) for header in sheet.headers}
    trainings = [_training(path, line, row, of_header[tuple(row)]) for line, row in kept]
    if not trainings:
        raise TableError(f"{path} is empty: it has no row of a network with an error")
    groups = _by_network(path, trainings)
    failed = sum(_state(row) == "FAIL" for _, row in sheet.rows)
    return _arrays(name, groups, numeric, _images(sheet), failed=failed, space=_space(sheet))


def _state(row: Row) -> str:
    return str(row.get("state") or "COMPLETE")


def _images(sheet: Sheet) -> Images:
    """The images of a population of ours; those of the class where the file does not say."""
    stored = _settings(sheet).get("images")
    if not isinstance(stored, Mapping):
        return Images()
    return Images.from_json(stored)


def _space(sheet: Sheet) -> str | None:
    """The space that all networks are said to be from."""
    spaces = {str(row.get("space") or "") for _, row in sheet.rows}
    found = _settings(sheet).get("space") or (spaces.pop() if len(spaces) == 1 else "")
    return str(found) or None


def _settings(sheet: Sheet) -> Mapping[str, Any]:
    """How a population of ours was drawn and trained; empty where the file does not say."""
    settings = (sheet.top or {}).get("settings")
    return settings if isinstance(settings, Mapping) else {}


def _numeric(names: list[str], rows: list[tuple[int, Row]]) -> list[str]:
    """Columns of measurements: numbers or nothing in every row, with at least one number."""
    free = [name for name in names if name not in _OTHER and not name.startswith(_PARAMETER)]
    found = []
    for name in free:
        cells = [row.get(name) for _, row in rows]
        given = [cell for cell in cells if cell not in (None, "")]
        if name == "error" or (not _EPOCH.fullmatch(name) and given and all(map(_is_number, given))):
            found.append(name)
    return found


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return not isinstance(cell, bool)


@dataclass(frozen=True)
class _Names:
    """The columns of a row by what they hold."""

    measured: tuple[str, ...]
    epochs: tuple[str, ...]
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, header: tuple[str, ...], numeric: list[str]) -> _Names:
        last = max((int(match[1]) for name in header if (match := _EPOCH.fullmatch(name))), default=0)
        epochs = tuple(f"epoch_{epoch}" for epoch in range(1, last + 1))
        return cls(tuple(numeric), epochs, tuple(name for name in header if name.startswith(_PARAMETER)))


def _training(path: Path, line: int, row: Row, names: _Names) -> _Training:
    def cell(name: str) -> float:
        value = read_number(path, line, name, row.get(name), TableError)
        return math.nan if value == "" else float(value)

    index, seed = (row.get(name) for name in ("index", "seed"))
    return _Training(
        line=line,
        index="" if index is None else str(index),
        seed="" if seed is None else str(seed),
        architecture=_architecture(path, line, row.get("architecture")),
        params={
            name.removeprefix(_PARAMETER): _value(path, line, name, row[name])
            for name in names.parameters
            # What is not active in a network is empty; without an architecture the name of a network would be, too.
            if row.get(name) not in (None, "") or row.get("architecture") in (None, "")
        },
        costs={name: cell(name) for name in _COSTS},
        seconds=cell("seconds"),
        numbers={name: cell(name) for name in names.measured},
        curve=tuple(cell(name) for name in names.epochs),
    )


def _value(path: Path, line: int, name: str, value: Any) -> Any:
    """A parameter: a whole number, a number or a name."""
    if value in (None, "") or isinstance(value, bool | list | dict):
        raise TableError(f"{path}, line {line}: {name} is a number or a name, got {value!r}; write a name such as none")
    found = number(str(value)) if isinstance(value, str) else value
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return value if found is None else found


def _architecture(path: Path, line: int, cell: Any) -> Mapping[str, Any] | None:
    if cell in (None, ""):
        return None
    value = read_object(path, line, cell, TableError) if isinstance(cell, str) else cell
    if not isinstance(value, Mapping):
        raise TableError(f"{path}, line {line}: an architecture is a JSON object, got {cell!r}")
    return value


def _by_network(path: Path, trainings: list[_Training]) -> list[list[_Training]]:
    """Trainings of one network each, networks in the order of the file.

    Raises:
        TableError: see `read_trainings`.
    """
    first = trainings[0]
    if not any(one.params or one.architecture for one in trainings):
        raise TableError(
            f"{path} names no network: give it columns param.NAME with the parameters, or architecture with JSON"
        )
    for one in trainings:
        same = one.params.keys() == first.params.keys() or one.architecture is not None
        if bool(one.index) != bool(first.index) or not same:
            raise TableError(
                f"{path}, line {one.line}: other columns param.NAME or index are filled in than in line {first.line}; "
                f"fill in the same in every row"
            )
    groups: dict[str, list[_Training]] = {}
    for one in trainings:
        groups.setdefault(one.name, []).append(one)
    for group in groups.values():
        _check_group(path, group)
    return list(groups.values())


def _check_group(path: Path, group: list[_Training]) -> None:
    lines: dict[str, int] = {}
    for one in group:
        if one.network != group[0].network:
            raise TableError(
                f"{path}, lines {group[0].line} and {one.line}: index {one.index} is two different networks; number "
                f"the networks, not the rows"
            )
        if one.seed and one.seed in lines:
            raise TableError(
                f"{path}, lines {lines[one.seed]} and {one.line}: the same network twice with seed {one.seed}; keep one"
            )
        lines[one.seed] = one.line


def _arrays(
    name: str, groups: list[list[_Training]], numeric: list[str], images: Images, *, failed: int, space: str | None
) -> Trainings:
    n, s = len(groups), max(map(len, groups))
    t = max(len(one.curve) for group in groups for one in group)
    columns = {column: np.full((n, s), np.nan) for column in numeric}
    curves, seconds = np.full((n, s, t), np.nan), np.full((n, s), np.nan)
    for i, group in enumerate(groups):
        for j, one in enumerate(group):
            seconds[i, j] = one.seconds
            curves[i, j, : len(one.curve)] = one.curve
            for column in numeric:
                columns[column][i, j] = one.numbers[column]
    heads = [group[0] for group in groups]
    costs = {cost: np.array([head.costs[cost] for head in heads]) for cost in _COSTS}
    if np.isnan(costs["depth"]).all():  # many a space has a parameter of that name
        costs["depth"] = np.array([_depth(head) for head in heads])
    points = tuple(head.params for head in heads) if heads[0].params else None
    return Trainings(
        name=name,
        keys=tuple(map(_key, heads)),
        points=points,
        columns=columns,
        curves=curves,
        seconds=_known_mean(seconds),
        **costs,
        exhaustive=points is not None and _is_whole(points),
        images=images,
        architectures=tuple(_network(head) for head in heads),
        failed=failed,
        space=space,
    )


def _point(one: _Training) -> Point:
    return point(one.params, *(one.costs[cost] for cost in BUILT_IN))


def _key(one: _Training) -> str:
    return _point(one).key() if one.architecture is None else from_json(one.architecture).key()


def _network(one: _Training) -> Mapping[str, Any]:
    return _point(one).to_json() if one.architecture is None else one.architecture


def _depth(one: _Training) -> float:
    """What a trial of the network stores as ``depth``, or the parameter of that name."""
    known = summary(one.architecture or {}).attributes
    value = known.get("depth", one.params.get("depth"))
    return float(value) if isinstance(value, int | float) else math.nan


def _is_whole(points: tuple[Params, ...]) -> bool:
    """Whether every combination of the values that occur is there."""
    if any(params.keys() != points[0].keys() for params in points):
        return False
    sizes = [len({params[name] for params in points}) for name in points[0]]
    return math.prod(sizes) == len({tuple(params.items()) for params in points})


def _known_mean(array: Floats) -> Floats:
    """``(n,)`` mean over the known entries of ``(n, s)``; NaN where there are none."""
    known = np.isfinite(array)
    total = np.where(known, array, 0.0).sum(axis=1)
    mean = np.divide(total, known.sum(axis=1), out=np.full(len(array), np.nan), where=known.any(axis=1))
    return np.asarray(mean)
