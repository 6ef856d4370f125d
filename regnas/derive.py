"""How a spec's values derive a space: ``2``, ``12:20``, ``8|16|32``, ``wa``, ``1-2-2-2``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from regnas.errors import UsageError

if TYPE_CHECKING:
    from regnas.design_space import Space


def number(text: str) -> int | float | None:
    """The finite number a text is, or None."""
    try:
        return int(text)
    except ValueError:
        try:
            read = float(text)
        except ValueError:
            return None
    return read if math.isfinite(read) else None


def parse_value(text: str, name: str) -> Any:
    """A number, a name, a list of choices ``a|b``, or a pair ``(low, high)`` with None for an open side."""
    if "|" in text:
        return [_value(part.strip()) for part in text.split("|")]
    if ":" in text:
        parts = [part.strip() for part in text.split(":")]
        ends = [number(part) if part else None for part in parts]
        bad = len(parts) != 2 or any(part and end is None for part, end in zip(parts, ends, strict=True))
        if bad:
            raise UsageError(f"a range of {name} is low:high, got {text!r}")
        if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
            raise UsageError(f"a range of {name} runs from low to high, got {text!r}; write {parts[1]}:{parts[0]}")
        return tuple(ends)
    return _value(text)


def _value(text: str) -> int | float | str:
    read = number(text)
    return text if read is None else read


def option_text(value: Any) -> str:
    """The spec's text of a Python value: a number or name as it is, a list as choices, a tuple as ``1-2-2-2``."""
    if isinstance(value, list):
        return "|".join(map(str, value))
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return str(value)


def expand(space: Space, names: Sequence[str], value: str) -> Iterator[tuple[str, str]]:
    """Each parameter that a key stands for, with the one it is tied to or ``""``."""
    sources = space.parameters_of(value)
    if sources and len(sources) != len(names):
        raise UsageError(f"{value} stands for {len(sources)} parameters and cannot be tied to {len(names)}")
    for index, name in enumerate(names):
        yield name, sources[index] if sources else ""
