"""Numbers as reports write them: p values as text, and whatever holds numbers as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def p_text(p: float) -> str:
    """A p value in the digits that matter."""
    return f"{p:.2g}" if p >= 0.0001 else "< 0.0001"


def plain(value: Any) -> Any:
    """Lists, dicts, numbers and words alone."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
