"""What networks cost, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regnas.measure import BUILT_IN, in_units_of_time, ordered, short_of
from regnas.window import human

# The built-in measures in columns: head, what a number is divided by, digits, and what stands behind it.
_COLUMNS = {"flops": ("MF", 1e6, 2, ""), "params": ("params", 1e3, 1, "k"), "activations": ("acts", 1e3, 1, "k")}


def line(cost: Mapping[str, float]) -> str:
    """A network's cost in a few words: ``1.25 MF``, and measures beyond the built-in ones by name; what is unknown is
    left out.
    """
    parts = [f"{cell('flops', cost)} MF"] if "flops" in cost else []
    return ", ".join([*parts, *(f"{short_of(name)} {cell(name, cost)}" for name in cost if name not in BUILT_IN)])


def names_of(costs: Sequence[Mapping[str, float]]) -> list[str]:
    """The measures that a table of these networks has columns of: the built-in ones, and what any of them has."""
    return ordered({*BUILT_IN, *(name for cost in costs for name in cost)})


def head(name: str) -> str:
    """The head of a measure's column."""
    return _COLUMNS[name][0] if name in _COLUMNS else short_of(name)


def cell(name: str, cost: Mapping[str, float]) -> str:
    """A network's number of a measure; empty where it is not known."""
    if name not in cost:
        return ""
    if name in _COLUMNS:
        _, scale, digits, suffix = _COLUMNS[name]
        return f"{cost[name] / scale:.{digits}f}{suffix}"
    if in_units_of_time(name):
        return human(float(f"{cost[name]:.4g}"), name)
    return human(cost[name]) if float(cost[name]).is_integer() else f"{cost[name]:.4g}"
