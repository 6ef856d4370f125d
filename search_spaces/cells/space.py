"""Spaces of two-cell networks: which operations, how many nodes, what a cell puts out, and how cells are stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from regnas.counting import output_size
from regnas.design_space import Space
from regnas.dimension import Array, Choice, Dimension, values_of
from regnas.errors import UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.sampling.batch import Columns, Params, column
from regnas.search_spaces.cells.architecture import BOUNDS, Cells, naming
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell, loose_ends
from regnas.search_spaces.cells.complexity import STEMS
from regnas.search_spaces.cells.formats.line import CELLS, read_line
from regnas.search_spaces.cells.operations import CODES, NAMES
from regnas.search_spaces.cells.sampling.batch import CellRows, CodedColumns, EdgeColumns, ordered_columns
from regnas.search_spaces.cells.slim.options import Slim, slim_option

if TYPE_CHECKING:
    from regnas.sampling.batch import Batch, Narrowing
    from regnas.search_spaces.cells.slim.architecture import SlimCells
    from regnas.search_spaces.cells.supernets.relaxed import RelaxedCells
    from regnas.search_spaces.cells.supernets.shared import SharedCells
    from regnas.states import DecidedPart

Output = Literal["loose", "all"]

SIDES = ("x", "y")
TWICE = "a node takes one input twice"
ODD = "an odd width that the stem halves"
_OPTIONS = {"stem": STEMS, "inputs": ("any", "distinct"), "reduction": ("own", "same")}
_LARGE = 64  # pixels above which pictures have the stem of ImageNet, unless the data set or the spec says


@dataclass(frozen=True, kw_only=True)
class CellSpace(Space):
    """Two cells, drawn independently: operations and inputs of every edge uniform, as NDS draws them.

    Attributes:
        laws: every parameter with its law, named as in NNI's tables of NDS: ``normal_0_op_x``, ``normal_0_input_x``.
        nodes: of a cell.
        output: of a cell: its ``loose`` ends, the nodes that no other uses, or ``all`` nodes.
        stem: None leaves it to the images.
        inputs: ``distinct`` leaves out nodes that take one input twice, as in the DARTS paper.
        reduction: ``same`` makes the reduction of the normal cell, as in the PNAS paper.
        slim: how cells are stacked where it is as TensorFlow-slim does; None stacks them as NDS does.
    """

    laws: tuple[tuple[str, Dimension], ...]
    nodes: int
    output: Output
    stem: str | None = None
    inputs: str = "any"
    reduction: str = "own"
    slim: Slim | None = None

    known_costs = BUILT_IN

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        _check_law(name, dimension)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def with_option(self, key: str, value: str) -> Self | None:
        """With another stem, with distinct inputs only, with a reduction that is the normal cell, or stacked otherwise.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key not in _OPTIONS:
            slim = slim_option(self.slim, key, value, self.name, self.nodes)
            return None if slim is None else replace(self, slim=slim or None)
        if value not in _OPTIONS[key]:
            raise UsageError(f"{key} is one of {', '.join(_OPTIONS[key])}, got {value!r}")
        if key == "reduction" and value == "same":
            laws = tuple((name, law) for name, law in self.laws if not name.startswith("reduce_"))
            return replace(self, reduction=value, laws=laws)
        return replace(self, **{key: value})  # type: ignore[arg-type]

    @property
    def parts(self) -> int:
        """The nodes of a cell (`regnas.growth.SupportsSizes`)."""
        return self.nodes

    def of_parts(self, count: int) -> Self:
        """With cells of the first ``count`` nodes."""
        late = {f"{cell}_{node}_" for cell in CELLS for node in range(count, self.nodes)}
        laws = tuple((name, law) for name, law in self.laws if not any(name.startswith(one) for one in late))
        return replace(self, nodes=count, laws=laws)

    def parameters_of(self, key: str) -> Sequence[str]:
        """``op`` stands for the operations of all edges, ``normal_op`` and ``reduce_op`` for those of one cell."""
        for cell in self.cells:
            if key in ("op", f"{cell}_op"):
                cells = self.cells if key == "op" else (cell,)
                return [name for one in cells for name in self.names(one)[0]]
        return super().parameters_of(key)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells that have parameters."""
        return CELLS if self.reduction == "own" else CELLS[:1]

    def names(self, cell: str) -> tuple[list[str], list[str]]:
        """The parameters of a cell: operation and input of each edge, in the order of the edges."""
        edges = [(node, side) for node in range(self.nodes) for side in SIDES]
        return [f"{cell}_{node}_op_{side}" for node, side in edges], [
            f"{cell}_{node}_input_{side}" for node, side in edges
        ]

    @cached_property
    def reordered(self) -> tuple[str, ...]:
        """The cells whose parameters can have any order of nodes and edges: no law singles one of them out."""
        laws, tied = self.dimensions, {name for pair in self.ties for name in pair}
        found = []
        for cell in self.cells:
            ops, inputs = self.names(cell)
            if tied & {*ops, *inputs} or (self.slim and self.slim.output(cell)):
                continue
            alike = len({frozenset(values_of(laws[name])) for name in ops}) == 1
            if alike and all(laws[name].size == place // 2 + INPUTS for place, name in enumerate(inputs)):
                found.append(cell)
        return tuple(found)

    def ordered(self, params: Params) -> Params:
        """The point with each cell in its canonical form, where no law singles out a node or an edge."""
        found = dict(params)
        for name in self.reordered:
            cell = self._cell(name, params)
            ops, inputs = self.names(name)
            found |= dict(zip(ops, [op for op, _ in cell.edges], strict=True))
            found |= dict(zip(inputs, [start for _, start in cell.edges], strict=True))
        return found

    def ordered_columns(self, columns: Columns) -> Columns:
        return ordered_columns(columns, self.reordered, self.names)

    def member(self, params: Params) -> str | None:
        if self.inputs == "distinct":
            for cell in self.cells:
                edges = self.edges(cell, params)
                for one, other in zip(edges[::2], edges[1::2], strict=True):
                    if one[1] == other[1] and "none" not in (one[0], other[0]):
                        return TWICE
        return ODD if self._halves_width and params["width"] % 2 else None

    def broken(self, cells: Sequence[EdgeColumns], width: Array) -> dict[str, Array]:
        """`member` of n points: of each rule that there is, which of them break it; widths and results ``(n,)``."""
        found: dict[str, Array] = {}
        if self.inputs == "distinct":
            found[TWICE] = np.logical_or.reduce([cell.twice for cell in cells])
        if self._halves_width:
            found[ODD] = width % 2 == 1
        return found

    def mutate(self, params: Params, rng: np.random.Generator) -> Params:
        """One free parameter moved to another value, as a canonical point.

        Of cells these are the two mutations of AmoebaNet (Real et al. 2019, arXiv 1802.01548, section 3): another
        operation, or another input (hidden state), of one edge, all edges of both cells alike. Width and depth move as
        often as one edge's operation does.
        """
        free = list(self.free)
        if not free:
            return params
        name = free[int(rng.integers(len(free)))]
        return self.canonical({**params, name: self.dimensions[name].neighbour(params[name], rng)})

    def mutate_cells(self, params: Params, rng: np.random.Generator) -> Params:
        """One of AmoebaNet's two mutations, see `regnas.sampling.moves.SupportsCellMutations`.

        A cell, another operation or another input (hidden state), and one edge of the cell, each uniformly. A cell
        whose operations or inputs are all fixed has the other mutation alone.

        Source: Real et al. 2019 (arXiv 1802.01548), section 3.
        """
        free = self.free
        kinds = [[name for name in kind if name in free] for cell in self.cells for kind in self.names(cell)]
        cells = [[kind for kind in kinds[at : at + 2] if kind] for at in range(0, len(kinds), 2)]
        cells = [cell for cell in cells if cell]
        if not cells:
            return self.mutate(params, rng)
        cell = cells[int(rng.integers(len(cells)))]
        edges = cell[int(rng.integers(len(cell)))]
        name = edges[int(rng.integers(len(edges)))]
        return self.canonical({**params, name: self.dimensions[name].neighbour(params[name], rng)})

    def neighbours(self, params: Params) -> list[Params]:
        """As of every space, brought into canonical form all at once."""
        tied = {name: source for name, source in self.ties}
        moves = [{**params, name: value} for name, law in self.free.items() for value in law.neighbours(params[name])]
        if not moves:
            return []
        kinds = {name: np.dtype(object if isinstance(value, str) else np.int64) for name, value in params.items()}
        columns = {name: column([move[tied.get(name, name)] for move in moves], kind) for name, kind in kinds.items()}
        rows = zip(*(values.tolist() for values in self.ordered_columns(columns).values()), strict=True)
        points = [dict(zip(kinds, row, strict=True)) for row in rows]
        return list({tuple(point.items()): point for point in points if point != params}.values())

    @property
    def _halves_width(self) -> bool:
        return self.stem_of_images == "imagenet" and self.slim is None

    @property
    def stem_of_images(self) -> str:
        """The stem that the spec says, or else the one nearest to the data set's wish.

        Stems shrink a side by 1 or by 8. Where the wish is 2, or there is none, the size of the pictures decides.
        """
        wish = self.images.stem_stride or 2
        return self.stem or ("imagenet" if wish > 2 or (wish == 2 and self.resolution > _LARGE) else "cifar")

    def sees(self) -> str:
        sizes = [self.resolution]
        for step in range(3 if self.stem_of_images == "imagenet" else 0):
            sizes[0] = output_size(sizes[0], 3, 2, 0 if self.slim and not step else 1)
        for _ in range(2):
            sizes.append(output_size(sizes[-1], 1, 2))
        return f"cells see {', '.join(map(str, sizes))} px"

    def edges(self, cell: str, params: Params) -> list[tuple[str, int]]:
        """Operation and input of every edge of a cell."""
        ops, inputs = self.names(cell if cell in self.cells else CELLS[0])
        return [(params[op], params[start]) for op, start in zip(ops, inputs, strict=True)]

    def _cell(self, name: str, params: Params) -> Cell:
        edges = tuple(self.edges(name, params))
        starts = [0 if op == "none" else start for op, start in edges]
        said = self.slim.output(name) if self.slim else ()
        with naming(name):
            return Cell(edges, said or self.concat(starts))

    def concat(self, starts: Any) -> tuple[int, ...]:
        """The output of a cell whose edges have these inputs."""
        return tuple(range(INPUTS, self.nodes + INPUTS)) if self.output == "all" else loose_ends(starts, self.nodes)

    def decode(self, params: Params) -> Cells | SlimCells:
        return self.network(
            self._cell("normal", params), self._cell("reduce", params), params["width"], params["depth"]
        )

    def network(self, normal: Cell, reduce: Cell, width: int, depth: int) -> Cells | SlimCells:
        """The architecture of two cells, on the images of this space."""
        if self.slim:
            return self.slim.network(normal, reduce, width, depth, self.stem_of_images, self.classes)
        return Cells(normal, reduce, width, depth, self.stem_of_images, self.classes)

    def relaxation(self, **sizes: int) -> RelaxedCells:
        """DARTS's search network (`regnas.supernet.SupportsRelaxation`): 8 ``cells`` and 16 ``channels`` unless said.

        Raises:
            UsageError: cells that put out loose ends or are stacked otherwise, operations or inputs that differ from
                edge to edge, or no such size.
        """
        from regnas.search_spaces.cells.supernets.mixed import one_set, sizes_of
        from regnas.search_spaces.cells.supernets.relaxed import RelaxedCells

        usual = {"channels": 16, "cells": 8, "partial": 1, "edges": 0}
        least = {"channels": 2, "cells": 3, "partial": 1, "edges": 1}
        found = sizes_of(sizes, usual, least, self.spec)
        if self.output != "all" or self.slim:
            raise UsageError(
                f"the relaxation of {self.spec} is not defined: its cells do not put out all of their nodes in the "
                f"stacking of NDS; darts and pnas do"
            )
        laws = self.dimensions
        inputs = [name for cell in self.cells for name in self.names(cell)[1]]
        if self.ties or any(
            name not in laws or laws[name].size != place % (2 * self.nodes) // 2 + INPUTS
            for place, name in enumerate(inputs)
        ):
            raise UsageError(f"the relaxation of {self.spec} is not defined: every node has to choose among all inputs")
        if found["channels"] % 2:
            raise UsageError(
                f"channels of a supernet of cells are even: reductions halve them; got {found['channels']}"
            )
        operations = one_set((laws[name] for cell in self.cells for name in self.names(cell)[0]), self.spec)
        known: dict[str, Any] = {"nodes": self.nodes, "stem": self.stem_of_images, "classes": self.classes}
        known |= {"partial": found["partial"], "edges": bool(found["edges"])}
        return RelaxedCells(operations, self.cells, **known, width=found["channels"], depth=found["cells"])

    def supernet(self, **sizes: int) -> RelaxedCells | SharedCells:
        """What parts are selected of (`regnas.supernet.SupportsSupernet`): the relaxation's module where all nodes are
        the output, else ENAS's shared child, 8 ``cells`` and 20 ``channels`` unless said. Errors as of the relaxation.
        """
        from regnas.search_spaces.cells.supernets.decided import shared_child

        return self.relaxation(**sizes) if self.output == "all" else shared_child(self, sizes)

    def decided(self) -> Sequence[DecidedPart]:
        """Inputs and operations of every node of each cell (`regnas.states.SupportsStates`).

        Raises:
            UsageError: parameters are tied, cells are stacked otherwise, or nodes take no input twice.
        """
        from regnas.search_spaces.cells.supernets.decided import parts_of

        return parts_of(self)

    def point_of_line(self, text: str) -> Params:
        """The parameters that a network's line says (`regnas.describe.SupportsLines`).

        Raises:
            UsageError: it is no such line, has another number of nodes, or a reduction where there is none.
        """
        said = read_line(text)
        params: Params = {name: said.pop(name) for name in ("width", "depth") if name in said}
        if self.reduction == "same" and said.pop("reduce", said.get("normal")) != said.get("normal"):
            raise UsageError(f"in {self.spec} the reduction is the normal cell; leave it out of the line")
        for cell, edges in said.items():
            if len(edges) != 2 * self.nodes:
                raise UsageError(f"a cell of {self.name} has {self.nodes} nodes, and the {cell} cell {len(edges) // 2}")
            ops, inputs = self.names(cell)
            params |= dict(zip(ops, [op for op, _ in edges], strict=True))
            params |= dict(zip(inputs, [start for _, start in edges], strict=True))
        return params

    @cached_property
    def narrowing(self) -> Narrowing | None:
        """Widths and depths, with the operations of some edges solved for; made once."""
        if self.slim:
            return None
        from regnas.search_spaces.cells.sampling.narrowing import narrowing_of

        return narrowing_of(self)

    @cached_property
    def operations(self) -> frozenset[str]:
        """The parameters that are operations, tied ones included."""
        return frozenset(name for cell in self.cells for name in self.names(cell)[0])

    @cached_property
    def _coded(self) -> Mapping[str, Dimension]:
        """The laws, of operations as that of their places in ``NAMES``."""
        laws = dict(self.dimensions)
        for name in self.operations & set(laws):
            laws[name] = Choice(tuple(CODES[str(value)] for value in values_of(laws[name])), ordered=False)
        return laws

    def coded(self, uniforms: npt.NDArray[np.float64]) -> Columns:
        """`at`, with the places in ``NAMES`` of operations, ``(count,)``."""
        rows, none = dict(zip(self.free, uniforms, strict=True)), np.zeros(uniforms.shape[1])
        columns = {name: law.draw(rows.get(name, none)) for name, law in self._coded.items()}
        return columns | {name: columns[source] for name, source in self.ties}

    def at(self, uniforms: npt.NDArray[np.float64]) -> Columns:
        return CodedColumns(self.coded(uniforms), self.operations)

    def batch(self, columns: Columns) -> Batch:
        return super().batch(columns) if self.slim else CellRows.of(self, columns)


def _check_law(name: str, law: Dimension) -> None:
    values = values_of(law)
    if name in ("width", "depth"):
        least, most = BOUNDS[name]
        if bad := [value for value in values if not isinstance(value, int) or not least <= value <= most]:
            raise UsageError(f"{name} is a whole number from {least} to {most:,}, got {bad[0]!r}")
    elif "_op_" in name:
        if bad := [value for value in values if value not in NAMES]:
            raise UsageError(f"{name} is one of {', '.join(NAMES)}, got {bad[0]!r}")
    else:
        node = int(name.split("_")[1]) + INPUTS
        if bad := [value for value in values if not isinstance(value, int) or not 0 <= value < node]:
            raise UsageError(f"{name} is the number of an input or of an earlier node, 0 to {node - 1}, got {bad[0]!r}")


def cell_space(name: str, operations: tuple[str, ...], nodes: int, output: Output) -> CellSpace:
    """A space of both cells with NDS's law on CIFAR-10: 32 pixels, 10 classes.

    Source: Radosavovic et al. 2019 (arXiv 1905.13214); widths and depths as in NNI's table of its records.
    """
    laws: dict[str, Dimension] = {}
    for cell in CELLS:
        for node in range(nodes):
            for side in SIDES:
                laws[f"{cell}_{node}_op_{side}"] = Choice(operations)
                laws[f"{cell}_{node}_input_{side}"] = Choice(tuple(range(node + INPUTS)), ordered=False)
    laws |= {"width": Choice((16, 24, 32)), "depth": Choice((4, 8, 12, 16, 20))}
    return CellSpace(
        name=name, images=Images(resolution=32, classes=10), laws=tuple(laws.items()), nodes=nodes, output=output
    )
