"""The continuous relaxation of NAS-Bench-201's cell.

Source: Dong & Yang 2020 (arXiv 2001.00326), section 4; AutoDL-Projects ``search_model_darts.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, STAGES, NASBench201
from regnas.search_spaces.cells.nasbench201.network import Reduction, make_operation
from regnas.search_spaces.cells.supernets.mixed import (
    NONE,
    MixedOperation,
    but_alphas,
    edge_shares,
    mixed_nodes,
    new_alphas,
    new_edges,
    shares,
    unscaled,
)
from regnas.search_spaces.cells.supernets.sources import check_partial

SKIP = "skip_connect"
CELL = "cell"
_INPUTS = [sum(end == node for _, end in EDGES) for node in range(1, 4)]


class RelaxedCell(nn.Module):
    """Stem, three stages of cells with reductions between, head: ``(n, 3, h, w)`` to logits ``(n, classes)``; a
    `regnas.supernet.Relaxation`.

    Batch normalisations of operations have no scale and no shift; those of stem, reductions and head do. Poolings have
    none, as in the authors' search. All cells share their alphas.

    Args:
        operations: that every edge chooses among.
        cells: of each stage.
        partial: one channel in so many is mixed (`regnas.search_spaces.cells.supernets.sources.on_part`).
        edges: whether the inputs of a node are weighed, too (`regnas.supernet.WeighsEdges`).
    """

    def __init__(
        self,
        operations: Sequence[str],
        *,
        width: int,
        cells: int,
        classes: int,
        partial: int = 1,
        edges: bool = False,
    ) -> None:
        super().__init__()
        check_partial(partial, width)
        self.operations = tuple(operations)
        self.skip = SKIP if SKIP in self.operations else None
        wide = width
        self.stem = nn.Sequential(nn.Conv2d(3, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide))
        self.body = nn.ModuleList()
        for stage in range(STAGES):
            if stage:
                self.body.append(Reduction(wide, 2 * wide))
                wide *= 2
            self.body.extend(MixedEdges(self.operations, wide, partial) for _ in range(cells))
        self.head = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(wide, classes)
        self._choices = new_alphas({CELL: len(EDGES)}, len(self.operations))
        self._edges = new_edges({CELL: len(EDGES)} if edges else {})

    @property
    def alphas(self) -> Mapping[str, nn.Parameter]:
        """``(edges, operations)``, edges in the order of ``EDGES``."""
        return dict(self._choices.items())

    @property
    def edges(self) -> Mapping[str, nn.Parameter]:
        """``(edges,)`` in the order of ``EDGES``, or nothing."""
        return dict(self._edges.items())

    def weights(self) -> list[nn.Parameter]:
        """All other parameters."""
        return but_alphas(self.parameters(), self._choices, self._edges)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self._choices[CELL].softmax(1)
        by_edge = edge_shares(self._edges[CELL], _INPUTS) if len(self._edges) else None
        x = self.stem(x)
        for block in self.body:
            x = block(x, mixed, by_edge) if isinstance(block, MixedEdges) else block(x)
        return self.classifier(self.head(x))  # type: ignore[no-any-return]

    def derive(self) -> dict[str, Any]:
        """The operation of every edge: the largest of all, ``none`` among them, as in the authors' code."""
        chosen = [max(range(len(row)), key=row.__getitem__) for row in shares(self._choices[CELL])]
        return {f"op_{start}{end}": self.operations[op] for (start, end), op in zip(EDGES, chosen, strict=True)}

    def skips(self) -> int:
        """Of the cell."""
        return sum(operation == self.skip for operation in self.derive().values())

    def select(self, architecture: Architecture) -> CellPart:
        """The cell of a network in this supernet's width and number of cells.

        Raises:
            UsageError: another kind of network, or other operations.
        """
        if not isinstance(architecture, NASBench201):
            raise UsageError(f"this supernet holds networks of NAS-Bench-201, got one of kind {architecture.kind}")
        names = [OPERATIONS[op] for op in architecture.ops]
        if missing := set(names) - {NONE, *self.operations}:
            raise UsageError(f"this supernet has the operations {', '.join(self.operations)}, not {', '.join(missing)}")
        return CellPart(self, names)


class MixedEdges(nn.Module):
    """Four nodes with a mixture on each of six edges, ``(n, c, h, w)`` to the same."""

    def __init__(self, operations: Sequence[str], wide: int, partial: int) -> None:
        super().__init__()
        self.partial = partial
        self.edges = nn.ModuleList(
            MixedOperation(operations, lambda name: unscaled(make_operation(name, wide // partial)), partial)
            for _ in EDGES
        )

    def forward(self, x: Tensor, weights: Tensor, by_edge: Tensor | None = None) -> Tensor:
        """Args:
        weights: ``(edges, operations)``.
        by_edge: ``(edges,)``, what each edge has of its node; None where they are added as they are.
        """
        return mixed_nodes([x], len(_INPUTS), self.edges, weights, by_edge, partial=self.partial)[-1]


def _through(x: Tensor, edges: Sequence[Any]) -> Tensor:
    """The last node of a cell; an edge is a function of a node, or None where nothing passes."""
    nodes = [x]
    for node in range(1, 4):
        total = 0.0 * x
        for (start, end), edge in zip(EDGES, edges, strict=True):
            if end == node and edge is not None:
                total = total + edge(nodes[start])
        nodes.append(total)
    return nodes[-1]


class CellPart(nn.Module):
    """One cell of a supernet, everywhere: its modules, and no others. See `regnas.supernet.Supernet.select`."""

    def __init__(self, supernet: RelaxedCell, names: Sequence[str]) -> None:
        super().__init__()
        self.stem, self.head, self.classifier = supernet.stem, supernet.head, supernet.classifier
        self.body = nn.ModuleList()
        for block in supernet.body:
            self.body.append(EdgesPart(block, names) if isinstance(block, MixedEdges) else block)
        self.training = supernet.training

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.body:
            x = block(x)
        return self.classifier(self.head(x))  # type: ignore[no-any-return]


class EdgesPart(nn.Module):
    """A cell of a supernet, with one operation an edge."""

    def __init__(self, whole: MixedEdges, names: Sequence[str]) -> None:
        super().__init__()
        self.operations = nn.ModuleDict()
        for place, name in enumerate(names):
            edge = whole.edges[place]
            assert isinstance(edge, MixedOperation)
            if name != NONE:
                self.operations[str(place)] = edge.choice(name)

    def forward(self, x: Tensor) -> Tensor:
        own = self.operations
        return _through(x, [own[str(k)] if str(k) in own else None for k in range(len(EDGES))])
