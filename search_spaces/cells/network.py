"""The torch module of a network of cells, and what a final training may add to it.

Source: facebookresearch/unnas ``pycls/models/nas/nas.py``, which follows DARTS (Liu et al. 2019, arXiv 1806.09055;
quark0/darts ``model.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import cells_of, reductions
from regnas.search_spaces.cells.modules import FactorisedReduction, make_operation, relu_conv_norm


class CellsNetwork(nn.Module):
    """Stem, cells, head: ``(n, 3, h, w)`` to logits ``(n, classes)``. There is no ReLU before the pooling.

    Weights keep torch's own initialisation, as in the authors' code.
    """

    def __init__(self, architecture: Cells) -> None:
        super().__init__()
        self._architecture = architecture
        width = architecture.width
        small = architecture.stem == "cifar"
        self.stem = cifar_stem(3 * width) if small else imagenet_stem(width)
        self.second_stem = nn.Identity() if small else strided(width, width, relu_first=True)
        before = last = 3 * width if small else width
        halve = not small
        self.cells = nn.ModuleList()
        for wide, reduced in cells_of(width, architecture.depth):
            cell = architecture.reduce if reduced else architecture.normal
            self.cells.append(CellModule(cell, before, last, wide, halve=halve, stride=2 if reduced else 1))
            before, last, halve = last, wide * len(cell.concat), reduced
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, architecture.classes)
        self.auxiliary_cell = max(reductions(architecture.depth))
        self.auxiliary_width = 4 * width * len(architecture.reduce.concat)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.head(self.states(x)[-1]))  # type: ignore[no-any-return]

    def with_auxiliary(self, resolution: int) -> WithAuxiliaryHead:
        """This network with a new auxiliary head.

        Raises:
            UsageError: as `WithAuxiliaryHead`.
        """
        return WithAuxiliaryHead(self, self._architecture, resolution)

    def states(self, x: Tensor) -> list[Tensor]:
        """What each cell puts out, ``(n, channels, h, w)``."""
        before = self.stem(x)
        last = self.second_stem(before)
        found = []
        for cell in self.cells:
            before, last = last, cell(before, last)
            found.append(last)
        return found

    def set_drop_path(self, probability: float) -> None:
        """How likely an operation is dropped for an image from now on, in training mode.

        A schedule sets it before every epoch: the authors' is ``p * epoch / epochs``, p = 0.2 on CIFAR-10.

        Raises:
            UsageError: it is no probability below 1.
        """
        set_drop_path(self, probability)


class CellModule(nn.Module):
    """One cell: preprocessed inputs, nodes that add two operations each, and the concatenation of some of them."""

    def __init__(self, cell: Cell, before: int, last: int, wide: int, *, halve: bool, stride: int) -> None:
        super().__init__()
        self.cell = cell
        self.preprocess0 = FactorisedReduction(before, wide) if halve else relu_conv_norm(before, wide)
        self.preprocess1 = relu_conv_norm(last, wide)
        self.operations = nn.ModuleList()
        for name, start in cell.edges:
            step = stride if start < INPUTS else 1
            operation = make_operation(name, wide, step)
            passes = isinstance(operation, nn.Identity)  # the authors never drop these
            self.operations.append(operation if passes else nn.Sequential(operation, DropPath()))

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Maps ``(n, c, h, w)`` of the two cells before to ``(n, width * outputs, h / stride, w / stride)``."""
        states = [self.preprocess0(before), self.preprocess1(last)]
        given = [(operation, start) for operation, (_, start) in zip(self.operations, self.cell.edges, strict=True)]
        for (one, first), (other, second) in zip(given[::2], given[1::2], strict=True):
            states.append(one(states[first]) + other(states[second]))
        if self.training:
            states[self.cell.concat[0]] = self._with_unused(states)
        return torch.cat([states[node] for node in self.cell.concat], dim=1)

    def _with_unused(self, states: list[Tensor]) -> Tensor:
        """The first output, and 0 times what the cell ignores: all parameters have gradients, be they 0.

        Training in several processes waits for the gradient of every parameter.
        """
        found = states[self.cell.concat[0]]
        for number in self.cell.unused:
            found = found + 0.0 * states[number].mean()
        return found


class DropPath(nn.Module):
    """Drops all of an image's maps with a probability, and scales the others up; does nothing outside of training.

    Source: Zoph et al. 2018 (arXiv 1707.07012), appendix A; DARTS ``utils.drop_path``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.probability = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.probability:
            return x
        keep = 1 - self.probability
        return x / keep * torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)


def set_drop_path(network: nn.Module, probability: float) -> None:
    """Set the probability of every `DropPath` of a network.

    Raises:
        UsageError: it is no probability below 1.
    """
    if not 0 <= probability < 1:
        raise UsageError(f"drop path is a probability from 0 to below 1, got {probability!r}")
    for module in network.modules():
        if isinstance(module, DropPath):
            module.probability = probability


class WithAuxiliaryHead(nn.Module):
    """A network whose second reduction also classifies, in training mode alone.

    In training mode it gives logits of the network and of the auxiliary head, ``(n, classes)`` each; the loss of the
    second counts 0.4 in the paper. In evaluation mode it is the network.

    Source: DARTS ``AuxiliaryHeadCIFAR`` and ``AuxiliaryHeadImageNet``, with all batch normalisations.

    Args:
        resolution: pixels of a side of the images.

    Raises:
        UsageError: the maps of the second reduction are too small for the head, or too large.
    """

    def __init__(self, network: CellsNetwork, architecture: Cells, resolution: int) -> None:
        super().__init__()
        self.network = network
        shrinks = (1 if architecture.stem == "cifar" else 8) * 2 ** len(reductions(architecture.depth))
        size, stride = -(-resolution // shrinks), 3 if architecture.stem == "cifar" else 2
        if (size - 5) // stride + 1 != 2:
            raise UsageError(
                f"the auxiliary head needs maps of {5 + stride} to {4 + 2 * stride} px at the second reduction, and at "
                f"{resolution} px they have {size}; train without it"
            )
        self.auxiliary = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride, count_include_pad=False),
            nn.Conv2d(network.auxiliary_width, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, architecture.classes),
        )

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if not self.training:
            return self.network(x)  # type: ignore[no-any-return]
        states = self.network.states(x)
        logits = self.network.classifier(self.network.head(states[-1]))
        return logits, self.auxiliary(states[self.network.auxiliary_cell])


def cifar_stem(wide: int) -> nn.Sequential:
    """Convolution and normalisation, ``(n, 3, h, w)`` to ``(n, wide, h, w)``."""
    return nn.Sequential(nn.Conv2d(3, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide))


def imagenet_stem(width: int) -> nn.Sequential:
    """Two convolutions of stride 2, ``(n, 3, h, w)`` to ``(n, width, h / 4, w / 4)``."""
    return nn.Sequential(*strided(3, width // 2), nn.ReLU(), *strided(width // 2, width))


def strided(wide_in: int, wide: int, *, relu_first: bool = False) -> nn.Sequential:
    """Convolution of stride 2 and normalisation."""
    layers = nn.Sequential(nn.Conv2d(wide_in, wide, 3, 2, padding=1, bias=False), nn.BatchNorm2d(wide))
    return nn.Sequential(nn.ReLU(), *layers) if relu_first else layers
