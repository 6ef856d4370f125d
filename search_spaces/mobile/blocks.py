"""Layers of mobile networks, as plain torch modules.

Source: tensorflow/tpu ``mnasnet_model.py`` and ``efficientnet_model.py``; MobileNetV2 (arXiv 1801.04381), figure 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regnas.search_spaces.mobile.stage import Stage, squeezed_width


def activation(name: str) -> nn.Module:
    """A new activation module: relu, silu or relu6."""
    if name == "relu6":
        return nn.ReLU6(inplace=True)
    return nn.SiLU(inplace=True) if name == "silu" else nn.ReLU(inplace=True)


def conv_norm(
    wide_in: int, wide: int, kernel: int, *, stride: int = 1, groups: int = 1, act: str | None, eps: float
) -> nn.Sequential:
    """Convolution without bias, batch normalisation, and an activation unless ``act`` is None."""
    layers: list[nn.Module] = [
        nn.Conv2d(wide_in, wide, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(wide, eps=eps),
    ]
    return nn.Sequential(*layers, *([activation(act)] if act is not None else []))


class SqueezeExcitation(nn.Module):
    """Channel attention (Hu et al. 2018): pool, 1x1 down, activation, 1x1 up, sigmoid, multiply."""

    def __init__(self, wide: int, squeezed: int, act: str) -> None:
        super().__init__()
        self.down = nn.Conv2d(wide, squeezed, 1)
        self.act = activation(act)
        self.up = nn.Conv2d(squeezed, wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.up(self.act(self.down(pooled))))


class DropConnect(nn.Module):
    """Drops all of an image's maps with a probability, and scales the others up; does nothing outside of training.

    Source: tensorflow/tpu ``efficientnet/utils.py``, ``drop_connect``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.probability = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.probability:
            return x
        keep = 1 - self.probability
        return x / keep * torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)


class Layer(nn.Module):
    """One layer of a stage: its convolutions, and what is added to them. No activation comes after the sum.

    Args:
        wide_in: input channels.
        stride: that of the stage in its first layer, 1 in the others.
    """

    def __init__(self, stage: Stage, wide_in: int, stride: int, act: str, eps: float) -> None:
        super().__init__()
        self.layers = _convolutions(stage, wide_in, stride, act, eps)
        keeps = stage.skip != "none" and stride == 1 and wide_in == stage.width
        self.skip = _skip(stage.skip) if keeps else None
        self.drop = DropConnect() if keeps else nn.Identity()

    @property
    def end(self) -> nn.Module:
        """Its last normalisation."""
        return [layer for layer in self.layers.modules() if isinstance(layer, nn.BatchNorm2d)][-1]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(self.layers(x))
        return out if self.skip is None else self.skip(x) + out


def _skip(kind: str) -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False) if kind == "pool" else nn.Identity()


def _convolutions(stage: Stage, wide_in: int, stride: int, act: str, eps: float) -> nn.Sequential:
    """The layer's convolutions by name: ``expand``, ``depthwise``, ``squeeze``, ``project``, or ``conv`` alone."""
    inner, kernel = wide_in * stage.expansion, stage.kernel
    found = nn.Sequential()
    alone = stage.block == "fused" and stage.expansion == 1
    if alone:
        inner = stage.width
        found.add_module("conv", conv_norm(wide_in, inner, kernel, stride=stride, act=act, eps=eps))
    elif stage.block == "fused":
        found.add_module("expand", conv_norm(wide_in, inner, kernel, stride=stride, act=act, eps=eps))
    else:
        if stage.expansion > 1:
            found.add_module("expand", conv_norm(wide_in, inner, 1, act=act, eps=eps))
        deep = conv_norm(inner, inner, kernel, stride=stride, groups=inner, act=act, eps=eps)
        found.add_module("depthwise", deep)
    if squeezed := squeezed_width(wide_in, stage.se):
        found.add_module("squeeze", SqueezeExcitation(inner, squeezed, act))
    if not alone:
        found.add_module("project", conv_norm(inner, stage.width, 1, act=None, eps=eps))
    return found
