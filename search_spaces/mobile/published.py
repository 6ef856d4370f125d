"""Networks of papers, stage by stage, in the words of `regnas.search_spaces.mobile.line`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.line import read_line

DIVISOR = 8


@dataclass(frozen=True)
class Published:
    """Stages in a line, channels of stem and head, activation."""

    line: str
    stem: int = 32
    head: int = 1280
    activation: str = "relu"


# tensorflow/tpu ``efficientnet_builder.py``
B0 = Published(
    "ds_r1_k3_s1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25 ir_r3_k3_s2_e6_c80_se0.25 "
    "ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25 ir_r1_k3_s1_e6_c320_se0.25",
    activation="silu",
)
# tensorflow/tpu ``mnasnet_models.py``: the separable convolution has no skip
A1 = Published(
    "ds_r1_k3_s1_c16_noskip ir_r2_k3_s2_e6_c24 ir_r3_k5_s2_e3_c40_se0.25 ir_r4_k3_s2_e6_c80 "
    "ir_r2_k3_s1_e6_c112_se0.25 ir_r3_k5_s2_e6_c160_se0.25 ir_r1_k3_s1_e6_c320"
)
B1 = Published(
    "ds_r1_k3_s1_c16_noskip ir_r3_k3_s2_e3_c24 ir_r3_k5_s2_e3_c40 ir_r3_k5_s2_e6_c80 ir_r2_k3_s1_e6_c96 "
    "ir_r4_k5_s2_e6_c192 ir_r1_k3_s1_e6_c320"
)
# There the first layer's input is declared as 16 channels, and it has 8: its own rule for skips then finds none.
SMALL = Published(
    "ds_r1_k3_s1_c8_noskip ir_r1_k3_s2_e3_c16 ir_r2_k3_s2_e6_c16 ir_r4_k5_s2_e6_c32_se0.25 "
    "ir_r3_k3_s1_e6_c32_se0.25 ir_r3_k5_s2_e6_c88_se0.25 ir_r1_k3_s1_e6_c144",
    stem=8,
)
# Sandler et al. 2018, table 2
V2 = Published(
    "ds_r1_k3_s1_c16 ir_r2_k3_s2_e6_c24 ir_r3_k3_s2_e6_c32 ir_r4_k3_s2_e6_c64 ir_r3_k3_s1_e6_c96 "
    "ir_r3_k3_s2_e6_c160 ir_r1_k3_s1_e6_c320",
    activation="relu6",
)
BASES = {"b0": B0, "mnasnet-a1": A1, "mnasnet-b1": B1, "mobilenetv2": V2}


# Multipliers of widths: those of Sandler et al. 2018, Tan et al. 2019, timm and torchvision together.
MULTIPLIERS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
MULTIPLIED = {"mnasnet-a1": A1, "mnasnet-b1": B1, "mobilenetv2": V2}
# Width, depth, pixels: tensorflow/tpu ``efficientnet_builder.py``, ``efficientnet_params``
COMPOUND = {
    "efficientnet-b0": (1.0, 1.0, 224),
    "efficientnet-b1": (1.0, 1.1, 240),
    "efficientnet-b2": (1.1, 1.2, 260),
    "efficientnet-b3": (1.2, 1.4, 300),
    "efficientnet-b4": (1.4, 1.8, 380),
    "efficientnet-b5": (1.6, 2.2, 456),
    "efficientnet-b6": (1.8, 2.6, 528),
    "efficientnet-b7": (2.0, 3.1, 600),
}


def multiplied(name: str, multiplier: float) -> Mobile:
    """One of `MULTIPLIED` with its widths multiplied, as its authors do.

    The head of MnasNet stays as it is; that of MobileNetV2 grows, and never shrinks.
    """
    base = MULTIPLIED[name]
    stages = read_line(base.line)
    return Mobile(
        stages=tuple(replace(stage, width=round_filter(stage.width * multiplier)) for stage in stages),
        stem_width=round_filter(base.stem * multiplier),
        head_width=round_filter(base.head * max(1.0, multiplier)) if base is V2 else base.head,
        activation=base.activation,
    )


def small(*, skip: bool = False) -> Mobile:
    """MnasNet-small.

    Args:
        skip: whether the first layer has one, as timm's has.
    """
    first, *others = read_line(SMALL.line)
    stages = (replace(first, skip="identity") if skip else first, *others)
    return Mobile(stages=stages, stem_width=SMALL.stem, head_width=SMALL.head)


def compound(name: str, norm_eps: float = 1e-5) -> Mobile:
    """One of `COMPOUND`."""
    width, depth, _ = COMPOUND[name]
    stages = read_line(B0.line)
    return Mobile(
        stages=tuple(
            replace(stage, width=round_filter(stage.width * width), depth=math.ceil(depth * stage.depth))
            for stage in stages
        ),
        stem_width=round_filter(B0.stem * width),
        head_width=round_filter(B0.head * width),
        activation=B0.activation,
        norm_eps=norm_eps,
    )


def round_filters(scaled: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Channels, ``(n,)``, as a multiple of 8: the nearest, half up, but never below 90 %.

    Source: tensorflow/tpu ``efficientnet_model.py``, ``round_filters``.
    """
    nearest: npt.NDArray[np.int64] = np.maximum(DIVISOR, (scaled + DIVISOR / 2).astype(np.int64) // DIVISOR * DIVISOR)
    found: npt.NDArray[np.int64] = nearest + DIVISOR * (nearest < 0.9 * scaled)
    return found


def round_filter(scaled: float) -> int:
    """`round_filters` of one width.

    >>> round_filter(1.25 * 24), round_filter(0.39 * 24)
    (32, 16)
    """
    return int(round_filters(np.array([scaled]))[0])
