"""``regnas list``: what is installed."""

from __future__ import annotations

from regnas.plugins import registry
from regnas.search_spaces.staged import presets
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
}


def installed(what: str | None) -> dict[str, list[tuple[str, str]]]:
    """Names, and the distribution each comes from, of one kind or of all; nothing is imported."""
    kinds = {what: KINDS[what]} if what in KINDS else KINDS if what is None else {}
    found = {
        title: [(name, point.dist.name if point.dist else "?") for name, point in registry.installed(kind).items()]
        for title, kind in kinds.items()
    }
    if what in (None, "presets"):
        found["presets"] = [(name, "regnas") for name in presets.names()]
    if what in (None, "populations"):
        found["populations"] = [(f"{recorded.RECORDED}{name}", "regnas") for name in recorded.recorded_names()]
    return found
