"""Closed-form complexity of staged networks, over arrays of candidates.

Counted as the authors count (pycls ``net.complexity``): flops are the multiply-adds of convolutions and linear
layers, plus one for every output with a bias; activations are the elements of the outputs of convolutions, linear
layers and max-pools. Batch normalisation, additions, non-linearities and average pooling cost no flops.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.window import Complexities

Ints = npt.NDArray[np.int64]

MEASURES = ("flops", "params", "activations")


@dataclass(frozen=True)
class Block:
    """What a block type heeds."""

    bottleneck: bool = False  # the bottleneck ratio
    grouped: bool = False  # the group width
    squeezes: bool = False  # the squeeze-and-excitation ratio
    shortcut: str = "project"  # project: 1x1 where the shape changes; identity: none there; none


# x, linear, basic and vanilla are the authors' code; r, v and vr are named in the paper's section 4.
BLOCKS = {
    "x": Block(bottleneck=True, grouped=True, squeezes=True),
    "r": Block(bottleneck=True, squeezes=True),
    "v": Block(squeezes=True, shortcut="none"),
    "vr": Block(squeezes=True),
    "linear": Block(bottleneck=True, grouped=True, squeezes=True, shortcut="identity"),
    "basic": Block(),
    "vanilla": Block(shortcut="none"),
}
STEMS = {"simple": 2, "resnet": 4, "cifar": 1}  # total stride


@dataclass(frozen=True)
class Template:
    """What all networks of a space share; see `regnas.search_spaces.staged.architecture.Staged`."""

    stem: str
    stem_width: int
    block: str
    strides: tuple[int, ...]
    se_ratio: float
    head_width: int
    classes: int
    activation: str


@dataclass(frozen=True)
class StagedBatch:
    """The numbers that differ between n networks of S stages, each array ``(n, S)``."""

    depths: Ints
    widths: Ints
    bottleneck_ratios: npt.NDArray[np.float64]
    group_widths: Ints

    def __getitem__(self, rows: Any) -> StagedBatch:
        return StagedBatch(self.depths[rows], self.widths[rows], self.bottleneck_ratios[rows], self.group_widths[rows])

    def __len__(self) -> int:
        return len(self.depths)


def halved(size: int, stride: int) -> int:
    """Output size of a padded convolution or pooling: floor((size - 1) / stride) + 1."""
    return (size - 1) // stride + 1


def feature_sizes(template: Template, resolution: int) -> list[int]:
    """Height of the feature maps after the stem and after each stage, in pixels."""
    first = halved(resolution, 2) if template.stem in ("simple", "resnet") else resolution
    sizes = [halved(first, 2) if template.stem == "resnet" else first]
    for stride in template.strides:
        sizes.append(halved(sizes[-1], stride))
    return sizes


class _Count:
    """Running totals over ``(n,)`` networks, of the measures that are wanted; the others stay 0."""

    def __init__(self, networks: int | tuple[int, ...], wanted: Collection[str] = MEASURES) -> None:
        self.flops = np.zeros(networks, dtype=np.int64)
        self.params = np.zeros(networks, dtype=np.int64)
        self.activations = np.zeros(networks, dtype=np.int64)
        self._flops, self._params, self._activations = (measure in wanted for measure in MEASURES)

    def add(self, flops: Any, params: Any, activations: Any, times: Any = 1) -> None:
        self.flops += flops * times
        self.params += params * times
        self.activations += activations * times

    def conv(self, size: Any, kernel: int, wide_in: Any, wide_out: Any, times: Any = 1, *, group: Any = None) -> None:
        """A convolution without bias and its batch normalisation; ``group`` is the group width."""
        weights = kernel * kernel * (wide_in if group is None else group) * wide_out
        if self._flops:
            self.flops += weights * (size * size) * times
        if self._params:
            self.params += (weights + 2 * wide_out) * times
        if self._activations:
            self.activations += wide_out * (size * size) * times

    def squeeze(self, wide: Any, squeezed: Any, times: Any = 1) -> None:
        """Squeeze-and-excitation: two 1x1 convolutions with bias on one pixel; none where 0 channels."""
        cost = np.where(squeezed > 0, 2 * wide * squeezed + squeezed + wide, 0)
        self.add(cost, cost, np.where(squeezed > 0, squeezed + wide, 0), times)


def staged_complexity(batch: StagedBatch, template: Template, resolution: int) -> Complexities:
    """Complexity of every network of ``batch`` for one image of ``resolution`` pixels."""
    count = _Count(len(batch))
    sizes = feature_sizes(template, resolution)
    _stem(count, template, resolution, sizes[0])
    wide_in: Any = np.full(len(batch), template.stem_width, dtype=np.int64)
    for stage in range(batch.depths.shape[1]):
        wide = batch.widths[:, stage]
        inner = np.rint(wide / batch.bottleneck_ratios[:, stage]).astype(np.int64)
        group = batch.group_widths[:, stage]
        stride = template.strides[stage]
        shape = (template, wide, inner, group)
        _block(count, *shape, wide_in, stride, sizes[stage], sizes[stage + 1], 1)
        _block(count, *shape, wide, 1, sizes[stage + 1], sizes[stage + 1], batch.depths[:, stage] - 1)
        wide_in = wide
    _head(count, template, wide_in, sizes[-1])
    return Complexities(count.flops, count.params, count.activations)


@dataclass(frozen=True)
class Parts:
    """What networks cost, in parts: ends + sum of the first blocks + sum of (depth - 1) x further blocks.

    Attributes:
        ends: of stem and head, each ``(n,)``.
        first: of the first block of each stage, each ``(S, n)``.
        further: of each further block of a stage, each ``(S, n)``.
    """

    ends: Complexities
    first: Complexities
    further: Complexities


def staged_parts(
    template: Template,
    resolution: int,
    widths: Ints,
    inner: Ints,
    groups: Ints,
    *,
    projects: Any = None,
    wanted: Collection[str] = MEASURES,
) -> Parts:
    """The parts of `staged_complexity`. All of them grow with widths, bottleneck widths, group widths and projections.

    Args:
        widths, inner, groups: output channels, channels and group width of the bottleneck, each ``(S, n)``.
        projects: whether the first block has a projection where its shape changes; told from the widths unless said.
        wanted: what to count; of other measures nothing can be told from the result.
    """
    sizes = np.array(feature_sizes(template, resolution), dtype=np.int64)[:, None]
    strides = np.array(template.strides, dtype=np.int64)[:, None]
    wide_in = np.concatenate([np.full_like(widths[:1], template.stem_width), widths[:-1]])
    changes = ((wide_in != widths) | (strides != 1)) if projects is None else projects
    shapes = (widths.shape, widths.shape, widths.shape[1:])
    first, further, ends = (_Count(shape, wanted) for shape in shapes)
    _one_block(first, template, widths, inner, groups, wide_in, sizes[:-1], sizes[1:], changes)
    _one_block(further, template, widths, inner, groups, widths, sizes[1:], sizes[1:], np.False_)
    _stem(ends, template, resolution, int(sizes[0, 0]))
    _head(ends, template, widths[-1], int(sizes[-1, 0]))
    return Parts(*(Complexities(part.flops, part.params, part.activations) for part in (ends, first, further)))


def _head(count: _Count, template: Template, wide_in: Ints, size: int) -> None:
    if template.head_width:
        count.conv(size, 1, wide_in, template.head_width)
        wide_in = np.full_like(wide_in, template.head_width)
    linear = (wide_in + 1) * template.classes
    count.add(linear, linear, template.classes)


def _stem(count: _Count, template: Template, resolution: int, size: int) -> None:
    wide = np.int64(template.stem_width)
    if template.stem == "resnet":
        count.conv(halved(resolution, 2), 7, 3, wide)
        count.add(0, 0, wide * size * size)  # max-pool
    else:
        count.conv(size, 3, 3, wide)


def _block(
    count: _Count,
    template: Template,
    wide: Ints,
    inner: Ints,
    group: Ints,
    wide_in: Ints,
    stride: int,
    size_in: int,
    size: int,
    times: Any,
) -> None:
    """``times`` blocks of one shape."""
    changes = (wide_in != wide) | (stride != 1)
    _one_block(count, template, wide, inner, group, wide_in, size_in, size, changes, times)


def _one_block(
    count: _Count,
    template: Template,
    wide: Ints,
    inner: Ints,
    group: Ints,
    wide_in: Ints,
    size_in: Any,
    size: Any,
    changes: Any,
    times: Any = 1,
) -> None:
    """A block's first 1x1 convolution runs at its input's size; ``changes``: whether a shortcut needs a projection."""
    rule = BLOCKS[template.block]
    if rule.bottleneck:
        count.conv(size_in, 1, wide_in, inner, times)
        count.conv(size, 3, inner, inner, times, group=group)
        count.conv(size, 1, inner, wide, times)
    else:
        count.conv(size, 3, wide_in, wide, times)
        if template.block in ("basic", "vanilla"):
            count.conv(size, 3, wide, wide, times)
    if template.se_ratio and rule.squeezes:
        # The squeeze width follows the block's input, not the bottleneck.
        count.squeeze(inner if rule.bottleneck else wide, np.rint(wide_in * template.se_ratio).astype(np.int64), times)
    if rule.shortcut == "project" and changes.any():
        count.conv(size, 1, wide_in, wide, times * changes)
