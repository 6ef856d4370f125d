"""The torch module of a macro network.

Source: melodyguan/enas ``src/cifar10/general_child.py``: ``_enas_layer`` for the form of the search, ``_fixed_layer``
for the final one. Other than there, separable convolutions of final networks are separable, poolings of final networks
are there, after a ReLU and a 1x1 convolution, and what nothing reads is not reduced.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.macro.complexity import PICTURE, reductions, stage_of, width_of


class Parts(Protocol):
    """Where the modules of a network come from: new ones, or those that many networks share. Layers count from 1."""

    def stem(self) -> nn.Module:
        """``(n, 3, h, w)`` to the first output."""

    def operation(self, layer: int) -> nn.Module:
        """The operation of a layer."""

    def join(self, layer: int) -> nn.Module:
        """What follows on the sum, or the concatenation, of a layer and its skips; layers from 2 have one."""

    def reduction(self, last: int, output: int) -> nn.Module:
        """The reduction of an output after layer ``last``."""

    def classifier(self) -> nn.Module:
        """``(n, filters)`` to logits."""


class MacroNetwork(nn.Module):
    """Stem, layers with skips, head: ``(n, 3, h, w)`` to logits ``(n, classes)``.

    Weights keep torch's own initialisation.
    """

    def __init__(self, architecture: Macro, parts: Parts | None = None) -> None:
        super().__init__()
        made = NewParts(architecture) if parts is None else parts
        layers, self.skips = architecture.layers, architecture.skips
        self.adds = architecture.form == "search"
        self.stem = made.stem()
        self.operations = nn.ModuleList(made.operation(layer) for layer in range(1, layers + 1))
        self.joins = nn.ModuleList(made.join(layer) if layer > 1 else nn.Identity() for layer in range(1, layers + 1))
        self.reductions = nn.ModuleDict()
        self.reduced = {last: kept(architecture, last) for last in reductions(layers)}
        for last, outputs in self.reduced.items():
            for output in outputs:
                self.reductions[f"{output}_after_{last}"] = made.reduction(last, output)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = made.classifier()

    def forward(self, x: Tensor) -> Tensor:
        seen = {0: self.stem(x)}
        for layer, (operation, join, added) in enumerate(zip(self.operations, self.joins, self.skips, strict=True), 1):
            out = operation(seen[layer - 1])
            maps = [*(seen[one] for one in added), out]
            seen[layer] = join(sum(maps[1:], maps[0]) if self.adds else torch.cat(maps, dim=1))
            if layer in self.reduced:
                seen = {one: self.reductions[f"{one}_after_{layer}"](seen[one]) for one in self.reduced[layer]}
        return self.classifier(self.head(seen[len(self.operations)]))  # type: ignore[no-any-return]


def kept(architecture: Macro, last: int) -> list[int]:
    """The outputs that are read after layer ``last``: its own, and those that later layers add."""
    later = {one for added in architecture.skips[last:] for one in added if one < last}
    return [*sorted(later), last]


class NewParts:
    """Modules of one network, made anew."""

    def __init__(self, architecture: Macro) -> None:
        self._one = architecture

    def stem(self) -> nn.Module:
        wide = self._one.filters
        return nn.Sequential(nn.Conv2d(PICTURE, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide))

    def operation(self, layer: int) -> nn.Module:
        return make_operation(self._one.operations[layer - 1], self._wide(layer), relu_first=self._final)

    def join(self, layer: int) -> nn.Module:
        wide = self._wide(layer)
        if not self._final:
            return nn.BatchNorm2d(wide)
        seen = (1 + len(self._one.skips[layer - 1])) * wide
        return nn.Sequential(nn.ReLU(), nn.Conv2d(seen, wide, 1, bias=False), nn.BatchNorm2d(wide))

    def reduction(self, last: int, output: int) -> nn.Module:
        return FactorisedReduction(self._wide(last), self._wide(last + 1))

    def classifier(self) -> nn.Module:
        return nn.Linear(self._wide(self._one.layers), self._one.classes, bias=False)

    @property
    def _final(self) -> bool:
        return self._one.form == "final"

    def _wide(self, layer: int) -> int:
        return int(width_of(self._one.filters, stage_of(layer, self._one.layers), self._one.form))


class FactorisedReduction(nn.Module):
    """Halves the size: two 1x1 convolutions of stride 2, one of them a pixel further, each to half of the channels.

    Padded by a pixel below and to the right. Without a ReLU, other than the one of cells.
    """

    def __init__(self, wide_in: int, wide: int) -> None:
        super().__init__()
        self.here = nn.Conv2d(wide_in, wide // 2, 1, stride=2, bias=False)
        self.further = nn.Conv2d(wide_in, wide // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.here(x), self.further(shifted)], dim=1))  # type: ignore[no-any-return]


def make_operation(name: str, wide: int, *, relu_first: bool) -> nn.Sequential:
    """A new operation from and to ``wide`` channels, behind a 1x1 convolution; ReLU before or after convolutions."""
    layers = _normed([nn.Conv2d(wide, wide, 1, bias=False)], wide, relu_first)
    kernel = int(name[-1])
    if name == "max3":
        return nn.Sequential(*layers, nn.MaxPool2d(kernel, 1, kernel // 2))
    if name == "avg3":
        return nn.Sequential(*layers, nn.AvgPool2d(kernel, 1, kernel // 2, count_include_pad=False))
    apart = name.startswith("sep")
    convs: list[nn.Module] = [
        nn.Conv2d(wide, wide, kernel, padding=kernel // 2, groups=wide if apart else 1, bias=False)
    ]
    if apart:
        convs.append(nn.Conv2d(wide, wide, 1, bias=False))
    return nn.Sequential(*layers, *_normed(convs, wide, relu_first))


def _normed(convs: list[nn.Module], wide: int, relu_first: bool) -> list[nn.Module]:
    return [nn.ReLU(), *convs, nn.BatchNorm2d(wide)] if relu_first else [*convs, nn.BatchNorm2d(wide), nn.ReLU()]
