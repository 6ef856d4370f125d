"""The operations of cells: their names, and what each costs in closed form. Nothing here imports torch.

Every operation keeps its width. Non-linearities come first, inside the operation: pools and the skip have none. Source:
the code of NDS's cells (facebookresearch/unnas, ``pycls/models/nas/operations.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from regnas.counting import Count, Pixels, Whole, output_size

Kind = Literal["none", "skip", "average", "max", "conv", "crossed", "separable"]


@dataclass(frozen=True)
class Operation:
    """What an operation is made of.

    Attributes:
        short: its name in a line of text.
        kind: ``crossed`` is 1xk and then kx1 with nothing between; ``separable`` is depthwise and then 1x1.
        kernel: pixels of a side.
        dilation: of the depthwise convolutions.
        repeats: how often a separable convolution is done, with its own normalisation each time.
    """

    short: str
    kind: Kind
    kernel: int = 1
    dilation: int = 1
    repeats: int = 1

    @property
    def convolutions(self) -> int:
        """How many there are behind one another, a depthwise one and its 1x1 taken as one."""
        return {"conv": 1, "crossed": 2, "separable": self.repeats}.get(self.kind, 0)


# Sorted by name: the canonical form of a cell compares names, and so may compare places in this table.
OPERATIONS: dict[str, Operation] = {
    "avg_pool_3x3": Operation("avg3", "average", 3),
    "conv_1x1": Operation("c1", "conv", 1),
    "conv_3x1_1x3": Operation("c31", "crossed", 3),
    "conv_3x3": Operation("c3", "conv", 3),
    "conv_7x1_1x7": Operation("c71", "crossed", 7),
    "dil_conv_3x3": Operation("dil3", "separable", 3, dilation=2),
    "dil_conv_5x5": Operation("dil5", "separable", 5, dilation=2),
    "dil_sep_conv_3x3": Operation("dsep3", "separable", 3, dilation=2, repeats=2),
    "max_pool_3x3": Operation("max3", "max", 3),
    "max_pool_5x5": Operation("max5", "max", 5),
    "max_pool_7x7": Operation("max7", "max", 7),
    "none": Operation("none", "none"),
    "sep_conv_3x3": Operation("sep3", "separable", 3, repeats=2),
    "sep_conv_5x5": Operation("sep5", "separable", 5, repeats=2),
    "sep_conv_7x7": Operation("sep7", "separable", 7, repeats=2),
    "skip_connect": Operation("skip", "skip"),
}
NAMES = tuple(OPERATIONS)
CODES = {name: code for code, name in enumerate(NAMES)}
OF_SHORT = {one.short: name for name, one in OPERATIONS.items()}
NONE = CODES["none"]


def count_operation(count: Count, name: str, size: Pixels, wide: Whole, stride: int) -> Pixels:
    """Count an operation on maps of ``size`` and ``wide`` channels; returns the size of what it puts out."""
    one = OPERATIONS[name]
    if one.kind == "skip" and stride == 2:
        return count_factorised_reduction(count, size, wide, wide)
    if one.kind == "conv":
        return count.conv(size, one.kernel, wide, wide, stride=stride)
    if one.kind == "crossed":
        size = count.conv(size, (1, one.kernel), wide, wide, stride=(1, stride), norm=False)
        return count.conv(size, (one.kernel, 1), wide, wide, stride=(stride, 1))
    if one.kind == "separable":
        for repeat in range(one.repeats):
            step = stride if repeat == 0 else 1
            size = count.conv(
                size, one.kernel, wide, wide, group_width=1, stride=step, dilation=one.dilation, norm=False
            )
            count.conv(size, 1, wide, wide)
        return size
    if one.kind == "max":
        return count.pool(size, one.kernel, wide, stride=stride)
    return output_size(size, 1, stride)


def count_factorised_reduction(count: Count, size: Pixels, wide_in: Whole, wide: Whole) -> Pixels:
    """Count two 1x1 convolutions of stride 2 to half of ``wide`` each, one of them a pixel further, and one norm."""
    for _ in range(2):
        out = count.conv(size, 1, wide_in, wide // 2, stride=2, norm=False)
    count.norm(wide)
    return out
