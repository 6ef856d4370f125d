"""A chain of layers in a line of text, written and read.

Layers by kernel, filters and, where it is not 1, stride, each with what feeds it, 0 for the picture:
``3x3x24@0 / 5x1x36s2x1@1 / 1x1x48s2x2@1+2``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from regnas.errors import UsageError

if TYPE_CHECKING:
    from regnas.search_spaces.chain.architecture import LayerChain

_LAYER = re.compile(r"(\d{1,5})x(\d{1,5})x(\d{1,5})(?:s(\d{1,5})x(\d{1,5}))?@(\d{1,5}(?:\+\d{1,5})*)")
_EXAMPLE = "3x3x24@0 / 5x1x36s2x1@1 / 1x1x48s2x2@1+2"


def line_of(network: LayerChain) -> str:
    """The network in a line."""
    parts = []
    for layer, feeding in zip(network.layers, network.inputs, strict=True):
        stride = "" if layer.stride == (1, 1) else f"s{layer.stride[0]}x{layer.stride[1]}"
        inputs = "+".join(str(one + 1) for one in feeding) or "0"
        parts.append(f"{layer.kernel[0]}x{layer.kernel[1]}x{layer.filters}{stride}@{inputs}")
    return " / ".join(parts)


def read_line(text: str) -> list[tuple[list[int], list[int]]]:
    """Of every layer kernel height and width, stride down and across, filters; and its inputs, from 1; none is 0.

    Raises:
        UsageError: it is no such line, or an input is no earlier layer.
    """
    found = []
    for number, part in enumerate(text.split("/"), 1):
        match = _LAYER.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"a chain of layers is a line such as {_EXAMPLE!r}, got {part.strip()[:60]!r} in it")
        height, width, filters, down, across, inputs = match.groups()
        feeding = sorted({int(one) for one in inputs.split("+")})
        if feeding[-1] >= number or (0 in feeding and feeding != [0]):
            raise UsageError(f"layer {number} is fed by 0, the picture, or by layers before it, got @{inputs}")
        numbers = [int(height), int(width), int(down or 1), int(across or 1), int(filters)]
        found.append((numbers, [one for one in feeding if one]))
    return found
