"""Which depths of a RegNet line can meet a window, given the line's other parameters or ranges of them.

Given w0, wa, wm, b and g, the widths of the stages do not depend on the depth d, and stage k starts at block s_k, the
first j with w0 + wa j > w0 wm^(k - 1/2) (eqs. 2 and 3 of Radosavovic et al. 2020). With S stages, F_k the cost of the
first block of stage k, R_k that of each further one, and s_0 = 0, s_S = d, a network costs

    C(d) = E + sum_k F_k + sum_k R_k (s_{k+1} - s_k - 1)
         = E + sum_k (F_k - R_k) - sum_{k>=1} s_k (R_k - R_{k-1}) + R_{S-1} d

where E is the cost of stem and head. This holds for flops, params and activations alike. As R_{S-1} > 0, C rises with
d, and the depths that meet a window are an interval: so they are solved for, not drawn.

Bounds over a box of (w0, wa, wm), for b and g given:

- A width before the compatibility step is 8 rint(w0 wm^k / 8), which rises with w0 and wm. The step rises with the
  width: up to the group width the bottleneck stays as it is, which is below the group width; from there on it is the
  nearest multiple of one number, and that number at least. So do widths, bottleneck widths and group widths after it.
- E, F_k and R_k rise with these widths: they are sums of products of them. The one exception, a projection that falls
  away where a stage is as wide as its input, is left out of lower bounds and taken into upper ones.
- s_k lies between the ceilings of its smallest and largest value over the box; it falls with wa, rises with w0 and wm.
- No stage is empty, so each s_{k+1} - s_k - 1 >= 0 and C rises with every R_k at the same s. The least C of the box is
  thus at least that with the least E, F and R, at the s of their ranges that makes it least; it is linear in each s_k,
  so that is an end of its range. The greatest alike.

Rounding: exact real arithmetic and floats differ by 1e-12 of a value; what decides by less than 1e-6 counts as either
way in boxes, and is decided by the scalar equations in points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.counting import MEASURES
from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.complexity import BLOCKS, Parts, Template, staged_parts
from regnas.search_spaces.staged.line import NEAR, QUANTUM, level_width, levels
from regnas.window import Window

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NONE = np.iinfo(np.int64).max // 4  # as good as no bound


@dataclass(frozen=True)
class Lines:
    """Parameters of n lines, each ``(n,)``."""

    w0: Any
    wa: Any
    wm: Any

    def __getitem__(self, rows: Any) -> Lines:
        return Lines(self.w0[rows], self.wa[rows], self.wm[rows])


@dataclass(frozen=True)
class Reach:
    """Depths that can meet the window, each ``(n,)``; none where ``first > last``.

    Attributes:
        most: how many depths of one line can meet it, at most.
    """

    first: Ints
    last: Ints
    most: Ints


@dataclass(frozen=True)
class Shape:
    """What the networks share, and the window that they are to meet.

    Attributes:
        deepest: greatest depth of the law.
    """

    template: Template
    resolution: int
    window: Window
    deepest: int

    @property
    def stages(self) -> int:
        return len(self.template.strides)


def reach_of_boxes(shape: Shape, low: Lines, high: Lines, ratios: Floats, groups: Ints) -> Reach:
    """Depths of any line between ``low`` and ``high``, both included: none is left out.

    Args:
        ratios, groups: ``(n,)``, of every line.
    """
    early = _starts(shape, Lines(low.w0, high.wa, low.wm), lambda start: np.ceil(start - NEAR))
    late = _starts(shape, Lines(high.w0, low.wa, high.wm), lambda start: np.floor(start + NEAR) + 1)
    narrow, wide = (_raw_widths(shape, line, sign) for line, sign in ((low, -1), (high, 1)))
    possible = (late[1:] > early[:-1]).all(axis=0) & (wide[1:] > narrow[:-1]).all(axis=0)
    small, large = (_blocks(shape, raw, ratios, groups) for raw in (narrow, wide))
    some, every = (_projects(shape, small[0], large[0], rule) for rule in (any, all))
    least = _parts(shape, small, every)
    greatest = _parts(shape, large, some)
    first, last = early[-2] + 1, np.minimum(late[-1], shape.deepest)
    most = np.full(len(first), shape.deepest, dtype=np.int64)
    for measure, under, over in whole_bounds(shape.window):
        base, slope = _line_of(least, measure, early, late, np.maximum)
        if over < NONE:
            last = np.minimum(last, (over - base) // slope)
            if under > -NONE:
                most = np.minimum(most, (over - under) // slope + 1)
        base, slope = _line_of(greatest, measure, early, late, np.minimum)
        if under > -NONE:
            first = np.maximum(first, -((base - under) // slope))
    first, last = np.where(possible, first, 1), np.where(possible, last, 0)
    return Reach(first, last, np.minimum(most, np.maximum(last - first + 1, 0)))


def reach_of_points(shape: Shape, lines: Lines, ratios: Floats, groups: Ints) -> Reach:
    """Depths of each line that give exactly ``stages`` stages and meet the window: no more and no fewer.

    Args:
        ratios, groups: ``(n,)``, of every line.
    """
    starts, raw = _starts(shape, lines, np.ceil), _raw_widths(shape, lines, 0)
    for at in np.flatnonzero(_near(shape, lines)).tolist():
        one = lines[at]
        starts[:, at], raw[:, at] = _exact(shape, float(one.w0), float(one.wa), float(one.wm))
    good = (np.diff(starts[:-1], axis=0) > 0).all(axis=0) & (np.diff(raw, axis=0) > 0).all(axis=0)
    parts = _parts(shape, _blocks(shape, raw, ratios, groups))
    first, last = starts[-2] + 1, np.minimum(starts[-1], shape.deepest)
    for measure, under, over in whole_bounds(shape.window):
        base, slope = _line_of(parts, measure, starts, starts, np.maximum)
        if over < NONE:
            last = np.minimum(last, (over - base) // slope)
        if under > -NONE:
            first = np.maximum(first, -((base - under) // slope))
    first, last = np.where(good, first, 1), np.where(good, last, 0)
    return Reach(first, last, np.maximum(last - first + 1, 0))


def _wanted(window: Window) -> list[str]:
    """What is limited and counted here; all else is left to what screens the proposals."""
    return [measure for measure in MEASURES if measure in window]


def whole_bounds(window: Window) -> Iterator[tuple[str, int, int]]:
    """Measures in force, and the whole numbers that they lie between."""
    for measure in _wanted(window):
        bounds = window[measure]
        under = -NONE if bounds.low is None else int(np.ceil(bounds.low))
        over = NONE if bounds.high is None else int(np.floor(bounds.high))
        yield measure, max(under, -NONE), min(over, NONE)


def _starts(shape: Shape, lines: Lines, whole: Callable[[Floats], Any]) -> Ints:
    """First block of every stage and of the level beyond, ``(S + 1, n)``, at most one above the deepest."""
    starts = np.zeros((shape.stages + 1, len(lines.w0)), dtype=np.int64)
    ratio = lines.w0 / lines.wa
    power = np.sqrt(lines.wm)
    for level in range(1, shape.stages + 1):
        starts[level] = np.minimum(whole(ratio * (power - 1)), shape.deepest + 1)
        power = power * lines.wm
    return starts


def _raw_widths(shape: Shape, lines: Lines, sign: int) -> Ints:
    """Widths before the compatibility step, ``(S, n)``; by ``sign``, what is near to a tie is rounded down or up."""
    widths = np.empty((shape.stages, len(lines.w0)), dtype=np.int64)
    power = np.full(len(lines.w0), 1.0)
    for level in range(shape.stages):
        widths[level] = np.rint(lines.w0 * power / QUANTUM + sign * NEAR) * QUANTUM
        power = power * lines.wm
    return widths


def _near(shape: Shape, lines: Lines) -> npt.NDArray[np.bool_]:
    """Which lines have a start or a width that rounding decides."""
    near = np.zeros(len(lines.w0), dtype=np.bool_)
    ratio, half, power = lines.w0 / lines.wa, np.sqrt(lines.wm), np.full(len(lines.w0), 1.0)
    for _ in range(shape.stages):
        start, width = ratio * (half - 1), lines.w0 * power / QUANTUM
        near |= np.abs(start - np.rint(start)) < NEAR
        near |= np.abs(width - np.floor(width) - 0.5) < NEAR
        half, power = half * lines.wm, power * lines.wm
    return near


def _exact(shape: Shape, w0: float, wa: float, wm: float) -> tuple[list[int], list[int]]:
    """Starts and widths of one line by the scalar equations; a level without a block starts with the next."""
    used = levels(shape.deepest + 1, w0, wa, wm)
    starts = [next((at for at, level in enumerate(used) if level >= k), len(used)) for k in range(shape.stages + 1)]
    return starts, [level_width(w0, wm, k) for k in range(shape.stages)]


def _blocks(shape: Shape, raw: Ints, ratios: Floats, groups: Ints) -> tuple[Ints, Ints, Ints]:
    """Widths, bottleneck widths and group widths, each ``(S, n)``."""
    rule = BLOCKS[shape.template.block]
    asked = groups if rule.grouped else np.where(rule.bottleneck, raw * 64, 1)
    widths, fitting = compatible(raw, ratios, asked)
    return widths, np.rint(widths / ratios).astype(np.int64), fitting


def _parts(shape: Shape, blocks: tuple[Ints, Ints, Ints], projects: Any = None) -> Parts:
    wanted = _wanted(shape.window)
    return staged_parts(shape.template, shape.resolution, *blocks, projects=projects, wanted=wanted)


def _projects(shape: Shape, narrow: Ints, wide: Ints, rule: Any) -> npt.NDArray[np.bool_]:
    """Whether the first blocks need a projection: ``all`` lines of a box, or ``any``."""
    stem = np.full_like(narrow[:1], shape.template.stem_width)
    low_in, high_in = np.concatenate([stem, narrow[:-1]]), np.concatenate([stem, wide[:-1]])
    strided = np.array(shape.template.strides)[:, None] != 1
    if rule is all:
        return np.asarray(strided | (high_in < narrow) | (low_in > wide))
    return np.asarray(strided | (low_in != high_in) | (narrow != wide) | (low_in != narrow))


def _line_of(parts: Parts, measure: str, early: Ints, late: Ints, choose: Any) -> tuple[Ints, Ints]:
    """C(0) and the slope of the cost as a line in the depth; ``choose`` is over the ends of the starts' ranges."""
    ends, first, further = (part[measure] for part in (parts.ends, parts.first, parts.further))
    base = ends + (first - further).sum(axis=0)
    rise = further[1:] - further[:-1]
    return base - choose(early[1:-1] * rise, late[1:-1] * rise).sum(axis=0), further[-1]
