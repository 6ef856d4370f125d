"""``regnas list``: what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from regnas.errors import PluginBroken
from regnas.plugins import registry
from regnas.preset import presets_of
from regnas.studies.populations import recorded

KINDS = {
    "spaces": "space",
    "strategies": "strategy",
    "pruners": "pruner",
    "evaluators": "evaluator",
    "datasets": "data set",
    "architectures": "architecture",
    "executors": "executor",
    "tables": "table",
    "formats": "format",
}


def installed(what: str | None) -> dict[str, list[tuple[str, str]]]:
    """Names, and the distribution each comes from, of one kind or of all; plug-ins are imported for presets alone."""
    kinds = {what: KINDS[what]} if what in KINDS else KINDS if what is None else {}
    found = {
        title: [(name, point.dist.name if point.dist else "?") for name, point in registry.installed(kind).items()]
        for title, kind in kinds.items()
    }
    if what in (None, "presets"):
        found["presets"] = list(_presets())
    if what in (None, "populations"):
        found["populations"] = [(f"{recorded.RECORDED}{name}", "regnas") for name in recorded.recorded_names()]
    return found


def _presets() -> Iterator[tuple[str, str]]:
    for plugin, point in registry.installed("preset").items():
        with suppress(PluginBroken):
            yield from ((name, point.dist.name if point.dist else "?") for name in presets_of(plugin))
