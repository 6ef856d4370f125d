"""RegNet: stage widths and depths from a quantised line (Radosavovic et al. 2020, section 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.design_space import Narrowing
from regnas.dimension import Choice, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.complexity import StagedBatch
from regnas.search_spaces.staged.space import StagedRows, StagedSpace, inner_groups
from regnas.window import Complexities

QUANTUM = 8  # channels: every width is a multiple of it
NEAR = 1e-6  # a row this near to a tie is decided by the exact scalar code

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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


@dataclass(frozen=True, kw_only=True)
class RegNetSpace(StagedSpace):
    """Networks whose widths follow a quantised line, with exactly ``stages`` stages and no level skipped.

    Attributes:
        capped: whether params and activations are limited by the flops F, in units of 10^9:
            params <= 3 + 5.5 F and activations <= 6.5 sqrt(F), both in units of 10^6 (section 4.2).
    """

    capped: bool = False

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, int | float):
            raise UsageError(f"{name} is a number, got {value!r}")
        if name == "bottleneck_ratio":
            self.check_ratio(name, value)
        elif name in ("depth", "group_width"):
            self.check_whole(name, value)
        elif name == "w0" and "w0" not in dict(self.ties):
            self.check_whole(name, value, QUANTUM)
        elif name == "w0" and value <= 0:
            raise UsageError(f"w0 is above 0 channels, got {value!r}")
        elif name == "wa" and value < 0:
            raise UsageError(f"wa is at least 0 channels per block, got {value!r}")
        elif name == "wm" and value <= 1:
            raise UsageError(f"wm is above 1, got {value!r}")

    @property
    def defaults(self) -> Params:
        return {"bottleneck_ratio": 1, **super().defaults}

    def decode(self, params: Params) -> Staged:
        for name, value in params.items():
            self.check(name, value)
        line = (int(params["depth"]), params["w0"], params["wa"], params["wm"])
        depths, raw = stages_of(block_widths(*line))
        ratio, group = params["bottleneck_ratio"], int(params["group_width"])
        widths, groups = compatible(raw, ratio, inner_groups(self, group, raw))
        return self.network(depths, widths, np.full(len(raw), ratio), groups)

    def member(self, params: Params) -> str | None:
        line = (int(params["depth"]), params["w0"], params["wa"], params["wm"])
        return None if _exact_stages(*line, self.stages) is not None else "number of stages"

    def admits(self, cost: Complexities) -> npt.NDArray[np.bool_]:
        if not self.capped:
            return np.ones(len(cost), dtype=np.bool_)
        giga = cost.flops / 1e9
        few_params = cost.params / 1e6 <= 3 + 5.5 * giga
        few_activations = cost.activations / 1e6 <= 6.5 * np.sqrt(giga)
        return np.asarray(few_params & few_activations)

    @cached_property
    def narrowing(self) -> Narrowing | None:
        """Cells of the line's parameters, with the depth solved for; made once."""
        from regnas.search_spaces.staged.narrowing.narrowing import narrowing_of

        return narrowing_of(self)

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: without the cells, which are made again."""
        return {name: value for name, value in self.__dict__.items() if name != "narrowing"}

    def batch(self, columns: Columns) -> StagedRows:
        total = len(columns["depth"])
        line = {name: columns[name] for name in ("depth", "w0", "wa", "wm")}
        rows, depths, raw = stage_arrays(**line, stages=self.stages)
        ratios = columns["bottleneck_ratio"][rows].astype(np.float64)[:, None]
        groups = columns["group_width"][rows].astype(np.int64)[:, None]
        widths, groups = compatible(raw, ratios, inner_groups(self, groups, raw))
        stages = StagedBatch(depths, widths, np.broadcast_to(ratios, widths.shape), groups)
        return StagedRows(self, rows, stages, {"number of stages": total - len(rows)})


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
        exact_stages = _exact_stages(int(point[0]), point[1], point[2], point[3], stages)
        keep[at] = exact_stages is not None
        if exact_stages is not None:
            depths[at], stage_widths[at] = exact_stages
    return rows[keep], depths[keep], stage_widths[keep]


def _exact_stages(depth: int, w0: float, wa: float, wm: float, stages: int) -> tuple[list[int], list[int]] | None:
    """Depths and widths of one point by the scalar equations, or None if it has not exactly ``stages`` stages.

    As in the authors' sweeps, a level that is skipped or merged with another by the rounding to 8 also counts as a
    wrong number of stages.
    """
    used = levels(depth, w0, wa, wm)
    found = stages_of([level_width(w0, wm, level) for level in used])
    return found if len(found[0]) == used[-1] + 1 == stages else None


def _parameters(**laws: Any) -> tuple[tuple[str, Any], ...]:
    """The paper's ranges (section 3.3), drawn as in the authors' sweeps, with what differs."""
    ranges = {
        "depth": Uniform(4, 63),
        "w0": LogUniform(8, 256, 8),
        "wa": LogUniform(8.0, 256.0, 0.1),
        "wm": LogUniform(1.5, 3.0, 0.001),
        "bottleneck_ratio": Choice((1, 2, 4)),
        "group_width": Choice((1, 2, 4, 8, 16, 32)),
    }
    return tuple({**ranges, **laws}.items())


def regnetx() -> RegNetSpace:
    """RegNetX: X blocks."""
    return RegNetSpace(name="regnetx", laws=_parameters())


def regnety() -> RegNetSpace:
    """RegNetY: RegNetX with squeeze-and-excitation of ratio 1/4 (section 5.2)."""
    return RegNetSpace(name="regnety", laws=_parameters(), se=0.25)


def regnetx_constrained() -> RegNetSpace:
    """RegNetX with b = 1, depth 12-28, wm >= 2 and capped params and activations (section 4.2)."""
    laws = _parameters(depth=Uniform(12, 28), wm=LogUniform(2.0, 3.0, 0.001), bottleneck_ratio=Choice((1,)))
    return RegNetSpace(name="regnetx-constrained", laws=laws, capped=True)


def regnetx_pycls() -> RegNetSpace:
    """The ranges of the authors' sweep code (pycls ``sweep/config.py``, REGNET_SAMPLER)."""
    laws = _parameters(
        depth=Uniform(12, 28),
        wm=LogUniform(2.0, 3.0, 0.001),
        bottleneck_ratio=Choice((1,)),
        # power2_or_log_uniform(8, 128, 8) never keeps a power below its quantum: it is this law.
        group_width=LogUniform(8, 128, 8),
    )
    return RegNetSpace(name="regnetx-pycls", laws=laws)
