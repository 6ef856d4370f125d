"""Tables by name: an installed one such as NAS-Bench-201, a population that comes with regnas, a file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Protocol

from regnas.plugins import registry
from regnas.tables.files import read_trainings
from regnas.tables.rows import SUFFIXES
from regnas.tables.table import Table, TableError
from regnas.tables.trainings import Trainings

RECORDED = "recorded:"
OPTIONS = ("signal", "score", "surrogate")


class MakeTable(Protocol):
    """What an entry point of ``regnas.tables`` names."""

    def __call__(self, data: str) -> Trainings:
        """The recorded trainings on a data set, the part of ``NAME/DATA`` behind the slash.

        Raises:
            TableError: another data set, or the recordings are missing or damaged.
        """


def load_table(argument: str, options: Mapping[str, Any] | None = None) -> Table:
    """The table that a name means.

    Args:
        argument: ``nasbench201/cifar10``, ``cifar100`` or ``imagenet16-120``; ``recorded:DATA/SPACE``; a CSV or JSONL
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
    name, slash, data = argument.partition("/")
    if slash and name in registry.installed("table") and not Path(argument).exists():
        make: MakeTable = registry.load("table", name)
        return make(data)
    if argument.startswith(RECORDED):
        return _recorded(argument)
    path = Path(argument)
    if not path.exists():
        raise TableError(f"there is no table {argument}; name {_offer()}")
    if not path.name.endswith(SUFFIXES):
        raise TableError(f"a table is a file {', '.join(SUFFIXES)}, got {argument}")
    return read_trainings(path, path.name.split(".")[0])


def _recorded(argument: str) -> Trainings:
    name = argument.removeprefix(RECORDED)
    file = files("regnas.studies.recorded").joinpath(*f"{name}.csv.gz".split("/"))
    if not name or ".." in name.split("/") or not file.is_file():
        raise TableError(f"no recorded population {name!r}; `regnas list` shows which there are")
    with as_file(file) as path:
        return read_trainings(path, argument)


def _offer() -> str:
    installed = "".join(f"{name}/DATA, " for name in registry.installed("table"))
    return f"{installed}{RECORDED}DATA/SPACE or a file {', '.join(SUFFIXES)}"
