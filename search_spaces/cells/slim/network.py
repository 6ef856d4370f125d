"""The torch module of a network of cells in TensorFlow-slim's stacking.

Source: tensorflow/models ``slim/nets/nasnet``; convolutions in bottlenecks as in tensorflow/tpu
``models/official/amoeba_net``. Paddings of even sides are asymmetric, as TensorFlow's are. An average pooling of stride
2 counts its padding as zeros, as timm's NASNet does and TensorFlow does not: it makes a difference at the border.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.network import DropPath, set_drop_path
from regnas.search_spaces.cells.operations import OPERATIONS, Operation
from regnas.search_spaces.cells.slim.architecture import SlimCells
from regnas.search_spaces.cells.slim.stacking import Place, places

_EPSILON = {"cifar": 1e-5, "imagenet": 1e-3}  # of normalisations, for either stem


class SlimNetwork(nn.Module):
    """Stem, cells, head: ``(n, 3, h, w)`` to logits ``(n, classes)``. Weights keep torch's own initialisation."""

    def __init__(self, architecture: SlimCells) -> None:
        super().__init__()
        wide, small = architecture.stem_width, architecture.stem == "cifar"
        self.stem = nn.Sequential(
            nn.Conv2d(3, wide, 3, 1 if small else 2, padding=1 if small else 0, bias=False), nn.BatchNorm2d(wide)
        )
        stacked = places(architecture)
        self.sources = [place.source for place in stacked]
        self.cells = nn.ModuleList(SlimCell(place) for place in stacked)
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(stacked[-1].output.channels, architecture.classes)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = _EPSILON[architecture.stem]

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.stem(x)]
        for cell, source in zip(self.cells, self.sources, strict=True):
            outputs.append(cell(outputs[-1 if source is None else source], outputs[-1]))
        return self.classifier(self.head(outputs[-1]))  # type: ignore[no-any-return]

    def set_drop_path(self, probability: float) -> None:
        """How likely an operation is dropped for an image from now on, in training mode.

        Raises:
            UsageError: it is no probability below 1.
        """
        set_drop_path(self, probability)


class SlimCell(nn.Module):
    """One cell: fitted inputs, nodes that add two operations each, and the concatenation of some of them."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.cell = place.cell
        self.preprocess0 = _fitting(place.preprocessing, place.before.channels, place.wide, relu=True)
        self.preprocess1 = _fitting("project", place.last.channels, place.wide, relu=True)
        self.operations = nn.ModuleList()
        for name, start in place.cell.edges:
            stride = place.stride if start < INPUTS else 1
            operation = _operation(OPERATIONS[name], place.channels(start), place.wide, stride)
            passes = isinstance(operation, nn.Identity)  # never dropped
            self.operations.append(operation if passes else nn.Sequential(operation, DropPath()))
        self.joined = [number for number, _ in place.joined()]
        self.joins = nn.ModuleList(
            _fitting(how, place.channels(number), place.wide, relu=False) for number, how in place.joined()
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Maps ``(n, c, h, w)`` of two cells to ``(n, width * outputs, h / stride, w / stride)``."""
        states = [self.preprocess0(before), self.preprocess1(last)]
        given = [(operation, start) for operation, (_, start) in zip(self.operations, self.cell.edges, strict=True)]
        for (one, first), (other, second) in zip(given[::2], given[1::2], strict=True):
            states.append(one(states[first]) + other(states[second]))
        outputs = [join(states[number]) for join, number in zip(self.joins, self.joined, strict=True)]
        if self.training:  # so that every parameter has a gradient, be it 0: several processes wait for all of them
            outputs[0] = outputs[0] + sum(0.0 * states[number].mean() for number in self.cell.unused)
        return torch.cat(outputs, dim=1)


class SameConv2d(nn.Conv2d):
    """A convolution without bias whose output is ``ceil(side / stride)`` long, padded more below and to the right."""

    def __init__(self, wide_in: int, wide: int, kernel: Any, stride: Any = 1, **options: Any) -> None:
        super().__init__(wide_in, wide, kernel, stride, bias=False, **options)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_padded(x, self.kernel_size, self.stride, self.dilation))


class SamePool(nn.Module):
    """A pooling whose output is ``ceil(side / stride)`` long. Source: timm ``layers/pool2d_same.py``."""

    def __init__(self, kind: str, kernel: int, stride: int) -> None:
        super().__init__()
        self.border = float("-inf") if kind == "max" else 0.0
        inside = kernel // 2 if stride == 1 else 0
        self.pool: nn.MaxPool2d | nn.AvgPool2d = (
            nn.MaxPool2d(kernel, stride, inside)
            if kind == "max"
            else nn.AvgPool2d(kernel, stride, inside, count_include_pad=False)
        )
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = _padded(x, (self.kernel,) * 2, (self.stride,) * 2, (1, 1), self.border)
        return self.pool(x)  # type: ignore[no-any-return]


class Halving(nn.Module):
    """Two 1x1 convolutions of stride 2, one of them a pixel further; odd widths give the second one channel more."""

    def __init__(self, wide_in: int, wide: int, *, relu: bool) -> None:
        super().__init__()
        self.relu = relu
        self.here = nn.Conv2d(wide_in, wide // 2, 1, stride=2, bias=False)
        self.further = nn.Conv2d(wide_in, wide - wide // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x) if self.relu else x
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.here(x), self.further(shifted)], dim=1))  # type: ignore[no-any-return]


class Nothing(nn.Module):
    """The operation ``none``, from any number of channels to ``wide``."""

    def __init__(self, wide: int, stride: int) -> None:
        super().__init__()
        self.wide, self.stride = wide, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride].mean(dim=1, keepdim=True) * 0.0
        return x.expand(-1, self.wide, -1, -1)


def _padded(x: Tensor, kernel: Any, stride: Any, dilation: Any, value: float = 0.0) -> Tensor:
    sides = []
    for size, long, step, apart in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], dilation[::-1], strict=True):
        missing = max((-(-size // step) - 1) * step + (long - 1) * apart + 1 - size, 0)
        sides += [missing // 2, missing - missing // 2]
    return functional.pad(x, sides, value=value)


def _fitting(how: str, wide_in: int, wide: int, *, relu: bool) -> nn.Module:
    if how == "pass":
        return nn.Identity()
    if how == "halve":
        return Halving(wide_in, wide, relu=relu)
    first = [nn.ReLU()] if relu else []
    return nn.Sequential(*first, nn.Conv2d(wide_in, wide, 1, bias=False), nn.BatchNorm2d(wide))


def _operation(one: Operation, wide_in: int, wide: int, stride: int) -> nn.Module:
    """A new operation of an edge; only one on a raw input has another width than its own to begin with."""
    if one.kind == "none":
        return Nothing(wide, stride)
    if one.kind == "separable":
        return _separable(one, wide_in, wide, stride)
    if one.kind in ("average", "max"):
        pool = SamePool(one.kind, one.kernel, stride)
        return pool if wide_in == wide else nn.Sequential(pool, *_fitted(wide_in, wide))
    if one.kind == "skip" and stride == 1 and wide_in == wide:
        return nn.Identity()
    if one.kind == "skip" or one.kernel == 1:
        return nn.Sequential(nn.ReLU(), *_fitted(wide_in, wide, 1, stride))
    narrow = max(1, wide // 4)
    across = [((1, one.kernel), (1, stride)), ((one.kernel, 1), (stride, 1))]
    steps = across if one.kind == "crossed" else [(one.kernel, stride)]
    layers = [nn.ReLU(), *_fitted(wide_in, narrow)]
    for kernel, step in steps:
        layers += [nn.ReLU(), *_fitted(narrow, narrow, kernel, step)]
    return nn.Sequential(*layers, nn.ReLU(), *_fitted(narrow, wide))


def _fitted(wide_in: int, wide: int, kernel: Any = 1, stride: Any = 1) -> list[nn.Module]:
    return [SameConv2d(wide_in, wide, kernel, stride), nn.BatchNorm2d(wide)]


def _separable(one: Operation, wide_in: int, wide: int, stride: int) -> nn.Sequential:
    layers = nn.Sequential()
    for repeat in range(one.repeats):
        step = stride if repeat == 0 else 1
        depthwise = SameConv2d(wide_in, wide_in, one.kernel, step, dilation=one.dilation, groups=wide_in)
        layers.extend([nn.ReLU(), depthwise, nn.Conv2d(wide_in, wide, 1, bias=False), nn.BatchNorm2d(wide)])
        wide_in = wide
    return layers
