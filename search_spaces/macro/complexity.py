"""Closed-form costs of networks of layers with skips, over arrays, as `regnas.counting` counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.counting import Count, Whole, check_countable, output_size

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

W = TypeVar("W", int, Ints)

# In the order of the authors' numbers.
OPERATIONS = ("conv3", "sep3", "conv5", "sep5", "avg3", "max3")
CODES = {name: code for code, name in enumerate(OPERATIONS)}
NOTHING = len(OPERATIONS)  # the code of an operation that is not counted
FORMS = ("search", "final")
STAGES = 3
PICTURE = 3  # channels
_BLOCKS = 4  # that a layer counts as where it is checked that costs do not wrap


@dataclass(frozen=True)
class MacroColumns:
    """n networks of L layers as arrays.

    Attributes:
        ops: of each layer, places in `OPERATIONS` or `NOTHING`, ``(L, n)``.
        links: whether output j, 0 being the stem and j layer j, is added to layer i, ``(L, L, n)`` at ``[j, i - 1]``;
            true only where j <= i - 2.
        filters: of the first stage, ``(n,)``.
    """

    ops: Ints
    links: Bools
    filters: Ints


def reductions(layers: int) -> tuple[int, ...]:
    """The layers, from 1, after which everything is reduced: a third and two thirds of all; fewer than 3 have none.

    Source: melodyguan/enas ``src/cifar10/general_child.py``, ``pool_layers``.
    """
    third = layers // STAGES
    return (third, 2 * third) if third else ()


def stage_of(layer: int, layers: int) -> int:
    """The stage from 0 that a layer from 1 lies in."""
    return sum(layer > last for last in reductions(layers))


def sides(layers: int, resolution: int) -> list[int]:
    """Pixels of a side in each stage."""
    found = [resolution]
    for _ in reductions(layers):
        found.append(output_size(found[-1], 1, 2))
    return found


def width_of(filters: W, stage: int, form: str) -> W:
    """Filters of a stage: the search keeps their number, final networks double it."""
    return filters << stage if form == "final" else filters


def needed(links: Bools, last: int) -> Ints:
    """How many outputs are reduced after layer ``last``: the newest, and those that a later layer adds; ``(n,)``."""
    found: Ints = 1 + links[:last, last:].any(axis=1).sum(axis=0)
    return found


def macro_complexity(columns: MacroColumns, form: str, classes: int, resolution: int) -> Complexities:
    """What each of n networks costs for one image of ``resolution`` pixels.

    Raises:
        InvalidArchitecture: they are too large to be counted.
    """
    layers, networks = columns.ops.shape
    widest = int(np.max(width_of(columns.filters, STAGES - 1, form), initial=PICTURE))
    check_countable(resolution, widest, layers * _BLOCKS)
    count = Count(networks)
    wide = columns.filters
    count.conv(resolution, 3, PICTURE, wide)
    first, lasts = 0, (*reductions(layers), layers)
    for stage, (last, side) in enumerate(zip(lasts, sides(layers, resolution), strict=True)):
        wide = width_of(columns.filters, stage, form)
        if stage:
            before = width_of(columns.filters, stage - 1, form)
            count.conv(output_size(side, 1), 1, before, wide, times=needed(columns.links, first))
        count.conv(side, 1, wide, wide, times=last - first)
        for code in range(NOTHING):
            count.add(operation(code, wide, side), (columns.ops[first:last] == code).sum(axis=0))
        joined = last - max(first, 1)  # all layers but the first of the network
        if form == "final":
            skips = columns.links[:, first:last].sum(axis=(0, 1))
            count.conv(side, 1, wide, wide, norm=False, times=joined)
            weights = wide * wide
            count.add(Complexities(weights * side * side, weights, 0 * weights), skips)  # more channels to read
        count.norm(wide, times=joined)
        first = last
    count.linear(wide, classes, bias=False)
    return count.total()


def operation(code: int, wide: Whole, side: int) -> Complexities:
    """What an operation costs without the 1x1 convolution before it."""
    count = Count(None if isinstance(wide, int) else np.shape(wide))
    name = OPERATIONS[code]
    kernel = int(name[-1])
    if name.startswith("conv"):
        count.conv(side, kernel, wide, wide)
    elif name.startswith("sep"):
        count.conv(side, kernel, wide, wide, group_width=1, norm=False)
        count.conv(side, 1, wide, wide)
    else:
        count.pool(side, kernel, wide, "max" if name.startswith("max") else "average")
    return count.total()


def columns_of(operations: Sequence[str], skips: Sequence[Sequence[int]], filters: int) -> MacroColumns:
    """One network as arrays of one."""
    links = np.zeros((len(operations), len(operations), 1), dtype=np.bool_)
    for number, added in enumerate(skips):
        links[list(added), number] = True
    codes = np.array([CODES[name] for name in operations], dtype=np.int64)[:, None]
    return MacroColumns(codes, links, np.array([filters], dtype=np.int64))
