"""Lists of names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; "" of none."""
    *rest, last = names or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
