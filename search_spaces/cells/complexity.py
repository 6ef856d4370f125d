"""Closed-form costs of networks of cells, over arrays: params, flops and activations as `regnas.counting` counts them.

Given width and depth, each cost is linear in how often every operation stands in the normal cell, at the inputs of the
reduction cell and at its nodes, and in how many nodes are the output of each cell. So the coefficients of a width and a
depth are counted once, and many networks are sums of what a table says of their edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.counting import MEASURES, Count, Pixels, check_countable, output_size
from regnas.layers import Layer, LayerList
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.operations import NAMES, count_factorised_reduction, count_operation

Ints = npt.NDArray[np.int64]

STEMS = ("cifar", "imagenet")
_REDUCTIONS = 2
_MOST_BLOCKS = 32  # that a cell counts as: its edges and two preprocessings, each of at most two convolutions


@dataclass(frozen=True)
class CellColumns:
    """Networks as arrays.

    Attributes:
        normal, reduce: operations of the edges, places in ``NAMES``, ``(2 nodes, n)``.
        inner: whether an edge of the reduction cell comes from a node, and so has stride 1, ``(2 nodes, n)``.
        normal_outputs, reduce_outputs: how many nodes are the output of a cell, ``(n,)``.
        width: channels of the first cells, ``(n,)``.
        depth: cells, ``(n,)``.
    """

    normal: Ints
    reduce: Ints
    inner: npt.NDArray[np.bool_]
    normal_outputs: Ints
    reduce_outputs: Ints
    width: Ints
    depth: Ints


@dataclass(frozen=True)
class Skeleton:
    """What all networks of a space have in common: stem, outputs and pixels of a side."""

    stem: str
    classes: int
    resolution: int


def reductions(depth: int) -> set[int]:
    """Which cells halve the size and double the width. Source: DARTS ``NetworkCIFAR``; the same in NDS's code."""
    return {depth // 3, 2 * depth // 3}


def cells_of(width: int, depth: int) -> Iterator[tuple[int, bool]]:
    """Of every cell its width, and whether it is a reduction."""
    for index in range(depth):
        reduced = index in reductions(depth)
        width *= 1 + reduced
        yield width, reduced


def cells_complexity(columns: CellColumns, skeleton: Skeleton) -> Complexities:
    """What each of n networks costs.

    Raises:
        InvalidArchitecture: they are too large to be counted.
    """
    widest = int(columns.width.max(initial=1))
    deepest = int(columns.depth.max(initial=1))
    check_countable(skeleton.resolution, widest * 2**_REDUCTIONS, deepest * _MOST_BLOCKS)
    shapes, shape = np.unique(columns.width * (deepest + 1) + columns.depth, return_inverse=True)
    tables = [coefficients(int(one) // (deepest + 1), int(one) % (deepest + 1), skeleton) for one in shapes]
    operations, measures = len(NAMES), len(MEASURES)
    normal_places = shape * operations + columns.normal
    reduce_places = (2 * shape + columns.inner) * operations + columns.reduce
    base = np.array([table.base for table in tables]).reshape(-1, 3, measures)
    normal, reduce = (
        np.array([getattr(table, cell) for table in tables], dtype=np.int64).reshape(-1, measures).T.copy()
        for cell in ("normal", "reduce")
    )
    totals = []
    for measure in range(measures):
        constant, of_normal, of_reduce = base[shape, :, measure].T
        total = constant + columns.normal_outputs * of_normal + columns.reduce_outputs * of_reduce
        for places in normal_places:
            total += normal[measure, places]
        for places in reduce_places:
            total += reduce[measure, places]
        totals.append(total)
    return Complexities(*totals)


def cells_layers(columns: CellColumns, skeleton: Skeleton) -> list[Layer]:
    """Every layer of one network that is counted, with its shape.

    Args:
        columns: arrays of one network.
    """
    found = LayerList()
    width, depth = int(columns.width[0]), int(columns.depth[0])
    (before, before_size), (last, last_size), halve = _count_stem(found, width, skeleton)
    for wide, reduced in cells_of(width, depth):
        if halve:
            count_factorised_reduction(found, before_size, before, wide)
        else:
            found.conv(before_size, 1, before, wide)
        found.conv(last_size, 1, last, wide)
        out = output_size(last_size, 1, 2 if reduced else 1)
        operations = (columns.reduce if reduced else columns.normal)[:, 0].tolist()
        for operation, inner in zip(operations, columns.inner[:, 0].tolist(), strict=True):
            strided = reduced and not inner
            count_operation(found, NAMES[operation], out if reduced and inner else last_size, wide, 1 + strided)
        before, before_size, halve = last, last_size, reduced
        last = wide * int((columns.reduce_outputs if reduced else columns.normal_outputs)[0])
        last_size = out
    found.linear(last, skeleton.classes)
    return found.layers


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of a width and a depth, of each measure.

    Attributes:
        base: of 1, of the nodes that a normal and a reduction cell put out, ``(3, measures)``.
        normal: of an operation in the normal cells, ``(operations, measures)``.
        reduce: of an operation in the reduction cells, at inputs and at nodes, ``(2, operations, measures)``.
    """

    base: Ints
    normal: Ints
    reduce: Ints


@lru_cache(maxsize=1024)
def coefficients(width: int, depth: int, skeleton: Skeleton) -> Coefficients:
    """What a network of this width and depth costs, by what its cells are made of."""
    # What is linear in two numbers is known from three points.
    normal_outputs, reduce_outputs = np.array([0, 1, 0]), np.array([0, 0, 1])
    base = Count(3)
    places: Counter[tuple[int, Any, bool]] = Counter()
    (before, before_size), (last, last_size), halve = _count_stem(base, width, skeleton)
    for wide, reduced in cells_of(width, depth):
        if halve:
            count_factorised_reduction(base, before_size, before, wide)
        else:
            base.conv(before_size, 1, before, wide)
        base.conv(last_size, 1, last, wide)
        places[wide, last_size, reduced] += 1
        before, before_size, halve = last, last_size, reduced
        last = wide * (reduce_outputs if reduced else normal_outputs)
        last_size = output_size(last_size, 1, 2 if reduced else 1)
    base.linear(last, skeleton.classes)
    constant, *slopes = _measures(base)
    normal, reduce = (_Places.of(places, reduced=reduced) for reduced in (False, True))
    return Coefficients(
        base=np.array([constant, *(slope - constant for slope in slopes)]),
        normal=normal.costs(stride=1),
        reduce=np.array([reduce.costs(stride=2), reduce.halved().costs(stride=1)]),
    )


@dataclass(frozen=True)
class _Places:
    """Where cells of a kind stand: widths, sizes of maps, and how many are alike, ``(places,)`` each."""

    wide: Ints
    size: Ints
    times: Ints

    @classmethod
    def of(cls, places: Counter[tuple[int, Any, bool]], *, reduced: bool) -> _Places:
        rows = [(wide, size, times) for (wide, size, here), times in places.items() if here == reduced]
        return cls(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)

    def halved(self) -> _Places:
        """The places behind their strides."""
        return _Places(self.wide, np.asarray(output_size(self.size, 1, 2)), self.times)

    def costs(self, *, stride: int) -> Ints:
        """What each operation costs on one edge of all of these cells, ``(operations, measures)``."""
        found = []
        for name in NAMES:
            count = Count(len(self.wide))
            count_operation(count, name, self.size, self.wide, stride)
            found.append(self.times @ _measures(count))
        return np.array(found)


def _count_stem(count: Count, width: int, skeleton: Skeleton) -> tuple[tuple[Any, Pixels], tuple[Any, Pixels], bool]:
    """Count the stem: width and size of inputs 0 and 1 of the first cell, and whether input 0 is larger."""
    if skeleton.stem == "cifar":
        size = count.conv(skeleton.resolution, 3, 3, 3 * width)
        return (3 * width, size), (3 * width, size), False
    half = count.conv(skeleton.resolution, 3, 3, width // 2, stride=2)
    quarter = count.conv(half, 3, width // 2, width, stride=2)
    return (width, quarter), (width, count.conv(quarter, 3, width, width, stride=2)), True


def _measures(count: Count) -> Ints:
    """Totals of each network counted, ``(networks, measures)``."""
    total = count.total()
    return np.stack([total[name] for name in MEASURES], axis=-1)


def inner_edges(starts: Ints) -> npt.NDArray[np.bool_]:
    """Whether edges, ``(2 nodes, n)``, come from nodes."""
    return starts >= INPUTS


__all__ = [
    "STEMS",
    "CellColumns",
    "Coefficients",
    "Skeleton",
    "cells_complexity",
    "cells_layers",
    "cells_of",
    "coefficients",
    "inner_edges",
    "reductions",
]
