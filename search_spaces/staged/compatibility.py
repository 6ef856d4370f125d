"""The step that makes widths, bottleneck ratios and group widths fit each other, and stages scaled and made to fit.

Source: Radosavovic et al. 2020, appendix D; pycls ``models/blocks.py``, ``adjust_block_compatibility``. With
b = w / w_b: the group is no wider than the bottleneck, the bottleneck is rounded (half to even) to a multiple of the
group, and the width follows from the bottleneck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.scaling import Scaling, scaled_depth, scaled_group, scaled_width

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


def scaled_stages(
    scaling: Scaling, depths: Sequence[int], widths: Sequence[int], ratios: Sequence[float], groups: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Depths, widths and group widths of stages, scaled, rounded and made to fit; stem and head stay as they are.

    Args:
        depths, widths, ratios, groups: one for each stage, of blocks that have groups.

    Source: Dollar et al. 2021 (arXiv 2103.06877); pycls ``models/scaler.py``.
    """
    wide = [scaled_width(width, scaling) for width in widths]
    group = [scaled_group(width, scaling) for width in groups]
    if wide != list(widths) or group != list(groups):
        fitting, fitted = compatible(wide, ratios, group)
        wide, group = fitting.tolist(), fitted.tolist()
    return tuple(scaled_depth(depth, scaling) for depth in depths), tuple(wide), tuple(group)
