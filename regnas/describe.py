"""What a network says of itself: views that reports, predictors and figures ask for, whatever its kind.

Each view is a protocol that an architecture may fulfil, and a function that asks for it and knows what to do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from regnas.architecture import Architecture, SupportsFeatures

_UNNUMBERED = ("kind", "schema", "flops", "params", "activations")


@runtime_checkable
class SupportsNumbers(Protocol):
    """An architecture that says which numbers describe it, where those of its JSON form and its features are not it."""

    def numbers(self) -> dict[str, float]:
        """Numbers by name; networks of one kind may have different names."""


def numbers(architecture: Architecture) -> dict[str, float]:
    """All numbers of a network by name: those of its JSON form, and ``features.NAME`` of what it knows of itself.

    Costs that the JSON form holds are none of them.
    """
    if isinstance(architecture, SupportsNumbers):
        return architecture.numbers()
    found = json_numbers(architecture.to_json())
    if isinstance(architecture, SupportsFeatures):
        found |= {f"features.{name}": float(value) for name, value in architecture.features().items()}
    return found


def json_numbers(value: Mapping[str, Any]) -> dict[str, float]:
    """Every number of an architecture's JSON form, by its path: ``widths.0``; a word is a number that is 1."""
    return dict(_numbers("", {name: entry for name, entry in value.items() if name not in _UNNUMBERED}))


def _numbers(name: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, Mapping):
        return [pair for key, entry in value.items() for pair in _numbers(f"{name}.{key}".strip("."), entry)]
    if isinstance(value, list | tuple):
        return [pair for place, entry in enumerate(value) for pair in _numbers(f"{name}.{place}", entry)]
    if isinstance(value, str):
        return [(f"{name}={value}", 1.0)]
    return [] if value is None else [(name, float(value))]
