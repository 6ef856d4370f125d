"""Plug-ins by name. The built-ins come in by the same door as a stranger's: entry points."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from regnas.errors import PluginBroken, PluginNotFound, RegnasError
from regnas.plugins.moved import moved

GROUPS = {
    "architecture": "regnas.architectures",
    "space": "regnas.search_spaces",
    "strategy": "regnas.strategies",
    "pruner": "regnas.pruners",
    "evaluator": "regnas.evaluators",
    "data set": "regnas.datasets",
    "executor": "regnas.executors",
    "table": "regnas.tables",
    "format": "regnas.formats",
    "preset": "regnas.presets",
    "measure": "regnas.measures",
    "logger": "regnas.loggers",
}


def installed(kind: str) -> dict[str, EntryPoint]:
    """Entry points of one kind by name, sorted; nothing is imported."""
    found = {point.name: point for point in entry_points(group=GROUPS[kind])}
    return dict(sorted(found.items()))


@cache  # finding entry points reads the metadata of every installed distribution; what raises is not kept
def load(kind: str, name: str) -> Any:
    """Import one plug-in.

    Raises:
        PluginNotFound: names what is installed and the nearest name.
        PluginBroken: the plug-in raised on import.
    """
    points = installed(kind)
    if name not in points:
        near = difflib.get_close_matches(name, points, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        listed = ", ".join(points) or "none (is regnas installed? pip install .)"
        raise PluginNotFound(f"no {kind} {name!r}, installed: {listed}{hint}")
    point = points[name]
    try:
        return point.load()
    except RegnasError:
        raise
    except Exception as error:
        owner = f" of {point.dist.name}" if point.dist is not None else ""
        way_out = moved(error) or "repair or uninstall it"
        raise PluginBroken(
            f"the {kind} plug-in {name!r}{owner} ({point.value}) raised on import: "
            f"{type(error).__name__}: {_first_line(error)}; {way_out}"
        ) from error


def make(kind: str, name: str, /, *arguments: Any, **named: Any) -> Any:
    """What the factory of a plug-in makes.

    Raises:
        PluginNotFound, PluginBroken: as `load`.
        PluginBroken: the factory raised something else than a `RegnasError`.
    """
    factory = load(kind, name)
    try:
        return factory(*arguments, **named)
    except (RegnasError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit would end the command without a word
        raise PluginBroken(
            f"the {kind} plug-in {name!r} raised {type(error).__name__} when it was made: {_first_line(error)}; repair "
            f"it, or give it other options"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
