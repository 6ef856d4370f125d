"""RegNet: the space of networks on a quantised line (Radosavovic et al. 2020, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.dimension import Choice, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.sampling.batch import Columns, Narrowing, Params
from regnas.search_spaces.staged.architecture import MOST_CHANNELS, Staged
from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.complexity import StagedBatch
from regnas.search_spaces.staged.line import QUANTUM, block_widths, exact_stages, stage_arrays, stages_of
from regnas.search_spaces.staged.narrowing.narrowing import narrowing_of
from regnas.search_spaces.staged.space import StagedRows, StagedSpace, inner_groups

_MOST_RATIO = 1024  # between the widths of two levels


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
        elif name == "w0" and not 0 < value <= MOST_CHANNELS:
            raise UsageError(f"w0 is above 0 and up to {MOST_CHANNELS:,} channels, got {value!r}")
        elif name == "wa" and not 0 <= value <= MOST_CHANNELS:
            raise UsageError(f"wa is 0 to {MOST_CHANNELS:,} channels per block, got {value!r}")
        elif name == "wm" and not 1 < value <= _MOST_RATIO:
            raise UsageError(f"wm is above 1 and up to {_MOST_RATIO}, got {value!r}")

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
        return None if exact_stages(*line, self.stages) is not None else "number of stages"

    def admits(self, cost: Complexities) -> npt.NDArray[np.bool_]:
        if not self.capped:
            return np.ones(cost.networks, dtype=np.bool_)
        giga = cost.flops / 1e9
        few_params = cost.params / 1e6 <= 3 + 5.5 * giga
        few_activations = cost.activations / 1e6 <= 6.5 * np.sqrt(giga)
        return np.asarray(few_params & few_activations)

    @cached_property
    def narrowing(self) -> Narrowing | None:
        """Cells of the line's parameters, with the depth solved for; made once."""
        return narrowing_of(self)

    def batch(self, columns: Columns) -> StagedRows:
        total = len(columns["depth"])
        line = {name: columns[name] for name in ("depth", "w0", "wa", "wm")}
        rows, depths, raw = stage_arrays(**line, stages=self.stages)
        ratios = columns["bottleneck_ratio"][rows].astype(np.float64)[:, None]
        groups = columns["group_width"][rows].astype(np.int64)[:, None]
        widths, groups = compatible(raw, ratios, inner_groups(self, groups, raw))
        stages = StagedBatch(depths, widths, np.broadcast_to(ratios, widths.shape), groups)
        return StagedRows(self, rows, stages, {"number of stages": total - len(rows)})


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
