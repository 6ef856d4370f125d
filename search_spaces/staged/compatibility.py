"""The step that makes widths, bottleneck ratios and group widths fit each other.

Source: Radosavovic et al. 2020, appendix D; pycls ``models/blocks.py``, ``adjust_block_compatibility``. With
b = w / w_b: the group is no wider than the bottleneck, the bottleneck is rounded (half to even) to a multiple of the
group, and the width follows from the bottleneck.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def compatible(widths: Any, ratios: Any, groups: Any) -> tuple[Ints, Ints]:
    """Adjusted widths and group widths.

    Args:
        widths: output channels of stages, of any shape, such as ``(n, stages)``.
        ratios: bottleneck ratios b; a ratio below 1 is one over a whole number. Broadcast against ``widths``.
        groups: channels per group. Broadcast against ``widths``.

    Returns:
        Two arrays of the broadcast shape: the bottleneck width of each is a multiple of its group width.
    """
    widths, ratios, groups = np.broadcast_arrays(np.asarray(widths), np.asarray(ratios, dtype=float), groups)
    inverted = ratios < 1
    times = np.rint(1 / np.minimum(ratios, 1)).astype(np.int64)  # w_b / w where the bottleneck is inverted
    inner = np.maximum(1, np.where(inverted, widths * times, np.floor(widths / ratios))).astype(np.int64)
    groups = np.minimum(groups, inner).astype(np.int64)
    multiple = np.where(inverted, np.lcm(groups, times), groups)
    inner = np.maximum(multiple, np.rint(inner / multiple).astype(np.int64) * multiple)
    adjusted = np.where(inverted, inner // times, np.rint(inner * ratios)).astype(np.int64)
    return adjusted, groups
