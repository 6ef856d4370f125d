"""The RegNet parameters that make exactly a given network, where there are any."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.line import QUANTUM, block_widths, stages_of

_RATIOS = 4000  # values of wm that are tried between its bounds
_DIGITS = (1, 2, 3, 4, 6)  # decimals of wa: as few as do
_LEVEL_GAP = 1e-5  # nearest that a level may lie to a tie: single precision has 7 digits
_WIDTH_GAP = 1e-6  # likewise of a width in units of 8 channels, as a share of it


@dataclass(frozen=True)
class RegNetLine:
    """One point of RegNet: what timm, torchvision and the authors' code make networks from.

    Attributes:
        bottleneck_ratio: the paper's b = w / w_b.
    """

    depth: int
    w0: int
    wa: float
    wm: float
    group_width: int
    bottleneck_ratio: float = 1

    def raw(self) -> tuple[list[int], list[int]]:
        """Depths and widths of the stages before the compatibility step (eqs. 2-4)."""
        return stages_of(block_widths(self.depth, self.w0, self.wa, self.wm))

    def stages(self) -> tuple[list[int], list[int], list[int]]:
        """Depths, widths and group widths of the stages, as the authors round them."""
        depths, raw = self.raw()
        widths, groups = compatible(raw, self.bottleneck_ratio, self.group_width)
        return depths, widths.tolist(), groups.tolist()

    @property
    def clear(self) -> bool:
        """Whether no block lies so near to a rounding's tie that single precision, as in timm, may round otherwise."""
        for block in range(self.depth):
            level = math.log((self.w0 + self.wa * block) / self.w0) / math.log(self.wm)
            width = self.w0 * self.wm ** round(level) / QUANTUM
            if _to_tie(level) < _LEVEL_GAP or _to_tie(width) < _WIDTH_GAP * max(width, 1):
                return False
        return True


def line_of_params(params: Mapping[str, Any]) -> RegNetLine | None:
    """The line of a point of a RegNet space, or None where these are no parameters of one that others can express."""
    names = ("depth", "w0", "wa", "wm", "group_width")
    if not set(names) <= set(params) or params["w0"] != int(params["w0"]):
        return None
    depth, w0, wa, wm, group = (params[name] for name in names)
    return RegNetLine(int(depth), int(w0), float(wa), float(wm), int(group), params.get("bottleneck_ratio", 1))


def _to_tie(value: float) -> float:
    return abs(value - math.floor(value) - 0.5)


def exact_line(depths: Sequence[int], widths: Sequence[int], groups: Sequence[int], ratio: float) -> RegNetLine | None:
    """A line, clear of ties, whose network has exactly these stages; None where none was found.

    The first width is w0, and by eqs. 2 and 3 level k starts at block ceil(w0 (wm^(k - 1/2) - 1) / wa). So every wm
    leaves an interval of wa for which the stages have these depths, and the widths bound wm: one parameter is searched.
    """
    line_of = (depths, widths, groups)
    starts = np.cumsum([0, *depths]).tolist()
    for raw in _first_widths(widths[0], ratio, groups[0]):
        for wm in _ratios(raw, widths, groups, ratio):
            bounds = _slopes(raw, wm, starts)
            if bounds is None:
                continue
            for wa in _roundest(*bounds):
                line = RegNetLine(starts[-1], raw, wa, wm, max(groups), ratio)
                if line.stages() == tuple(map(list, line_of)) and line.clear:
                    return line
    return None


def _first_widths(width: int, ratio: float, group: int) -> list[int]:
    """Multiples of 8 that the compatibility step makes ``width`` of, the nearest first."""
    reach = math.ceil(group * max(ratio, 1)) + QUANTUM
    near = range(max(QUANTUM, (width - reach) // QUANTUM * QUANTUM), width + reach + 1, QUANTUM)
    found = [raw for raw in near if compatible([raw], ratio, group)[0][0] == width]
    return sorted(found, key=lambda raw: abs(raw - width))


def _ratios(raw: int, widths: Sequence[int], groups: Sequence[int], ratio: float) -> Iterator[float]:
    """Values of wm that bring the widths near to those asked for, round ones first."""
    low, high = 1.0 + 1e-6, 64.0
    for level, (width, group) in enumerate(zip(widths[1:], groups[1:], strict=True), 1):
        slack = max(QUANTUM, group * max(ratio, 1)) / 2 + QUANTUM / 2 + max(ratio, 1)  # two roundings and a floor
        low = max(low, (max(width - slack, 1) / raw) ** (1 / level))
        high = min(high, ((width + slack) / raw) ** (1 / level))
    if low > high or len(widths) == 1:
        yield from [2.0] if len(widths) == 1 else []
        return
    for digits in (1, 2, 3):
        step = 10.0**-digits
        yield from np.round(np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step, digits).tolist()
    yield from np.linspace(low, high, _RATIOS).tolist()


def _slopes(raw: int, wm: float, starts: Sequence[int]) -> tuple[float, float] | None:
    """The wa between which level k starts at block ``starts[k]``, and none beyond the last."""
    low, high = 0.0, math.inf
    for level in range(1, len(starts)):
        reach = raw * (wm ** (level - 0.5) - 1)
        if level < len(starts) - 1:
            low = max(low, reach / starts[level])
        if starts[level] > 1:
            high = min(high, reach / (starts[level] - 1))
    return (low, high) if low < high else None


def _roundest(low: float, high: float) -> Iterator[float]:
    """Numbers between two bounds, with as few decimals as there are, well inside before near the ends."""
    if math.isinf(high):
        high = max(2 * low, low + 1)
    middle = (low + high) / 2
    for digits in _DIGITS:
        value = round(middle, digits)
        if low < value < high:
            yield value
    yield middle
