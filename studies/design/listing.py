"""``regnas list``: what is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from regnas.errors import PluginBroken
from regnas.plugins import registry
from regnas.preset import presets_of
from regnas.studies.recorded.files import RECORDED, recorded_names
from regnas.tables.sources import tables_of

KINDS = {
    "spaces": "space",
    "strategies": "strategy",
    "pruners": "pruner",
    "evaluators": "evaluator",
    "datasets": "data set",
    "architectures": "architecture",
    "executors": "executor",
    "formats": "format",
    "measures": "measure",
    "loggers": "logger",
}
# A plug-in of these kinds brings several, each with a name of its own.
_SEVERAL: dict[str, tuple[str, Callable[[str], Iterable[str]]]] = {
    "tables": ("table", tables_of),
    "presets": ("preset", presets_of),
}


def installed(what: str | None) -> dict[str, list[tuple[str, str]]]:
    """Names, and the distribution each comes from, of one kind or of all.

    Nothing is imported but the plug-ins that bring several tables or presets; one that is broken stands for its own.
    """
    asked = [what] if what is not None else [*KINDS, *_SEVERAL, "populations"]
    found = {}
    for title in asked:
        if title in _SEVERAL:
            kind, names_of = _SEVERAL[title]
            found[title] = [(name, owner) for plugin, owner in _owners(kind) for name in _names(plugin, names_of)]
        elif title in KINDS:
            found[title] = _owners(KINDS[title])
        else:
            found[title] = [(f"{RECORDED}{name}", "regnas") for name in recorded_names()]
    return found


def _owners(kind: str) -> list[tuple[str, str]]:
    """Plug-ins of a kind, each with its distribution."""
    return [(name, point.dist.name if point.dist else "?") for name, point in registry.installed(kind).items()]


def _names(plugin: str, names_of: Callable[[str], Iterable[str]]) -> list[str]:
    try:
        return list(names_of(plugin))
    except PluginBroken:
        return [plugin]
