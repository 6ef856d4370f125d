"""Closed-form costs of networks of cells in TensorFlow-slim's stacking, counted as in `regnas.counting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnas.costs import Complexity
from regnas.counting import Count, check_countable, output_size
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.operations import OPERATIONS
from regnas.search_spaces.cells.slim.stacking import Place, places

if TYPE_CHECKING:
    from regnas.search_spaces.cells.slim.architecture import SlimCells

_MOST_BLOCKS = 64  # that a cell counts as: its edges, both preprocessings and what joins the inputs to its output


def slim_complexity(network: SlimCells, resolution: int) -> Complexity:
    """What one image of ``resolution`` pixels costs.

    Raises:
        InvalidArchitecture: the network is too large to be counted.
    """
    cells = places(network)
    widest = max(network.stem_width, *(place.wide * len(place.cell.concat) for place in cells))
    check_countable(resolution, widest, len(cells) * _MOST_BLOCKS)
    count = Count()
    if network.stem == "imagenet":
        size: Any = count.conv(resolution, 3, 3, network.stem_width, stride=2, padding=0)
    else:
        size = count.conv(resolution, 3, 3, network.stem_width)
    sizes = [size]
    for place in cells:
        while len(sizes) <= place.output.level:
            sizes.append(output_size(sizes[-1], 1, 2))
        _count_cell(count, place, sizes)
    count.linear(cells[-1].output.channels, network.classes)
    return count.total().row(0)


def _count_cell(count: Count, place: Place, sizes: list[Any]) -> None:
    size, wide = sizes[place.last.level], place.wide
    count.conv(size, 1, place.last.channels, wide)
    _count_fitting(count, place.preprocessing, sizes[place.before.level], place.before.channels, wide)
    for name, start in place.cell.edges:
        outer = start < INPUTS
        here = size if outer else sizes[place.output.level]
        _count_operation(count, name, here, place.channels(start), wide, place.stride if outer else 1)
    for number, how in place.joined():
        _count_fitting(count, how, size, place.channels(number), wide)


def _count_fitting(count: Count, how: str, size: Any, wide_in: int, wide: int) -> None:
    if how == "halve":
        for half in (wide // 2, wide - wide // 2):
            count.conv(size, 1, wide_in, half, stride=2, norm=False)
        count.norm(wide)
    elif how == "project":
        count.conv(size, 1, wide_in, wide)


def _count_operation(count: Count, name: str, size: Any, wide_in: int, wide: int, stride: int) -> None:
    one = OPERATIONS[name]
    if one.kind == "separable":
        for repeat in range(one.repeats):
            step = stride if repeat == 0 else 1
            size = count.conv(
                size, one.kernel, wide_in, wide_in, group_width=1, stride=step, dilation=one.dilation, norm=False
            )
            count.conv(size, 1, wide_in, wide)
            wide_in = wide
    elif one.kind == "crossed" or (one.kind == "conv" and one.kernel > 1):
        narrow = max(1, wide // 4)
        count.conv(size, 1, wide_in, narrow)
        if one.kind == "crossed":
            size = count.conv(size, (1, one.kernel), narrow, narrow, stride=(1, stride))
            size = count.conv(size, (one.kernel, 1), narrow, narrow, stride=(stride, 1))
        else:
            size = count.conv(size, one.kernel, narrow, narrow, stride=stride)
        count.conv(size, 1, narrow, wide)
    elif one.kind == "conv" or (one.kind == "skip" and (stride > 1 or wide_in != wide)):
        count.conv(size, 1, wide_in, wide, stride=stride)
    elif one.kind in ("max", "average"):
        counted = count.pool(size, one.kernel, wide_in, stride=stride) if one.kind == "max" else None
        size = output_size(size, 1, stride) if counted is None else counted
        if wide_in != wide:
            count.conv(size, 1, wide_in, wide)
