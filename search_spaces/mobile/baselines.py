"""MobileNetV2 and MnasNet-A1 for a space's images, as wide as a window allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from regnas.baseline import Baseline
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.batch import Shared
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.mobile.published import A1, V2, Published

if TYPE_CHECKING:
    from regnas.search_spaces.mobile.space import MobileSpace

_NETWORKS = {"MobileNetV2": V2, "MnasNet-A1": A1}
_FINER = 1.03  # ratio between one scale of a network and the next
_SCALES = [_FINER**power for power in range(-140, 141)]  # from 1/63 to 63
_DIVISOR = 2  # of scaled widths: fine enough for small windows


def baselines(space: MobileSpace) -> Iterator[Baseline]:
    """The textbook networks, as large as the window's upper ends allow; as published where there are none."""
    limited = any(bounds.high is not None for bounds in space.window.values())
    for name, base in _NETWORKS.items():
        place = bisect_right(_SCALES, False, key=partial(_above, space, base)) if limited else 0
        if place or not limited:
            scale = _SCALES[place - 1] if limited else 1.0
            shown = name if scale == 1 else f"{name}, {scale:.2f} x as wide"
            yield Baseline(shown, scaled(base, space.shared, scale))


def scaled(base: Published, shared: Shared, scale: float) -> Mobile:
    """A published network on other images, with ``scale`` times as many channels, stem and head among them.

    Args:
        shared: strides and classes; the activation is the network's own.
    """

    def width(channels: int) -> int:
        return max(_DIVISOR, round(channels * scale / _DIVISOR) * _DIVISOR)

    template = shared.template
    stages = zip(read_line(base.line), template.strides, strict=True)
    return Mobile(
        stages=tuple(replace(stage, stride=stride, width=width(stage.width)) for stage, stride in stages),
        stem_width=width(base.stem),
        stem_stride=template.stem_stride,
        head_width=width(base.head),
        activation=base.activation,
        norm_eps=shared.norm_eps,
        classes=template.classes,
    )


def _above(space: MobileSpace, base: Published, scale: float) -> bool:
    cost = scaled(base, space.shared, scale).complexity(space.resolution)
    return any(bounds.high is not None and cost.get(name, 0) > bounds.high for name, bounds in space.window.items())
