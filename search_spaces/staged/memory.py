"""Peak memory of staged networks in closed form, counted as `regnas.memory` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regnas.search_spaces.staged.complexity import BLOCKS, feature_sizes

if TYPE_CHECKING:
    from regnas.search_spaces.staged.architecture import Staged

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
        yield from _block(network, stage, wide, before, after, network.strides[stage] != 1)
        wide = network.widths[stage]
        if network.depths[stage] > 1:
            yield from _block(network, stage, wide, after, after, False)
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


def _block(network: Staged, stage: int, wide_in: int, before: int, after: int, strided: bool) -> Iterator[int]:
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
