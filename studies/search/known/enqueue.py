"""Known networks first: points of the space from a file, evaluated before a strategy proposes any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from regnas.costs import complexity_of
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, Range
from regnas.errors import InvalidArchitecture, UsageError
from regnas.sampling.batch import Params
from regnas.system.optuna_internals import enqueued_params
from regnas.system.reading import read_json
from regnas.tables.rows import SUFFIXES, read_sheet
from regnas.window import human

# User attribute of a trial whose network the user chose: it is no part of a random sample.
ENQUEUED = "regnas:enqueued"
_PARAM = "param."


def read(path: str | Path, space: Space) -> tuple[Params, ...]:
    """The points of a file, checked: each lies in the space and in its window, and is there once.

    Args:
        path: JSON, an object or a list of objects with parameters by name, or with these under ``params_by_name`` as
            in best.json; or CSV or JSONL with columns ``param.NAME`` as in trials.csv.

    Raises:
        UsageError: names the entry, and what is wrong with it.
    """
    file = Path(path)
    entries = _json(file) if file.suffix == ".json" else _sheet(file)
    if not entries:
        raise UsageError(f"{file} holds no networks")
    points = [_checked(where, params, space) for where, params in entries]
    return tuple({json.dumps(point, sort_keys=True): point for point in points}.values())


def add(study: optuna.Study, points: tuple[Params, ...], space: Space) -> None:
    """Enqueue what the study does not have yet: once, however often the search goes on."""
    free = list(space.distributions)
    there = [
        _params(trial)
        for trial in study.get_trials(deepcopy=False)
        if "index" in trial.user_attrs or trial.state == TrialState.WAITING
    ]
    for point in points:
        params = {name: point[name] for name in free}
        if params not in [{name: one.get(name) for name in free} for one in there]:
            study.enqueue_trial(params, user_attrs={ENQUEUED: 1})


def _params(trial: FrozenTrial) -> dict[str, Any]:
    return trial.params or enqueued_params(trial)


def _json(file: Path) -> list[tuple[str, dict[str, Any]]]:
    value = read_json(file, UsageError)
    entries = value if isinstance(value, list) else [value]
    found = []
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} of {file}"
        params = entry.get("params_by_name", entry) if isinstance(entry, Mapping) else None
        if not isinstance(params, Mapping):
            raise UsageError(f"{where} is an object of parameters by name, got {json.dumps(entry)[:80]}")
        found.append((where, dict(params)))
    return found


def _sheet(file: Path) -> list[tuple[str, dict[str, Any]]]:
    if not file.name.endswith(SUFFIXES):
        raise UsageError(f"known networks are in a file .json, {', '.join(SUFFIXES)}, got {file}")
    found = []
    for line, row in read_sheet(file, UsageError).rows:
        params = {name.removeprefix(_PARAM): _value(value) for name, value in row.items() if name.startswith(_PARAM)}
        params = params or dict(row.get("params_by_name") or {})
        if not params:
            raise UsageError(f"line {line} of {file} has no column {_PARAM}NAME: its parameters are unknown")
        found.append((f"line {line} of {file}", {name: value for name, value in params.items() if value != ""}))
    return found


def _value(cell: Any) -> Any:
    """A cell as a number where it is one."""
    if not isinstance(cell, str):
        return cell
    try:
        return int(cell)
    except ValueError:
        try:
            return float(cell)
        except ValueError:
            return cell


def _checked(where: str, params: Mapping[str, Any], space: Space) -> Params:
    """The canonical point of an entry."""
    try:
        whole = space.complete(params)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    for name, law in space.dimensions.items():
        if not law.contains(whole[name]):
            raise UsageError(f"{where}: {name} is {_values(law)} in {space.spec}, got {whole[name]!r}")
    point, active = space.canonical(whole), space.active(whole)
    if idle := [name for name in params if name not in active and whole[name] != point[name]]:
        raise UsageError(f"{where}: {', '.join(idle)} is not active there, under {active}: leave it out")
    try:
        cost = complexity_of(space.decode(point), space.resolution)
        inside = space.contains(whole)
    except InvalidArchitecture as error:
        raise UsageError(f"{where} is no network: {error}") from error
    if not inside:
        reason = space.member(point) or "it breaks a rule or a limit of the space"
        raise UsageError(f"{where} is not in {space.spec}: {reason}")
    if not space.window.broken(cost):
        space.measured(space.decode(point), cost)  # what a user names is measured, whatever is expected of it
    if space.judge(point) is None:
        has = ", ".join(f"{name} {human(number)}" for name, number in cost.items())
        raise UsageError(f"{where} lies outside the window {space.window}: it has {has}")
    return point


def _values(law: Dimension) -> str:
    if isinstance(law, Range):
        return f"from {law.low} to {law.high} in steps of {law.step}"
    return f"one of {', '.join(map(str, law.values))}" if isinstance(law, Choice) else str(law)
