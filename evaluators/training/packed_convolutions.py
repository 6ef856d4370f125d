"""Grouped convolutions that a CPU computes another way: the same function, several times as fast.

oneDNN's grouped convolutions have kernels for groups of at least about 8 channels. Groups of 2 to 4 are therefore
computed as wider groups whose other weights are zero, and depthwise convolutions with a stride, which take up to 50
times as long in bfloat16, in float32. docs/benchmarks.md has the figures.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_NARROW = 4  # widest group that is packed
_WIDE = 16  # channels that packed groups have at most


def adapt(network: nn.Module) -> nn.Module:
    """Exchange the narrow grouped convolutions of a network for CPUs; parameters and their names stay."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Conv2d and (kind := _kind(child)) is not None:
                setattr(parent, name, kind(child))
    return network


def _kind(conv: nn.Conv2d) -> type[_Adapted] | None:
    """How a convolution is computed; None: as it is."""
    if conv.groups == 1 or conv.in_channels != conv.out_channels or conv.padding_mode != "zeros":
        return None
    width = conv.in_channels // conv.groups
    if width == 1:
        return Depthwise if max(conv.stride) > 1 else None
    return PackedConv if width <= _NARROW and packs(conv.groups, width) > 1 else None


def packs(groups: int, width: int) -> int:
    """How many groups of ``width`` channels are computed as one: the most that are 16 channels together."""
    return max(count for count in range(1, groups + 1) if groups % count == 0 and count * width <= max(_WIDE, width))


class _Adapted(nn.Conv2d):
    """Takes over the parameters of another convolution."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            cast(tuple[int, int], conv.kernel_size),
            cast(tuple[int, int], conv.stride),
            conv.padding,  # type: ignore[arg-type]
            cast(tuple[int, int], conv.dilation),
            conv.groups,
            bias=conv.bias is not None,
            device="meta",
        )
        self.weight, self.bias = conv.weight, conv.bias


class PackedConv(_Adapted):
    """Groups as the diagonal blocks of wider groups. The gradient of what is zero is never used."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(conv)
        self._packs = packs(self.groups, self.in_channels // self.groups)

    def forward(self, x: Tensor) -> Tensor:
        groups, count, weight = self.groups // self._packs, self._packs, self.weight
        if torch.is_autocast_enabled(x.device.type):
            weight = weight.to(torch.get_autocast_dtype(x.device.type))  # packed in half as many bytes
        out, width, *kernel = weight.shape
        each = weight.view(groups, count, out // self.groups, 1, width, *kernel)
        diagonal = torch.eye(count, dtype=weight.dtype, device=weight.device).view(1, count, 1, count, 1, 1, 1)
        wide = (each * diagonal).reshape(out, count * width, *kernel)
        return functional.conv2d(x, wide, self.bias, self.stride, self.padding, self.dilation, groups)


class Depthwise(_Adapted):
    """In float32, whatever the precision around it."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = self._conv_forward(x.float(), self.weight, self.bias)
        return out.to(x.dtype)
