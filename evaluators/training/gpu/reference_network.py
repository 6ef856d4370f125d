"""A network as large as a regime's window allows: what devices are measured with, whatever space is searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from regnas.architecture import key_of
from regnas.costs import Complexity
from regnas.dataset import Regime
from regnas.window import parse_bounds

_DEPTHS, _WIDTHS = (1, 2, 6, 4), (1, 2, 4, 8)  # blocks, and widths over the first, of four stages
_GROUP = 8  # channels
_WIDEST = 128


@dataclass(frozen=True)
class ReferenceNetwork:
    """Four stages of residual bottlenecks with grouped convolutions, as in the RegNet paper's figure 4.

    Attributes:
        width: channels of the first stage, a multiple of 8; doubled in each further one.
        stem_width: channels of the first convolution.
        strides: of the stem and of the first block of each stage.
    """

    width: int
    stem_width: int
    strides: tuple[int, ...]
    classes: int

    @property
    def kind(self) -> str:
        return "reference"

    @property
    def schema(self) -> int:
        return 1

    def key(self) -> str:
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "schema": self.schema, "width": self.width, "stem_width": self.stem_width}

    def _blocks(self) -> Iterator[tuple[int, int, int]]:
        """Input channels, output channels and stride of every block."""
        wide_in = self.stem_width
        for depth, times, stride in zip(_DEPTHS, _WIDTHS, self.strides[1:], strict=True):
            wide = self.width * times
            for block in range(depth):
                yield wide_in, wide, stride if block == 0 else 1
                wide_in = wide

    def complexity(self, resolution: int) -> Complexity:
        """Multiply-adds of one image of ``resolution`` pixels; the other costs are not counted."""
        size = (resolution - 1) // self.strides[0] + 1
        flops = 27 * self.stem_width * size**2
        for wide_in, wide, stride in self._blocks():
            after = (size - 1) // stride + 1
            projection = wide_in * wide if wide_in != wide or stride != 1 else 0
            flops += wide_in * wide * size**2 + (9 * _GROUP * wide + wide * wide + projection) * after**2
            size = after
        return Complexity(flops=flops + (_WIDTHS[-1] * self.width + 1) * self.classes)

    def build(self) -> nn.Module:
        """A new module from ``(n, 3, height, width)`` to logits ``(n, classes)``."""
        stem = _conv(3, self.stem_width, 3, stride=self.strides[0])
        blocks = [_Block(*shape) for shape in self._blocks()]
        last = nn.Linear(_WIDTHS[-1] * self.width, self.classes)
        return nn.Sequential(*stem, nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)


class _Block(nn.Module):
    def __init__(self, wide_in: int, wide: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_conv(wide_in, wide, 1),
            nn.ReLU(),
            *_conv(wide, wide, 3, stride=stride, groups=wide // _GROUP),
            nn.ReLU(),
            *_conv(wide, wide, 1),
        )
        same = wide_in == wide and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv(wide_in, wide, 1, stride=stride))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.body(x) + self.shortcut(x))


def _conv(wide_in: int, wide: int, kernel: int, *, stride: int = 1, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(wide_in, wide, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(wide)


def reference_network(regime: Regime) -> ReferenceNetwork:
    """The widest reference network that a regime's window holds."""
    images = regime.images
    high = parse_bounds(regime.flops, "flops").high or float("inf")
    strides = (images.stem_stride or 2, *(images.strides or (2, 2, 2, 2)))

    def network(width: int) -> ReferenceNetwork:
        return ReferenceNetwork(width, images.stem_width or 32, strides, images.classes)

    width = _GROUP
    while width < _WIDEST and network(width + _GROUP).complexity(images.resolution).flops <= high:
        width += _GROUP
    return network(width)
