"""A stage of a mobile network: equal layers, and the words in which a space says what a layer is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from regnas.errors import InvalidArchitecture, UsageError

BLOCKS = ("mbconv", "fused")
SKIPS = ("none", "identity", "pool")  # their places are their codes in arrays
MOST = {"expansion": 64, "kernel": 31, "stride": 1024, "width": 1 << 20, "depth": 10_000}  # far beyond what is trained

_OP = re.compile(r"(mb|fused)([1-9]\d?)")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Layers one after the other; the first has the stride, and as many input channels as come in.

    Attributes:
        block: ``mbconv``: 1x1 to the expanded width, depthwise, 1x1 without activation (Sandler et al. 2018, arXiv
            1801.04381); with expansion 1 the first of these is left out, a separable convolution. ``fused``: the first
            two are one convolution (Gupta and Tan 2019); with expansion 1 it is all there is, an ordinary layer.
        expansion: expanded width over input channels.
        kernel: pixels of a side, odd.
        se: squeeze channels over the input channels of the layer; 0 is no squeeze-and-excitation.
        skip: what is added to the output of layers that keep size and width: their input (``identity``), its average
            over 3x3 pixels (``pool``) or nothing.

    Raises:
        InvalidArchitecture: an unknown name, or a number outside its bounds.
    """

    block: str = "mbconv"
    expansion: int = 6
    kernel: int = 3
    stride: int = 1
    se: float = 0.0
    skip: str = "identity"
    width: int
    depth: int = 1

    def __post_init__(self) -> None:
        for name, known in (("block", BLOCKS), ("skip", SKIPS)):
            if getattr(self, name) not in known:
                raise InvalidArchitecture(f"{name} is one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name, most in MOST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InvalidArchitecture(f"{name} of a stage is a whole number from 1 to {most:,}, got {value!r}")
        if self.kernel % 2 == 0:
            raise InvalidArchitecture(f"kernel is odd, or its output would lie between pixels; got {self.kernel}")
        object.__setattr__(self, "se", squeeze_ratio(self.se))

    @property
    def op(self) -> str:
        """The layer in a word, as parameters of spaces have it."""
        return word_of(self.block, self.expansion)

    @property
    def code(self) -> int:
        """`op` as a number: see `code_of`."""
        return code_of(self.op)

    def keeps(self, wide_in: int) -> bool:
        """Whether any of its layers keeps size and width, with so many channels coming in; else a skip says nothing."""
        return self.depth > 1 or (self.stride == 1 and wide_in == self.width)


def squeeze_ratio(value: Any) -> float:
    """Squeeze channels over input channels.

    Raises:
        InvalidArchitecture: no number from 0 to 1.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= 1:
        raise InvalidArchitecture(f"se is a number from 0 to 1, got {value!r}")
    return float(value)


def squeezed_width(wide_in: int, ratio: float) -> int:
    """Channels between the two convolutions of squeeze-and-excitation; 0 where there is none.

    Source: tensorflow/tpu ``mnasnet_model.py`` and ``efficientnet_model.py``: of the block's input, rounded down.
    """
    return max(1, int(wide_in * ratio)) if ratio else 0


def word_of(block: str, expansion: int) -> str:
    """``conv``, ``sep``, ``mb6`` or ``fused4``."""
    if expansion == 1:
        return "conv" if block == "fused" else "sep"
    return f"{'fused' if block == 'fused' else 'mb'}{expansion}"


def read_word(word: Any) -> tuple[str, int]:
    """Block and expansion of a word.

    Raises:
        UsageError: it is none.
    """
    if word in ("conv", "sep"):
        return ("fused" if word == "conv" else "mbconv"), 1
    match = _OP.fullmatch(word) if isinstance(word, str) else None
    if match is None or not 2 <= int(match[2]) <= MOST["expansion"]:
        raise UsageError(
            f"an op is conv, sep, or mb or fused with an expansion from 2 to {MOST['expansion']} behind it, such as "
            f"mb6; got {word!r}"
        )
    return ("fused" if match[1] == "fused" else "mbconv"), int(match[2])


def code_of(word: str) -> int:
    """A word as a number: twice the expansion, and one more where it is fused."""
    block, expansion = read_word(word)
    return 2 * expansion + (block == "fused")


def word_of_code(code: int) -> str:
    """The other way."""
    return word_of(BLOCKS[code & 1], code >> 1)
