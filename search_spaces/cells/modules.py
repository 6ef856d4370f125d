"""The operations of cells as torch modules, ``(n, c, h, w)`` to ``(n, c, ceil(h / stride), ceil(w / stride))``.

Source: facebookresearch/unnas ``pycls/models/nas/operations.py``, which follows DARTS (quark0/darts). No ReLU is in
place: other edges read its input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.search_spaces.cells.operations import OPERATIONS, Operation


class Zero(nn.Module):
    """The operation ``none``. A product rather than new zeros, so that every parameter before it has a gradient."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0


class FactorisedReduction(nn.Module):
    """Halves the size: two 1x1 convolutions of stride 2, one of them a pixel further, each to half of the channels.

    Padded by a pixel below and to the right, so that odd sizes are halved as well, rounded up. Behind a ReLU, unless
    said otherwise.
    """

    def __init__(self, wide_in: int, wide: int, *, relu: bool = True) -> None:
        super().__init__()
        self.relu = relu
        self.here = nn.Conv2d(wide_in, wide // 2, 1, stride=2, bias=False)
        self.further = nn.Conv2d(wide_in, wide // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x) if self.relu else x
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.here(x), self.further(shifted)], dim=1))  # type: ignore[no-any-return]


def relu_conv_norm(wide_in: int, wide: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch normalisation."""
    conv = nn.Conv2d(wide_in, wide, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(wide))


def make_operation(name: str, wide: int, stride: int) -> nn.Module:
    """A new operation of an edge, from and to ``wide`` channels."""
    one = OPERATIONS[name]
    if one.kind == "none":
        return Zero(stride)
    if one.kind == "skip":
        return nn.Identity() if stride == 1 else FactorisedReduction(wide, wide)
    if one.kind == "average":
        return nn.AvgPool2d(one.kernel, stride, one.kernel // 2, count_include_pad=False)
    if one.kind == "max":
        return nn.MaxPool2d(one.kernel, stride, one.kernel // 2)
    if one.kind == "conv":
        return relu_conv_norm(wide, wide, one.kernel, stride)
    return _crossed(one, wide, stride) if one.kind == "crossed" else _separable(one, wide, stride)


def _crossed(one: Operation, wide: int, stride: int) -> nn.Sequential:
    """1xk across, then kx1 down, with nothing between."""
    side, pad = one.kernel, one.kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(wide, wide, (1, side), (1, stride), (0, pad), bias=False),
        nn.Conv2d(wide, wide, (side, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(wide),
    )


def _separable(one: Operation, wide: int, stride: int) -> nn.Sequential:
    """Depthwise and 1x1, as often as the operation says; the first one has the stride."""
    layers = nn.Sequential()
    pad = one.kernel // 2 * one.dilation
    for repeat in range(one.repeats):
        step = stride if repeat == 0 else 1
        depthwise = nn.Conv2d(wide, wide, one.kernel, step, pad, dilation=one.dilation, groups=wide, bias=False)
        layers.extend([nn.ReLU(), depthwise, nn.Conv2d(wide, wide, 1, bias=False), nn.BatchNorm2d(wide)])
    return layers
