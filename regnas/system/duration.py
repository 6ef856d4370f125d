"""Durations as people write them: ``90``, ``90s``, ``30m``, ``1.5h``."""

from __future__ import annotations

import math
import re

from regnas.errors import UsageError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)
LONGEST = 366 * 86400.0  # seconds


def seconds_of(duration: str | float, name: str) -> float:
    """The seconds of a duration.

    Args:
        name: of the flag, for the error.

    Raises:
        UsageError: it is none, or not above 0, or above a year.
    """
    match = _NUMBER.fullmatch(duration.strip()) if isinstance(duration, str) else None
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        found = float(duration)
    elif match is not None and match[2].lower() in _UNITS:
        found = float(match[1]) * _UNITS[match[2].lower()]
    else:
        raise UsageError(f"--{name} takes a number of seconds, or one with s, m, h or d, such as 30m; got {duration!r}")
    if not (math.isfinite(found) and 0 < found <= LONGEST):
        raise UsageError(f"--{name} is above 0 and at most 366d, got {duration}")
    return found


def short(seconds: float) -> str:
    """The shortest word that `seconds_of` reads back as the same whole number of seconds: ``205s``, ``20m``, ``2h``."""
    whole = max(1, round(seconds))
    for unit in ("d", "h", "m"):
        if whole % _UNITS[unit] == 0:
            return f"{whole // int(_UNITS[unit])}{unit}"
    return f"{whole}s"
