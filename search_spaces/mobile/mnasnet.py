"""MnasNet's factorised hierarchical space (Tan et al. 2019, arXiv 1807.11626, section 4.1 and figure 4).

Seven stages (the paper's blocks), each with six choices: ConvOp, kernel, squeeze-and-excitation, SkipOp, and filters
and layers relative to MobileNetV2's. What the paper leaves open, and what is taken here:

* which expansions: 3 and 6, with which the paper's sub-space of 432 layers comes out; a depthwise convolution is a
  separable one, as in the authors' networks;
* a stage of one layer has no SkipOp, and one of MobileNetV2 with one layer is made no shorter;
* a pooled skip is the average over 3x3 pixels; like the identity it needs equal size and width;
* widths are rounded to whole channels, and to no multiple: so all choices differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from regnas.dimension import Choice, Dimension, Uniform
from regnas.errors import UsageError
from regnas.overrides import number
from regnas.search_spaces.mobile.complexity import Ints
from regnas.search_spaces.mobile.published import round_filter
from regnas.search_spaces.mobile.space import HEAD
from regnas.search_spaces.mobile.stage import MOST
from regnas.search_spaces.mobile.stagewise import LAYER_LAWS, STEM, USUAL, StagewiseSpace, stage_laws

# MobileNetV2's channels and layers (Sandler et al. 2018, table 2)
WIDTHS = (16, 24, 32, 64, 96, 160, 320)
DEPTHS = (1, 2, 3, 4, 3, 3, 1)
_MULTIPLIERS = (1 / 64, 64)


@dataclass(frozen=True, kw_only=True)
class MnasNetSpace(StagewiseSpace):
    """Parameters ``op_1``, ``kernel_1``, ``se_1``, ``skip_1``, ``filters_1``, ``layers_1`` and so on.

    Attributes:
        multiplier: of all widths, the head's aside, as in the paper's scaled models. Where it is None and a data set
            wishes another width of the stem than 32, all widths follow it, that of the head among them.
    """

    multiplier: float | None = None

    kinds: ClassVar[tuple[str, ...]] = ("op", "kernel", "se", "skip", "filters", "layers")

    def with_option(self, key: str, value: str) -> Self | None:
        """With a multiplier of all widths, or what all stagewise spaces have.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key != "multiplier":
            return super().with_option(key, value)
        factor = number(value)
        if factor is None or not _MULTIPLIERS[0] <= factor <= _MULTIPLIERS[1]:
            raise UsageError(f"multiplier is a number from 1/{_MULTIPLIERS[1]} to {_MULTIPLIERS[1]}, got {value!r}")
        return replace(self, multiplier=float(factor), stem_width=self.stem_width or round_filter(STEM * factor))

    @property
    def scale(self) -> float:
        """By what MobileNetV2's widths are multiplied."""
        if self.multiplier is not None:
            return self.multiplier
        return (self.images.stem_width or STEM) / STEM

    @property
    def head(self) -> int:
        if self.head_width is not None:
            return self.head_width
        return HEAD if self.multiplier is not None else round_filter(HEAD * self.scale)

    def layers(self, stage: int, value: Any) -> int:
        return DEPTHS[stage] + int(value)

    def two(self, stage: int) -> int:
        return 2 - DEPTHS[stage]

    def check_size(self, name: str, value: Any) -> None:
        kind, _, stage = name.rpartition("_")
        base = DEPTHS[int(stage) - 1]
        if kind == "layers":
            good = isinstance(value, int) and not isinstance(value, bool)
            if not good or not 1 <= base + value <= MOST["depth"]:
                raise UsageError(
                    f"{name} is a whole number from {1 - base} (MobileNetV2 has {base} layers there, one is least), "
                    f"got {value!r}"
                )
            return
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not _MULTIPLIERS[0] <= value <= _MULTIPLIERS[1]:
            raise UsageError(
                f"{name} is a factor of MobileNetV2's {WIDTHS[int(stage) - 1]} channels, a number from "
                f"1/{_MULTIPLIERS[1]} to {_MULTIPLIERS[1]}, got {value!r}"
            )

    def widths_of(self, columns: Sequence[Any]) -> Ints:
        """Channels of every stage, ``(S, n)``, rounded half up."""
        base = np.array(WIDTHS, dtype=np.float64)[:, None] * self.scale
        return np.maximum(1, np.floor(np.array(columns, dtype=np.float64) * base + 0.5)).astype(np.int64)

    def depths_of(self, columns: Sequence[Any]) -> Ints:
        """Layers of every stage, ``(S, n)``."""
        return np.array(columns, dtype=np.int64) + np.array(DEPTHS, dtype=np.int64)[:, None]


def mnasnet() -> MnasNetSpace:
    """The entry point."""
    laws = dict(stage_laws(LAYER_LAWS | {"filters": Choice((0.75, 1.0, 1.25))}, len(WIDTHS)))
    layers: dict[str, Dimension] = {
        f"layers_{stage}": Uniform(-1 if depth > 1 else 0, 1) for stage, depth in enumerate(DEPTHS, 1)
    }
    return MnasNetSpace(name="mnasnet", laws=tuple((laws | layers).items()), usual_strides=USUAL)
