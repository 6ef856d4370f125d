"""Tables by name: those of installed plug-ins, and files.

A plug-in is a class without arguments that an entry point of ``regnas.tables`` names.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from regnas.errors import PluginBroken
from regnas.plugins import registry
from regnas.tables.files import read_trainings
from regnas.tables.rows import SUFFIXES
from regnas.tables.table import Table, TableError
from regnas.tables.trainings import Trainings

OPTIONS = ("signal", "score", "surrogate")


class TableSource(Protocol):
    """Recorded trainings that have a name."""

    @property
    def data(self) -> Sequence[str]:
        """What there are trainings on: each the part of ``NAME/DATA`` or ``NAME:DATA`` behind the name."""

    def trainings(self, data: str) -> Trainings:
        """The recorded trainings on one of `data`, the same in every call.

        Raises:
            TableError: the recordings are missing or damaged, and what helps.
        """


def load_table(argument: str, options: Mapping[str, Any] | None = None) -> Table:
    """The table that a name means.

    Args:
        argument: ``NAME/DATA`` or ``NAME:DATA`` of an installed table, such as ``nasbench201/cifar10``; a CSV or JSONL
            file.
        options: ``signal`` and ``score`` as in `Trainings.table`. ``surrogate`` is for the evaluator.

    Raises:
        TableError: there is none, it is damaged, or an option it does not have.
    """
    given = dict(options or {})
    if wrong := sorted(set(given) - set(OPTIONS)):
        raise TableError(f"a table has no option {', '.join(wrong)}; it has {', '.join(OPTIONS)}")
    return load_trainings(argument).table(str(given.get("signal", "seed")), str(given.get("score", "mean")))


def load_trainings(argument: str) -> Trainings:
    """What a table of `load_table` is made of.

    Raises:
        TableError: there is none of that name, or it is damaged.
    """
    if not argument:
        raise TableError(f"a table needs a name: {_offer()}")
    for sign in ":/":
        name, there, data = argument.partition(sign)
        if there and name in registry.installed("table") and not Path(argument).exists():
            return _installed(name, data)
    path = Path(argument)
    if not path.exists():
        raise TableError(f"there is no table {argument}; name {_offer()}")
    if not path.name.endswith(SUFFIXES):
        raise TableError(f"a table is a file {', '.join(SUFFIXES)}, got {argument}")
    return read_trainings(path, path.name.split(".")[0])


def tables_of(name: str) -> list[str]:
    """What an installed plug-in has tables of, as a spec names them: ``nasbench201/cifar10``.

    Raises:
        PluginBroken: it raised on import.
    """
    return [_named(name, data) for data in _source(name).data]


def _installed(name: str, data: str) -> Trainings:
    source = _source(name)
    if data not in source.data:
        near = difflib.get_close_matches(data, source.data, n=1)
        hint = f"; did you mean {_named(name, near[0])}?" if near else ""
        raise TableError(f"there is no table {_named(name, data)}; {name} has {', '.join(tables_of(name))}{hint}")
    return source.trainings(data)


def _source(name: str) -> TableSource:
    made: TableSource = registry.load("table", name)()
    return made


def _named(name: str, data: str) -> str:
    return f"{name}:{data}" if "/" in data else f"{name}/{data}"


def _offer() -> str:
    """Every table there is a name for, but the many of one plug-in as a pattern."""
    found = []
    for name in registry.installed("table"):
        try:
            tables = tables_of(name)
        except PluginBroken:
            continue
        found += tables if len(tables) <= 4 else [f"one of {len(tables)} such as {tables[0]}"]
    return f"{', '.join(found)} (regnas list tables), or a file {', '.join(SUFFIXES)}"
