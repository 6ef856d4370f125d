"""A small network that any evaluator can train: for the rules of evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regnas.architecture import key_of
from regnas.costs import Complexity

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SmallNetwork:
    """Convolutions of stride 2, each with its batch normalisation, and a linear layer.

    Attributes:
        widths: output channels of each convolution.
    """

    widths: tuple[int, ...] = (8, 16)
    classes: int = 4

    @property
    def kind(self) -> str:
        return "small"

    @property
    def schema(self) -> int:
        return 1

    def key(self) -> str:
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "schema": self.schema, "widths": list(self.widths), "classes": self.classes}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SmallNetwork:
        """Read `to_json`'s form."""
        return cls(tuple(value["widths"]), value["classes"])

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels."""
        flops = params = acts = 0
        size, wide_in = resolution, 3
        for wide in self.widths:
            size, weights = (size - 1) // 2 + 1, 9 * wide_in * wide
            flops, params, acts = flops + weights * size**2, params + weights + 2 * wide, acts + wide * size**2
            wide_in = wide
        head = (wide_in + 1) * self.classes
        return Complexity(flops + head, params + head, acts + self.classes)

    def build(self) -> torch.nn.Module:
        """A new module, initialised from torch's current seed."""
        from torch import nn

        layers: list[nn.Module] = []
        for wide_in, wide in zip((3, *self.widths), self.widths, strict=False):
            layers += [nn.Conv2d(wide_in, wide, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.widths[-1], self.classes))
