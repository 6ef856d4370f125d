"""Widths as multiples of 8."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DIVISOR = 8


def round_filters(scaled: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Channels, ``(n,)``, as a multiple of 8: the nearest, half up, but never below 90 %.

    Source: tensorflow/tpu ``efficientnet_model.py``, ``round_filters``.
    """
    nearest: npt.NDArray[np.int64] = np.maximum(DIVISOR, (scaled + DIVISOR / 2).astype(np.int64) // DIVISOR * DIVISOR)
    found: npt.NDArray[np.int64] = nearest + DIVISOR * (nearest < 0.9 * scaled)
    return found


def round_filter(scaled: float) -> int:
    """`round_filters` of one width.

    >>> round_filter(1.25 * 24), round_filter(0.39 * 24)
    (32, 16)
    """
    return int(round_filters(np.array([scaled]))[0])
