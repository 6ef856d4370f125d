"""The torch module of a chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.search_spaces.chain.architecture import LayerChain
from regnas.search_spaces.chain.complexity import PICTURE


class ChainNetwork(nn.Module):
    """Convolution, batch normalisation and ReLU in every layer: ``(n, 3, h, w)`` to logits ``(n, classes)``.

    Weights keep torch's own initialisation.
    """

    def __init__(self, architecture: LayerChain) -> None:
        super().__init__()
        self.inputs, self.loose = architecture.inputs, architecture.loose
        self.layers = nn.ModuleList()
        for layer, feeding in zip(architecture.layers, self.inputs, strict=True):
            wide = sum(architecture.layers[one].filters for one in feeding) or PICTURE
            padding = (layer.kernel[0] // 2, layer.kernel[1] // 2)
            conv = nn.Conv2d(wide, layer.filters, layer.kernel, layer.stride, padding, bias=False)
            self.layers.append(nn.Sequential(conv, nn.BatchNorm2d(layer.filters), nn.ReLU(inplace=True)))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(sum(architecture.layers[one].filters for one in self.loose), architecture.classes)

    def forward(self, x: Tensor) -> Tensor:
        seen: list[Tensor] = []
        for layer, feeding in zip(self.layers, self.inputs, strict=True):
            seen.append(layer(joined([seen[one] for one in feeding]) if feeding else x))
        return self.classifier(self.head(joined([seen[one] for one in self.loose])))  # type: ignore[no-any-return]


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps ``(n, c, h, w)`` concatenated, padded with zeros below and to the right to the largest height and width."""
    if len(maps) == 1:
        return maps[0]
    down, across = (max(one.shape[side] for one in maps) for side in (2, 3))
    padded = [functional.pad(one, (0, across - one.shape[3], 0, down - one.shape[2])) for one in maps]
    return torch.cat(padded, dim=1)
