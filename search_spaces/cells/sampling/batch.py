"""Many networks of a space of cells at once, in arrays."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.dimension import Array
from regnas.sampling.batch import Columns
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS, canonical_numbers, edges_of, edges_of_node, weight_of
from regnas.search_spaces.cells.cell import Cell, Edge
from regnas.search_spaces.cells.complexity import CellColumns, Skeleton, cells_complexity, inner_edges
from regnas.search_spaces.cells.operations import CODES, NAMES, NONE

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.search_spaces.cells.space import CellSpace

Ints = npt.NDArray[np.int64]
Names = tuple[Sequence[str], Sequence[str]]  # of the operations and the inputs of a cell's edges
_IDENTITY = struct.Struct("=4q")
_NAMES: npt.NDArray[np.object_] = np.array(NAMES, dtype=object)


class CodedColumns(dict[str, Array]):
    """Columns of points that remember the places in ``NAMES`` of the operations that they were made of.

    Args:
        coded: every parameter ``(n,)``, operations as places.
        operations: which of them are operations.
    """

    def __init__(self, coded: Mapping[str, Array], operations: Collection[str]) -> None:
        super().__init__({name: _NAMES[one] if name in operations else one for name, one in coded.items()})
        self._codes = {name: (self[name], coded[name]) for name in operations}

    def codes(self, name: str) -> Ints | None:
        """The places of an operation's column, ``(n,)``; None where another was put in its stead."""
        made, codes = self._codes.get(name, (None, None))
        return codes if made is self[name] else None


def codes_of(columns: Columns, name: str) -> Ints:
    """The places in ``NAMES`` of a column of operations, ``(n,)``; one that holds places is taken as it is."""
    known = columns.codes(name) if isinstance(columns, CodedColumns) else None
    if known is not None:
        return known
    values = columns[name]
    if values.dtype.kind == "i":
        return values
    return np.fromiter(map(CODES.__getitem__, values.tolist()), np.int64, len(values))


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
        ops = np.array([codes_of(columns, name) for name in names[0]])
        inputs = np.array([columns[name] for name in names[1]], dtype=np.int64)
        return cls(np.where(ops == NONE, 0, inputs), ops)

    def take(self, rows: Any) -> EdgeColumns:
        """Some of the networks."""
        return EdgeColumns(self.inputs[:, rows], self.ops[:, rows])

    @cached_property
    def _known(self) -> Ints:
        return np.full(self.ops.shape[1], -1)

    def numbers(self, rows: Ints) -> Ints:
        """Equal where, and only where, the cells at ``(k,)`` rows are equal; each is looked for once."""
        new = rows[self._known[rows] < 0]
        if len(new):
            self._known[new] = canonical_numbers(self.inputs[:, new], self.ops[:, new])
        found: Ints = self._known[rows]
        return found

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
        parts = (self.normal.numbers(indices), self.reduce.numbers(indices), self.width[indices], self.depth[indices])
        return [_IDENTITY.pack(*row) for row in zip(*(part.tolist() for part in parts), strict=True)]

    def ordered(self, indices: Ints, columns: Columns) -> Columns:
        """`ordered_columns` of the points of the networks at ``(k,)`` indices."""
        cells = {"normal": self.normal, "reduce": self.reduce}
        space = self.space
        return with_cells(columns, {name: cells[name].numbers(indices) for name in space.reordered}, space.names)

    @cached_property
    def _template(self) -> _Template:
        space = self.space
        return _Template(space.nodes, space.output == "all", space.stem_of_images, space.classes)

    def maker(self, identity: bytes) -> Callable[[], Architecture]:
        return partial(_from_identity, self._template, identity)


@dataclass(frozen=True)
class _Template:
    """What the networks of a space have in common; ``whole`` says that all nodes are the output of a cell."""

    nodes: int
    whole: bool
    stem: str
    classes: int


def _from_identity(template: _Template, identity: bytes) -> Architecture:
    normal, reduce, width, depth = _IDENTITY.unpack(identity)
    return Cells.unchecked(
        _cell(normal, template.nodes, template.whole),
        _cell(reduce, template.nodes, template.whole),
        width,
        depth,
        template.stem,
        template.classes,
    )


def _cell(number: int, nodes: int, whole: bool) -> Cell:
    edges: tuple[Edge, ...] = ()
    used = 0
    for node in range(nodes):
        both, number = divmod(number, weight_of(nodes, node))
        two, taken = _node(node, both)
        edges += two
        used |= taken
    return Cell.canonical(edges, _outputs(nodes, 0 if whole else used >> INPUTS))


@lru_cache(maxsize=1 << 15)
def _node(node: int, number: int) -> tuple[tuple[Edge, Edge], int]:
    """The two edges of a node, and a number whose bits say what they take."""
    (one, first), (other, second) = edges_of_node(node, number)
    return ((NAMES[first], one), (NAMES[second], other)), 1 << one | 1 << other


@cache
def _outputs(nodes: int, used: int) -> tuple[int, ...]:
    return tuple(node + INPUTS for node in range(nodes) if not used >> node & 1)


def ordered_columns(columns: Columns, cells: Sequence[str], names: Callable[[str], Names]) -> Columns:
    """Columns of points, every parameter ``(n,)``, with these cells in their canonical form."""
    edges = {name: EdgeColumns.of(columns, names(name)) for name in cells}
    return with_cells(columns, {name: one.numbers(np.arange(one.ops.shape[1])) for name, one in edges.items()}, names)


def with_cells(columns: Columns, numbers: Mapping[str, Ints], names: Callable[[str], Names]) -> Columns:
    """Columns of points, every parameter ``(n,)``, with cells as their canonical forms' numbers ``(n,)`` say."""
    made = dict(columns)
    for cell, of_cell in numbers.items():
        of_ops, of_inputs = names(cell)
        inputs, ops = edges_of(of_cell, len(of_ops) // 2)
        made |= {name: _NAMES[one].astype(columns[name].dtype) for name, one in zip(of_ops, ops, strict=True)}
        made |= dict(zip(of_inputs, inputs, strict=True))
    return made


# By nodes of a cell and a number whose bits say which of them are used: how many are not.
_FREE_NODES = [np.array([nodes - used.bit_count() for used in range(1 << nodes)]) for nodes in range(8)]
