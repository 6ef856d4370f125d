"""RegNet's quantised line: stage widths and depths from four numbers (Radosavovic et al. 2020, section 3.3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTUM = 8  # channels: every width is a multiple of it
NEAR = 1e-6  # a row this near to a tie is decided by the exact scalar code

Ints = npt.NDArray[np.int64]


def levels(depth: int, w0: float, wa: float, wm: float) -> list[int]:
    """The quantisation level of every block, never decreasing.

    Args:
        depth: number of blocks.
        w0: channels of the line at the first block.
        wa: channels per block, the line's slope.
        wm: ratio between the widths of two levels, above 1.

    Source: eqs. 2 and 3.
    """
    line = [w0 + wa * j for j in range(depth)]  # eq. 2: u_j
    return [round(math.log(u / w0) / math.log(wm)) for u in line]  # eq. 3, rounded half to even


def level_width(w0: float, wm: float, level: int) -> int:
    """Channels at a level, a multiple of 8 (eq. 4)."""
    return round(w0 * wm**level / QUANTUM) * QUANTUM


def block_widths(depth: int, w0: float, wa: float, wm: float) -> list[int]:
    """Channels of every block before the compatibility step (eqs. 2-4)."""
    return [level_width(w0, wm, level) for level in levels(depth, w0, wa, wm)]


def stages_of(widths: list[int]) -> tuple[list[int], list[int]]:
    """Depths and widths of the stages: runs of equal block widths."""
    stage_widths = sorted(set(widths))
    return [widths.count(width) for width in stage_widths], stage_widths


def stage_arrays(depth: Any, w0: Any, wa: Any, wm: Any, stages: int) -> tuple[Ints, Ints, Ints]:
    """Stages of many points at once, without a list of blocks.

    The level of block j is a step function of j: by eqs. 2 and 3 level k starts at the first j with
    w0 + wa j > w0 wm^(k - 1/2), so depths are differences of `stages` numbers. The number of stages is tested
    before any width is computed. Rows near a tie are decided by `levels` and `level_width`.

    Args:
        depth, w0, wa, wm: columns ``(n,)``.

    Returns:
        Rows that have exactly ``stages`` stages, ``(m,)``; their depths and their widths before the compatibility
        step, ``(m, stages)``.
    """
    columns = (depth, w0, wa, wm)
    last = depth - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = w0 / wa
        power = wm ** (stages - 1.5)
        rows = np.flatnonzero((ratio * (power - 1) <= last + NEAR) & (ratio * (power * wm - 1) > last - NEAR))
        depth, ratio, w0, wm = depth[rows], ratio[rows], w0[rows], wm[rows]
        starts = np.zeros((stages + 1, len(rows)))
        near = np.zeros(len(rows), dtype=np.bool_)
        power = np.sqrt(wm)
        for level in range(1, stages + 1):
            exact = ratio * (power - 1)
            starts[level] = np.ceil(exact)
            near |= np.abs(exact - np.rint(exact)) < NEAR
            power = power * wm
    starts[stages] = np.where(starts[stages] >= depth, depth, -1)  # -1: blocks beyond the last level
    good = near | (np.diff(starts, axis=0) > 0).all(axis=0)
    rows, starts, near, w0, wm = rows[good], starts[:, good], near[good], w0[good], wm[good]
    widths = np.empty((stages, len(rows)))
    power = np.ones(len(rows))
    for level in range(stages):
        exact = w0 * power / QUANTUM
        widths[level] = np.rint(exact) * QUANTUM
        if level > 1:
            near |= np.abs(exact - np.floor(exact) - 0.5) < NEAR
        power = power * wm
    good = near | (np.diff(widths, axis=0) > 0).all(axis=0)
    rows, ties = rows[good], np.flatnonzero(near[good])
    depths = np.diff(starts[:, good], axis=0).T.astype(np.int64)
    stage_widths = widths[:, good].T.astype(np.int64)
    keep = np.ones(len(rows), dtype=np.bool_)
    for at in ties.tolist():
        point = [column[rows[at]].item() for column in columns]
        exact = exact_stages(int(point[0]), point[1], point[2], point[3], stages)
        keep[at] = exact is not None
        if exact is not None:
            depths[at], stage_widths[at] = exact
    return rows[keep], depths[keep], stage_widths[keep]


def exact_stages(depth: int, w0: float, wa: float, wm: float, stages: int) -> tuple[list[int], list[int]] | None:
    """Depths and widths of one point by the scalar equations, or None if it has not exactly ``stages`` stages.

    As in the authors' sweeps, a level that is skipped or merged with another by the rounding to 8 also counts as a
    wrong number of stages.
    """
    used = levels(depth, w0, wa, wm)
    found = stages_of([level_width(w0, wm, level) for level in used])
    return found if len(found[0]) == used[-1] + 1 == stages else None
