"""Closed-form complexity of staged networks, over arrays of candidates; counted as `regnas.counting` says."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities, Complexity
from regnas.counting import MEASURES, Count, Pixels, check_countable, output_size

if TYPE_CHECKING:
    from regnas.search_spaces.staged.architecture import Staged

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """What a block type heeds."""

    bottleneck: bool = False  # the bottleneck ratio
    grouped: bool = False  # the group width
    squeezes: bool = False  # the squeeze-and-excitation ratio
    shortcut: str = (
        "project"  # project: 1x1 where the shape changes, pool: behind an average pool; identity: none there
    )
    squeezed_by: str = "input"  # the channels that the squeeze ratio is of: the block's input or its output


# x, linear, basic and vanilla are the authors' code; r, v and vr are named in the paper's section 4.
BLOCKS = {
    "x": Block(bottleneck=True, grouped=True, squeezes=True),
    "r": Block(bottleneck=True, squeezes=True),
    "v": Block(squeezes=True, shortcut="none"),
    "vr": Block(squeezes=True),
    "linear": Block(bottleneck=True, grouped=True, squeezes=True, shortcut="identity"),
    "basic": Block(),
    "vanilla": Block(shortcut="none"),
    # ResNet-RS (Bello et al. 2021, arXiv 2103.07579): ResNet-D's shortcut, squeeze-and-excitation before the sum
    "rs": Block(bottleneck=True, squeezes=True, shortcut="pool", squeezed_by="output"),
}
STEMS = {"simple": 2, "resnet": 4, "cifar": 1, "rs": 4}  # total stride; of equal ones the first is taken


def half_width(wide: int) -> int:
    """Channels of the first convolutions of the ``rs`` stem of ``wide`` channels: half of them, rounded up."""
    return -(-wide // 2)


def stem_of_stride(stride: int) -> str:
    """The stem that shrinks a picture most, and no more than by ``stride``, at least 1."""
    return max((name for name, own in STEMS.items() if own <= stride), key=STEMS.__getitem__)


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


def feature_sizes(template: Template, resolution: int) -> list[int]:
    """Height of the feature maps after the stem and after each stage, in pixels."""
    sizes = [output_size(resolution, 3, STEMS[template.stem])]  # two strides in turn round as their product does
    for stride in template.strides:
        sizes.append(output_size(sizes[-1], 3, stride))
    return sizes


class _Block(NamedTuple):
    """Channels of one block of n networks, each ``(n,)`` or ``(S, n)``."""

    wide_in: Any
    wide: Any
    inner: Any
    group: Any


def staged_complexity(batch: StagedBatch, template: Template, resolution: int) -> Complexities:
    """Complexity of every network of ``batch`` for one image of ``resolution`` pixels.

    Raises:
        InvalidArchitecture: some of them are too large to be counted.
    """
    if len(batch):
        ratio = float(batch.bottleneck_ratios.min())
        _check_size(int(batch.depths.max()), int(batch.widths.max()), ratio, template, resolution)
    count = Count(len(batch))
    count_staged(count, batch, template, resolution)
    return count.total()


def network_complexity(network: Staged, resolution: int) -> Complexity:
    """`staged_complexity` of one network in plain ints, which take a fraction of the time of arrays of one.

    Raises:
        InvalidArchitecture: it is too large to be counted.
    """
    template = network.template
    _check_size(max(network.depths), max(network.widths), min(network.bottleneck_ratios), template, resolution)
    count = Count()
    numbers = (network.depths, network.widths, network.bottleneck_ratios, network.group_widths)
    _count(count, list(zip(*numbers, strict=True)), template.stem_width, template, resolution)
    return count.total().row(0)


def count_staged(count: Count, batch: StagedBatch, template: Template, resolution: int) -> None:
    """Count every layer of the networks of ``batch``, from the stem to the head."""
    numbers = (batch.depths, batch.widths, batch.bottleneck_ratios, batch.group_widths)
    stages = list(zip(*(array.T for array in numbers), strict=True))
    _count(count, stages, np.full(len(batch), template.stem_width, dtype=np.int64), template, resolution)


def _count(count: Count, stages: Sequence[tuple[Any, ...]], stem: Any, template: Template, resolution: int) -> None:
    """Count one network or many.

    Args:
        stages: depth, width, bottleneck ratio and group width of each, plain numbers or ``(n,)``.
        stem: its width, one or ``(n,)``.
    """
    size, wide_in = _stem(count, template, resolution), stem
    for (depth, wide, ratio, group), stride in zip(stages, template.strides, strict=True):
        first = _Block(wide_in, wide, _whole(wide / ratio), group)
        size = _block(count, template, first, size, stride, (wide_in != wide) | (stride != 1))
        _block(count, template, first._replace(wide_in=wide), size, 1, False, depth - 1)
        wide_in = wide
    _head(count, template, wide_in, size)


def _whole(number: Any) -> Any:
    """The nearest whole number, of two the even one."""
    return np.rint(number).astype(np.int64) if isinstance(number, np.ndarray) else round(number)


def _check_size(deepest: int, widest: int, ratio: float, template: Template, resolution: int) -> None:
    # Of a whole batch, cheaply: the widest of all stages over the least of all bottleneck ratios.
    channels = max(math.ceil(widest / min(1.0, ratio)), template.stem_width, template.head_width)
    check_countable(resolution, channels, deepest * len(template.strides))


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
    shapes = (widths.shape[1:], widths.shape, widths.shape)
    ends, first, further = (Count(shape, wanted) for shape in shapes)
    _stem(ends, template, resolution)
    _head(ends, template, widths[-1], int(sizes[-1, 0]))
    _block(first, template, _Block(wide_in, widths, inner, groups), sizes[:-1], strides, changes)
    _block(further, template, _Block(widths, widths, inner, groups), sizes[1:], 1, False)
    return Parts(ends.total(), first.total(), further.total())


def _stem(count: Count, template: Template, resolution: int) -> Pixels:
    """Counts the stem; returns the size of its output, as `_block` does."""
    wide = template.stem_width
    if template.stem == "rs":
        half = half_width(wide)
        size = count.conv(resolution, 3, 3, half, stride=2)
        count.conv(size, 3, half, half)
        count.conv(size, 3, half, wide)
        return count.conv(size, 3, wide, wide, stride=2)
    if template.stem == "resnet":
        return count.pool(count.conv(resolution, 7, 3, wide, stride=2), 3, wide, stride=2)
    return count.conv(resolution, 3, 3, wide, stride=STEMS[template.stem])


def _head(count: Count, template: Template, wide_in: Ints, size: Pixels) -> None:
    if template.head_width:
        count.conv(size, 1, wide_in, template.head_width)
    count.linear(template.head_width or wide_in, template.classes)


def _block(
    count: Count, template: Template, block: _Block, size: Pixels, stride: Pixels, changes: Any, times: Any = 1
) -> Pixels:
    """A block's first 1x1 convolution runs at its input's size; ``changes``: whether a shortcut needs a projection."""
    rule, (wide_in, wide, inner, group) = BLOCKS[template.block], block
    if rule.bottleneck:
        count.conv(size, 1, wide_in, inner, times=times)
        out = count.conv(size, 3, inner, inner, group_width=group, stride=stride, times=times)
        count.conv(out, 1, inner, wide, times=times)
    else:
        out = count.conv(size, 3, wide_in, wide, stride=stride, times=times)
        if template.block in ("basic", "vanilla"):
            count.conv(out, 3, wide, wide, times=times)
    if template.se_ratio and rule.squeezes:
        # The squeeze width follows the block's input, not the bottleneck.
        behind = rule.squeezed_by == "output"
        squeezed = _whole((wide if behind else wide_in) * template.se_ratio)
        count.squeeze_excite(inner if rule.bottleneck and not behind else wide, squeezed, times=times)
    if rule.shortcut in ("project", "pool") and np.any(changes):
        count.conv(size, 1, wide_in, wide, stride=stride, times=times * changes)
    return out


# --- peak memory, counted as `regnas.memory` says ----------------------------------------------------------------

_COLOURS = 3


def peak_elements(network: Staged, resolution: int) -> int:
    """Elements at the peak, for one image of ``resolution`` pixels."""
    return max(_live(network, resolution))


def _live(network: Staged, resolution: int) -> Iterator[int]:
    """What there is while each layer runs, in elements; of equal blocks one."""
    sizes = feature_sizes(network.template, resolution)
    image, wide = _COLOURS * resolution**2, network.stem_width
    if network.stem == "resnet":
        halved = wide * ((resolution - 1) // 2 + 1) ** 2
        yield image + halved
        yield halved + wide * sizes[0] ** 2
    else:
        yield image + wide * sizes[0] ** 2
    for stage in range(network.stages):
        before, after = sizes[stage], sizes[stage + 1]
        yield from _held(network, stage, wide, before, after, network.strides[stage] != 1)
        wide = network.widths[stage]
        if network.depths[stage] > 1:
            yield from _held(network, stage, wide, after, after, False)
    places = sizes[-1] ** 2
    if network.head_width:
        yield (wide + network.head_width) * places
        wide = network.head_width
    yield wide * places + wide  # pooling
    yield wide + network.classes


@dataclass(frozen=True)
class _Kept:
    """Elements beside those that a transform makes."""

    shortcut: int  # until the block ends
    again: int  # of the input, where the shortcut is something else, until the first layer has read it


def _held(network: Staged, stage: int, wide_in: int, before: int, after: int, strided: bool) -> Iterator[int]:
    """The layers of a block from maps of ``before`` to maps of ``after`` pixels of a side."""
    wide, rule = network.widths[stage], BLOCKS[network.block]
    given, made = wide_in * before**2, wide * after**2
    changes = strided or wide_in != wide
    if rule.shortcut == "project" and changes:
        yield given + made  # the projection runs first
        kept = _Kept(made, given)
    elif rule.shortcut == "none" or changes:
        kept = _Kept(0, given)
    else:
        kept = _Kept(given, 0)
    maps, squeezed = _transform(network, stage, before, after)
    yield kept.shortcut + kept.again + maps[0]
    yield from (kept.shortcut + one + other for one, other in zip(maps, maps[1:], strict=False))
    if squeezed and network.se_ratio and (hidden := round(wide_in * network.se_ratio)):
        held, channels = kept.shortcut + squeezed, squeezed // after**2
        yield held + channels  # pooling
        yield held + channels + hidden  # down, and up again


def _transform(network: Staged, stage: int, before: int, after: int) -> tuple[list[int], int]:
    """Elements of what each convolution of a block puts out, and of what is squeezed; 0 where nothing is."""
    wide, inner, rule = network.widths[stage], network.bottleneck_widths[stage], BLOCKS[network.block]
    made = wide * after**2
    if rule.bottleneck:
        return [inner * before**2, inner * after**2, made], inner * after**2 if rule.squeezes else 0
    if network.block in ("basic", "vanilla"):
        return [made, made], 0
    return [made], made if rule.squeezes else 0
