"""Blocks of staged networks, as plain torch modules.

Source: Radosavovic et al. 2020, figure 4 and section 4; pycls ``models/blocks.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def activation(name: str) -> nn.Module:
    """A new activation module: relu, silu or gelu."""
    if name == "gelu":
        return nn.GELU()
    return nn.SiLU(inplace=True) if name == "silu" else nn.ReLU(inplace=True)


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation, and an activation unless ``act`` is None."""

    def __init__(
        self,
        wide_in: int,
        wide: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        act: str | None = None,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(wide_in, wide, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
            nn.BatchNorm2d(wide, eps=1e-5, momentum=0.1),
        ]
        if act is not None:
            layers.append(activation(act))
        super().__init__(*layers)


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


def _squeeze(wide: int, squeezed: int, act: str) -> list[nn.Module]:
    return [SqueezeExcitation(wide, squeezed, act)] if squeezed else []


def bottleneck(wide_in: int, wide: int, inner: int, group: int, stride: int, squeezed: int, act: str) -> nn.Sequential:
    """1x1, grouped 3x3, squeeze-and-excitation, 1x1: the transform of the X block."""
    return nn.Sequential(
        ConvNorm(wide_in, inner, 1, act=act),
        ConvNorm(inner, inner, 3, stride=stride, groups=inner // group, act=act),
        *_squeeze(inner, squeezed, act),
        ConvNorm(inner, wide, 1),
    )


def squeezed_bottleneck(wide_in: int, wide: int, inner: int, stride: int, squeezed: int, act: str) -> nn.Sequential:
    """1x1, 3x3, 1x1, squeeze-and-excitation: the transform of ResNet-RS's block."""
    return nn.Sequential(
        ConvNorm(wide_in, inner, 1, act=act),
        ConvNorm(inner, inner, 3, stride=stride, act=act),
        ConvNorm(inner, wide, 1),
        *_squeeze(wide, squeezed, act),
    )


def pooled_shortcut(wide_in: int, wide: int, stride: int) -> nn.Sequential:
    """ResNet-D's shortcut: an average pool with the stride, and a 1x1 convolution (He et al. 2019, section 4.2)."""
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, *ConvNorm(wide_in, wide, 1))


def two_convs(wide_in: int, wide: int, stride: int, act: str, *, last_act: bool) -> nn.Sequential:
    """Two 3x3 convolutions: the transform of the basic and the vanilla block."""
    return nn.Sequential(
        ConvNorm(wide_in, wide, 3, stride=stride, act=act),
        ConvNorm(wide, wide, 3, act=act if last_act else None),
    )


def one_conv(wide_in: int, wide: int, stride: int, squeezed: int, act: str, *, last_act: bool) -> nn.Sequential:
    """One 3x3 convolution: the paper's V and VR blocks.

    The paper defines no squeeze-and-excitation for them; here it comes last, in VR before the sum.
    """
    conv = ConvNorm(wide_in, wide, 3, stride=stride, act=act if last_act else None)
    return nn.Sequential(conv, *_squeeze(wide, squeezed, act))


def last_norm(transform: nn.Module) -> nn.Module:
    """The normalisation through which a transform leaves."""
    return [layer for layer in transform.modules() if isinstance(layer, nn.BatchNorm2d)][-1]


class Residual(nn.Module):
    """act(shortcut(x) + transform(x)); the shortcut is a 1x1 convolution where the shape changes.

    Args:
        pooled: whether the shortcut pools instead of leaving pixels out.
    """

    adds = True

    def __init__(
        self, transform: nn.Module, wide_in: int, wide: int, stride: int, act: str, *, pooled: bool = False
    ) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if wide_in != wide or stride != 1:
            plain = not pooled
            self.shortcut = (
                ConvNorm(wide_in, wide, 1, stride=stride) if plain else pooled_shortcut(wide_in, wide, stride)
            )
        self.transform = transform
        self.act = activation(act)

    @property
    def end(self) -> nn.Module:
        """Its branch's last normalisation."""
        return last_norm(self.transform)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.shortcut(x) + self.transform(x))  # type: ignore[no-any-return]


class LinearResidual(nn.Module):
    """x + transform(x) where the shapes agree, else transform(x); no activation after (RegNetZ)."""

    def __init__(self, transform: nn.Module, wide_in: int, wide: int, stride: int) -> None:
        super().__init__()
        self.transform = transform
        self.adds = wide_in == wide and stride == 1

    @property
    def end(self) -> nn.Module:
        """Its branch's last normalisation."""
        return last_norm(self.transform)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.transform(x)
        return x + out if self.adds else out


def make_block(
    kind: str, *, wide_in: int, wide: int, inner: int, group: int, stride: int, squeezed: int, act: str
) -> nn.Module:
    """A new block of the named type; see `regnas.search_spaces.staged.complexity.BLOCKS`."""
    if kind == "vanilla":
        return two_convs(wide_in, wide, stride, act, last_act=True)
    if kind == "v":
        return one_conv(wide_in, wide, stride, squeezed, act, last_act=True)
    if kind == "linear":
        narrow = bottleneck(wide_in, wide, inner, group, stride, squeezed, act)
        return LinearResidual(narrow, wide_in, wide, stride)
    if kind == "rs":
        weighed = squeezed_bottleneck(wide_in, wide, inner, stride, squeezed, act)
        return Residual(weighed, wide_in, wide, stride, act, pooled=True)
    transform: nn.Module
    if kind == "basic":
        transform = two_convs(wide_in, wide, stride, act, last_act=False)
    elif kind == "vr":
        transform = one_conv(wide_in, wide, stride, squeezed, act, last_act=False)
    else:  # x and r: r has one group
        transform = bottleneck(wide_in, wide, inner, group, stride, squeezed, act)
    return Residual(transform, wide_in, wide, stride, act)
