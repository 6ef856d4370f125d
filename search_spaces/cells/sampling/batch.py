"""Many networks of a space of cells at once, in arrays."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.sampling.batch import Columns, column
from regnas.search_spaces.cells.canonical import INPUTS, canonical_numbers, edges_of
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import CellColumns, Skeleton, cells_complexity, inner_edges
from regnas.search_spaces.cells.operations import CODES, NAMES, NONE

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.search_spaces.cells.space import CellSpace

Ints = npt.NDArray[np.int64]
Names = tuple[Sequence[str], Sequence[str]]  # of the operations and the inputs of a cell's edges
_IDENTITY = struct.Struct("=4q")


@dataclass(frozen=True)
class EdgeColumns:
    """One cell of n networks: inputs and operations (places in ``NAMES``) of its edges, ``(2 nodes, n)`` each.

    What ``none`` takes is input 0: it makes no difference.
    """

    inputs: Ints
    ops: Ints

    @classmethod
    def of(cls, columns: Columns, names: Names) -> EdgeColumns:
        """Read columns of parameters."""
        count = len(columns[names[0][0]])
        ops = np.array(
            [np.fromiter(map(CODES.__getitem__, columns[name].tolist()), np.int64, count) for name in names[0]]
        )
        inputs = np.array([columns[name] for name in names[1]], dtype=np.int64)
        return cls(np.where(ops == NONE, 0, inputs), ops)

    def take(self, rows: Any) -> EdgeColumns:
        """Some of the networks."""
        return EdgeColumns(self.inputs[:, rows], self.ops[:, rows])

    @property
    def numbers(self) -> Ints:
        """Equal where, and only where, the cells are equal, ``(n,)``."""
        return canonical_numbers(self.inputs, self.ops)

    @property
    def twice(self) -> npt.NDArray[np.bool_]:
        """Which cells have a node that takes one input twice, ``(n,)``; what ``none`` takes is nothing."""
        same = (self.inputs[::2] == self.inputs[1::2]) & (self.ops[::2] != NONE) & (self.ops[1::2] != NONE)
        found: npt.NDArray[np.bool_] = same.any(axis=0)
        return found

    @property
    def loose(self) -> Ints:
        """How many nodes no edge uses, ``(n,)``."""
        nodes = len(self.inputs) // 2
        used = np.zeros(self.inputs.shape[1], dtype=np.int64)
        for starts in self.inputs:
            used |= 1 << starts
        found: Ints = _FREE_NODES[nodes][used >> INPUTS]
        return found


@dataclass(frozen=True)
class CellRows:
    """Networks and the rows of the columns that they come from, ``(m,)``: the `Batch` of spaces of cells.

    Attributes:
        width, depth: of each network, ``(m,)``.
    """

    space: CellSpace
    rows: Ints
    normal: EdgeColumns
    reduce: EdgeColumns
    width: Ints
    depth: Ints
    rejected: Mapping[str, int]

    @classmethod
    def of(cls, space: CellSpace, columns: Columns) -> CellRows:
        """Decode columns of points of a space."""
        whole = cls.decoded(space, columns)
        cells = [whole.normal] if space.reduction == "same" else [whole.normal, whole.reduce]
        width, depth = whole.width, whole.depth
        rejected = {}
        keep = np.ones(len(width), dtype=np.bool_)
        for reason, broken in space.broken(cells, width).items():
            if count := int((broken & keep).sum()):
                rejected[reason] = count
            keep &= ~broken
        if rejected:
            cells, width, depth = [cell.take(keep) for cell in cells], width[keep], depth[keep]
        return cls(space, np.flatnonzero(keep), cells[0], cells[-1], width, depth, rejected)

    @classmethod
    def decoded(cls, space: CellSpace, columns: Columns) -> CellRows:
        """All points, be they of the space or not."""
        cells = [EdgeColumns.of(columns, space.names(name)) for name in space.cells]
        width, depth = (np.asarray(columns[name], dtype=np.int64) for name in ("width", "depth"))
        return cls(space, np.arange(len(width)), cells[0], cells[-1], width, depth, {})

    @property
    def cell_columns(self) -> CellColumns:
        """What the costs depend on."""
        normal, reduce = self.normal, self.reduce
        every = np.full(len(self.rows), self.space.nodes)
        loose = self.space.output == "loose"
        return CellColumns(
            normal=normal.ops,
            reduce=reduce.ops,
            inner=inner_edges(reduce.inputs),
            normal_outputs=normal.loose if loose else every,
            reduce_outputs=reduce.loose if loose else every,
            width=self.width,
            depth=self.depth,
        )

    def complexity(self, resolution: int) -> Complexities:
        return cells_complexity(self.cell_columns, Skeleton(self.space.stem_of_images, self.space.classes, resolution))

    def architecture(self, index: int) -> Architecture:
        return self.maker(self.identities(np.array([index]))[0])()

    def identities(self, indices: Ints) -> list[bytes]:
        """The canonical cells, width and depth of the networks at ``(k,)`` indices."""
        normal = self.normal.take(indices).numbers
        reduce = normal if self.reduce is self.normal else self.reduce.take(indices).numbers
        rows = zip(*(part.tolist() for part in (normal, reduce, self.width[indices], self.depth[indices])), strict=True)
        return [_IDENTITY.pack(*row) for row in rows]

    def maker(self, identity: bytes) -> Callable[[], Architecture]:
        return partial(_from_identity, self.space, identity)


def _from_identity(space: CellSpace, identity: bytes) -> Architecture:
    normal, reduce, width, depth = _IDENTITY.unpack(identity)
    return space.network(_cell(space, normal), _cell(space, reduce), width, depth)


def _cell(space: CellSpace, number: int) -> Cell:
    inputs, ops = (part[:, 0].tolist() for part in edges_of(np.array([number]), space.nodes))
    return Cell.of_codes(inputs, ops, space.concat(inputs))


def ordered_columns(columns: Columns, cells: Sequence[Names]) -> Columns:
    """Columns of points, every parameter ``(n,)``, with these cells in their canonical form."""
    made = dict(columns)
    for names in cells:
        edges = EdgeColumns.of(columns, names)
        inputs, ops = edges_of(edges.numbers, len(names[0]) // 2)
        for name, values in zip(names[0], ops, strict=True):
            made[name] = column([NAMES[op] for op in values.tolist()], columns[name].dtype)
        for name, values in zip(names[1], inputs, strict=True):
            made[name] = values
    return made


# By nodes of a cell and a number whose bits say which of them are used: how many are not.
_FREE_NODES = [np.array([nodes - used.bit_count() for used in range(1 << nodes)]) for nodes in range(8)]
