"""The continuous relaxation of networks of two cells: all inputs and all operations of every node at once.

Source: Liu et al. 2019 (DARTS, arXiv 1806.09055), section 2; quark0/darts ``cnn/model_search.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial as partial_function
from typing import Any

import torch
from torch import Tensor, nn

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import cells_of
from regnas.search_spaces.cells.modules import FactorisedReduction, make_operation, relu_conv_norm
from regnas.search_spaces.cells.network import cifar_stem, imagenet_stem, strided
from regnas.search_spaces.cells.operations import OPERATIONS
from regnas.search_spaces.cells.supernets.mixed import (
    NONE,
    MixedOperation,
    but_alphas,
    edge_shares,
    mixed_nodes,
    new_alphas,
    new_edges,
    shares,
    strongest_inputs,
    unscaled,
)
from regnas.search_spaces.cells.supernets.selected import SelectedCells
from regnas.search_spaces.cells.supernets.sources import check_partial

SKIP = "skip_connect"


class RelaxedCells(nn.Module):
    """Stem, cells, head: ``(n, 3, h, w)`` to logits ``(n, classes)``; a `regnas.supernet.Relaxation`.

    Batch normalisations of cells have no scale and no shift, and every pooling is followed by one. Weights keep torch's
    own initialisation. All cells of a kind share their alphas.

    Args:
        operations: that every edge chooses among.
        kinds: cells that have alphas of their own: ``normal``, ``reduce``; where the second is missing, reductions have
            those of the first.
        nodes: of a cell; all of them are its output.
        depth: cells, 3 or more, reductions included.
        partial: one channel in so many is mixed (`regnas.search_spaces.cells.supernets.sources.on_part`).
        edges: whether the inputs of a node are weighed, too (`regnas.supernet.WeighsEdges`).
    """

    def __init__(
        self,
        operations: Sequence[str],
        kinds: Sequence[str],
        *,
        nodes: int,
        width: int,
        depth: int,
        stem: str,
        classes: int,
        partial: int = 1,
        edges: bool = False,
    ) -> None:
        super().__init__()
        check_partial(partial, width)
        self.operations, self._kinds, self._nodes = tuple(operations), tuple(kinds), nodes
        self.skip = SKIP if SKIP in self.operations else None
        small = stem == "cifar"
        self.stem = cifar_stem(3 * width) if small else imagenet_stem(width)
        self.second_stem = nn.Identity() if small else strided(width, width, relu_first=True)
        before = last = 3 * width if small else width
        halve = not small
        self.cells = nn.ModuleList()
        for wide, reduced in cells_of(width, depth):
            sizes = (nodes, before, last, wide)
            self.cells.append(MixedCell(operations, *sizes, halve=halve, reduced=reduced, partial=partial))
            before, last, halve = last, wide * nodes, reduced
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, classes)
        self._inputs = [node + INPUTS for node in range(nodes)]
        rows = dict.fromkeys(self._kinds, sum(self._inputs))
        self._choices = new_alphas(rows, len(self.operations))
        self._edges = new_edges(rows if edges else {})

    @property
    def alphas(self) -> Mapping[str, nn.Parameter]:
        """Of each kind of cell, ``(edges, operations)``: node by node, every input in turn."""
        return dict(self._choices.items())

    @property
    def edges(self) -> Mapping[str, nn.Parameter]:
        """Of each kind of cell, ``(edges,)``, or nothing."""
        return dict(self._edges.items())

    def weights(self) -> list[nn.Parameter]:
        """All other parameters."""
        return but_alphas(self.parameters(), self._choices, self._edges)

    def forward(self, x: Tensor) -> Tensor:
        mixed = {kind: (alpha.softmax(1), self._by_edge(kind)) for kind, alpha in self._choices.items()}
        before = self.stem(x)
        last = self.second_stem(before)
        for cell in self.cells:
            before, last = last, cell(before, last, *mixed[self._kind(bool(cell.reduced))])
        return self.classifier(self.head(last))  # type: ignore[no-any-return]

    def _by_edge(self, kind: str) -> Tensor | None:
        return edge_shares(self._edges[kind], self._inputs) if len(self._edges) else None

    def _kind(self, reduced: bool) -> str:
        return self._kinds[-1] if reduced else self._kinds[0]

    def chosen(self, kind: str) -> list[tuple[str, int]]:
        """Operation and input of the two strongest edges of each node of a kind of cell, the stronger one first."""
        weights = shares(self._choices[kind], self._by_edge(kind))
        return strongest_inputs(weights, self.operations, self._nodes)

    def derive(self) -> dict[str, Any]:
        """Operations and inputs of all edges, by the names of the space's parameters."""
        found: dict[str, Any] = {}
        for kind in self._kinds:
            for place, (operation, start) in enumerate(self.chosen(kind)):
                node, side = place // 2, "xy"[place % 2]
                found |= {f"{kind}_{node}_op_{side}": operation, f"{kind}_{node}_input_{side}": start}
        return found

    def skips(self) -> int:
        """Of the normal cell."""
        return sum(operation == self.skip for operation, _ in self.chosen(self._kinds[0]))

    def select(self, architecture: Architecture) -> SelectedCells:
        """The two cells of a network in this supernet's depth and width; nodes are numbered as in the network.

        Raises:
            UsageError: another kind of network, other operations, or another number of nodes.
        """
        if not isinstance(architecture, Cells):
            raise UsageError(f"this supernet holds networks of cells, got one of kind {architecture.kind}")
        for cell in (architecture.normal, architecture.reduce):
            names = {name for name, _ in cell.edges} - {NONE, *self.operations}
            if cell.nodes != self._nodes or len(cell.concat) != self._nodes or names:
                raise UsageError(
                    f"this supernet holds cells of {self._nodes} nodes that are all put out, with the operations "
                    f"{', '.join(self.operations)}; got {cell.text}"
                )
        own = [cell for cell in self.cells if isinstance(cell, MixedCell)]
        chosen = (architecture.reduce if cell.reduced else architecture.normal for cell in own)
        return SelectedCells(self, map(CellPart, own, chosen))


class MixedCell(nn.Module):
    """One cell with every edge that there can be."""

    def __init__(
        self,
        operations: Sequence[str],
        nodes: int,
        before: int,
        last: int,
        wide: int,
        *,
        halve: bool,
        reduced: bool,
        partial: int = 1,
    ) -> None:
        super().__init__()
        self.reduced, self.nodes, self.partial = reduced, nodes, partial
        self.preprocess0 = unscaled(FactorisedReduction(before, wide) if halve else relu_conv_norm(before, wide))
        self.preprocess1 = unscaled(relu_conv_norm(last, wide))
        self.edges = nn.ModuleList()
        for node in range(nodes):
            for start in range(node + INPUTS):
                stride = 2 if reduced and start < INPUTS else 1
                make = partial_function(_searched, wide=wide // partial, stride=stride)
                self.edges.append(MixedOperation(operations, make, partial))

    def edge(self, node: int, start: int) -> MixedOperation:
        """Of node ``node``, from 0, the edge from input or node ``start``."""
        found = self.edges[sum(one + INPUTS for one in range(node)) + start]
        assert isinstance(found, MixedOperation)
        return found

    def forward(self, before: Tensor, last: Tensor, weights: Tensor, by_edge: Tensor | None = None) -> Tensor:
        """Maps ``(n, c, h, w)`` of the two cells before to ``(n, width * nodes, h / stride, w / stride)``.

        Args:
            weights: ``(edges, operations)``, a softmax in each row.
            by_edge: ``(edges,)``, what each edge has of its node; None where they are added as they are.
        """
        states = [self.preprocess0(before), self.preprocess1(last)]
        own = {"partial": self.partial, "stride": 2 if self.reduced else 1}
        return torch.cat(mixed_nodes(states, self.nodes, self.edges, weights, by_edge, **own), dim=1)


def _searched(name: str, *, wide: int, stride: int) -> nn.Module:
    """An operation as it is while cells are searched."""
    made = make_operation(name, wide, stride)
    if OPERATIONS[name].kind in ("average", "max"):
        made = nn.Sequential(made, nn.BatchNorm2d(wide))
    return unscaled(made)


class CellPart(nn.Module):
    """One cell of a supernet, with two operations a node."""

    def __init__(self, whole: MixedCell, cell: Cell) -> None:
        super().__init__()
        self.cell, self._stride = cell, 2 if whole.reduced else 1
        self.preprocess0, self.preprocess1 = whole.preprocess0, whole.preprocess1
        self.operations = nn.ModuleList()
        for place, (name, start) in enumerate(cell.edges):
            if name != NONE:
                self.operations.append(whole.edge(place // 2, start).choice(name))

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """What the next cell sees, of the maps ``(n, c, h, w)`` of the two cells before: the latter, and this one's
        ``(n, width * nodes, h / stride, w / stride)``.
        """
        states = [self.preprocess0(before), self.preprocess1(last)]
        operations = iter(self.operations)
        for node in range(self.cell.nodes):
            total = 0.0 * states[0][:, :, :: self._stride, :: self._stride]
            for name, start in self.cell.edges[2 * node : 2 * node + 2]:
                if name != NONE:
                    total = total + next(operations)(states[start])
            states.append(total)
        return last, torch.cat([states[node] for node in self.cell.concat], dim=1)
