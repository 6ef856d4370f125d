"""Widths as multiples of 8."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DIVISOR = 8


def round_filters(scaled: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Channels, ``(n,)``, as a multiple of 8: the nearest, half up, but never below 90 %.

    Source: tensorflow/tpu ``efficientnet_model.py``, ``round_filters``.
    """
    nearest = np.maximum(DIVISOR, (scaled + DIVISOR / 2).astype(np.int64) // DIVISOR * DIVISOR)
    return nearest + DIVISOR * (nearest < 0.9 * scaled)


def round_filter(scaled: float) -> int:
    """`round_filters` of one width.

    >>> round_filter(1.25 * 24), round_filter(0.39 * 24)
    (32, 16)
    """
    return int(round_filters(np.array([scaled]))[0])
