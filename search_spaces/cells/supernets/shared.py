"""The shared child of ENAS's micro search: in every cell, for each edge, every operation on every input.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.4; melodyguan/enas ``src/cifar10/micro_child.py``: weights belong
to a node, a side, an input and an operation; a cell puts out a convolution of all states that no node uses, its inputs
among them; a reduction halves the newest input, and a cell without strides follows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import cells_of
from regnas.search_spaces.cells.modules import FactorisedReduction, make_operation, relu_conv_norm
from regnas.search_spaces.cells.network import cifar_stem, imagenet_stem, strided
from regnas.search_spaces.cells.supernets.mixed import NONE
from regnas.search_spaces.cells.supernets.selected import SelectedCells


class SharedCells(nn.Module):
    """A `regnas.supernet.Supernet` of networks of two cells that put out their loose ends.

    The authors drop a tenth of what the classifier sees, and have an auxiliary head; here are neither.

    Args:
        operations: that every edge chooses among.
        nodes: of a cell.
        depth: cells, 3 or more, reductions included.
    """

    def __init__(
        self, operations: Sequence[str], *, nodes: int, width: int, depth: int, stem: str, classes: int
    ) -> None:
        super().__init__()
        self.known, self.nodes = tuple(operations), nodes
        small = stem == "cifar"
        self.stem = cifar_stem(3 * width) if small else imagenet_stem(width)
        self.second_stem = nn.Identity() if small else strided(width, width, relu_first=True)
        before = last = 3 * width if small else width
        halve = not small
        self.cells = nn.ModuleList()
        for wide, reduced in cells_of(width, depth):
            self.cells.append(SharedCell(operations, nodes, before, last, wide, halve=halve, reduced=reduced))
            before, last, halve = (wide if reduced else last), wide, False
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, classes, bias=False)

    def select(self, architecture: Architecture) -> SelectedCells:
        """The two cells of a network in this supernet's depth and width; nodes are numbered as in the network.

        Raises:
            UsageError: another kind of network, other operations, or another number of nodes.
        """
        if not isinstance(architecture, Cells):
            raise UsageError(f"this supernet holds networks of cells, got one of kind {architecture.kind}")
        for cell in (architecture.normal, architecture.reduce):
            if cell.nodes != self.nodes or not {name for name, _ in cell.edges} <= {NONE, *self.known}:
                raise UsageError(
                    f"this supernet holds cells of {self.nodes} nodes with the operations {', '.join(self.known)}; got "
                    f"{cell.text}"
                )
        own = [cell for cell in self.cells if isinstance(cell, SharedCell)]
        chosen = (architecture.reduce if cell.reduced else architecture.normal for cell in own)
        return SelectedCells(self, map(SharedCellPart, own, chosen))


class SharedCell(nn.Module):
    """One cell with every operation that there can be on every input that there can be, without strides."""

    def __init__(
        self, operations: Sequence[str], nodes: int, before: int, last: int, wide: int, *, halve: bool, reduced: bool
    ) -> None:
        super().__init__()
        self.reduced, self.wide = reduced, wide
        self.reduction = FactorisedReduction(last, wide, relu=False) if reduced else nn.Identity()
        before, last = (last, wide) if reduced else (before, last)
        self.preprocess0 = _aligned(before, wide, halve=halve or reduced)
        self.preprocess1 = _aligned(last, wide, halve=False)
        self.edges = nn.ModuleDict()
        for node in range(nodes):
            for side in range(2):
                for start in range(node + INPUTS):
                    made = {name: make_operation(name, wide, 1) for name in operations if name != NONE}
                    self.edges[_edge(node, side, start)] = nn.ModuleDict(made)
        self.mix = nn.Parameter(torch.empty(nodes + INPUTS, wide, wide))  # of each state, channels out and in
        nn.init.uniform_(self.mix, -1 / math.sqrt(wide), 1 / math.sqrt(wide))
        self.norm = nn.BatchNorm2d(wide)


def _edge(node: int, side: int, start: int) -> str:
    return f"{node}_{'xy'[side]}_{start}"


def _aligned(wide_in: int, wide: int, *, halve: bool) -> nn.Module:
    if halve:
        return FactorisedReduction(wide_in, wide)
    return nn.Identity() if wide_in == wide else relu_conv_norm(wide_in, wide)


class SharedCellPart(nn.Module):
    """One cell of a supernet, with two operations a node."""

    def __init__(self, whole: SharedCell, cell: Cell) -> None:
        super().__init__()
        self.cell, self._reduced = cell, whole.reduced
        self.reduction, self.mix, self.norm = whole.reduction, whole.mix, whole.norm
        self.preprocess0, self.preprocess1 = whole.preprocess0, whole.preprocess1
        used = {start for name, start in cell.edges if name != NONE}
        self.unused = [state for state in range(cell.nodes + INPUTS) if state not in used]
        self.operations = nn.ModuleList()
        for place, (name, start) in enumerate(cell.edges):
            choices = whole.edges[_edge(place // 2, place % 2, start)]
            assert isinstance(choices, nn.ModuleDict)
            if name != NONE:
                self.operations.append(choices[name])

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """What the next cell sees: the maps ``(n, c, h, w)`` of the cell before this one, or their reduction, and those
        of this one, ``(n, width, h, w)``.

        Args:
            before, last: maps of the two cells before, ``(n, c, h, w)``.
        """
        if self._reduced:
            before, last = last, self.reduction(last)
        states = [self.preprocess0(before), self.preprocess1(last)]
        operations = iter(self.operations)
        for node in range(self.cell.nodes):
            total = 0.0 * states[0]
            for name, start in self.cell.edges[2 * node : 2 * node + 2]:
                if name != NONE:
                    total = total + next(operations)(states[start])
            states.append(total)
        seen = functional.relu(torch.cat([states[one] for one in self.unused], dim=1))
        weight = torch.cat([self.mix[one] for one in self.unused], dim=1)[:, :, None, None]
        return last, self.norm(functional.conv2d(seen, weight))
