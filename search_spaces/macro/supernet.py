"""The shared child of ENAS's macro search: every operation of every layer, and what joins and reduces them.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2; melodyguan/enas ``src/cifar10/general_child.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.macro.complexity import PICTURE, reductions
from regnas.search_spaces.macro.network import FactorisedReduction, MacroNetwork, make_operation


class SharedMacro(nn.Module):
    """A `regnas.supernet.Supernet` of networks in the form of the search.

    The authors drop a tenth of what the classifier sees; here nothing is dropped, so that a part is its weights.

    Args:
        operations: of which every layer has one each.
        filters: even.
    """

    def __init__(self, operations: Sequence[str], *, layers: int, filters: int, classes: int) -> None:
        super().__init__()
        self.known, self.layers = tuple(operations), layers
        self.stem = nn.Sequential(nn.Conv2d(PICTURE, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters))
        self.operations = nn.ModuleList(
            nn.ModuleDict({name: make_operation(name, filters, relu_first=False) for name in operations})
            for _ in range(layers)
        )
        self.joins = nn.ModuleList(nn.BatchNorm2d(filters) for _ in range(layers - 1))
        self.reductions = nn.ModuleDict(
            {
                f"{output}_after_{last}": FactorisedReduction(filters, filters)
                for last in reductions(layers)
                for output in range(last + 1)
            }
        )
        self.classifier = nn.Linear(filters, classes, bias=False)

    def select(self, architecture: Architecture) -> MacroNetwork:
        """The network's operations, skips and reductions; whatever its filters are.

        Raises:
            UsageError: another kind or form of network, another number of layers, or other operations.
        """
        if not isinstance(architecture, Macro) or architecture.form != "search":
            raise UsageError("this supernet holds macro networks in the form of the search alone")
        if architecture.layers != self.layers or not set(architecture.operations) <= set(self.known):
            raise UsageError(
                f"this supernet holds networks of {self.layers} layers with the operations {', '.join(self.known)}; "
                f"got {architecture.summary().line}"
            )
        part = MacroNetwork(architecture, _Shared(self, architecture))
        part.training = self.training
        return part


class _Shared:
    """The modules of one network of a supernet: `regnas.search_spaces.macro.network.Parts`."""

    def __init__(self, supernet: SharedMacro, architecture: Macro) -> None:
        self._all, self._one = supernet, architecture

    def stem(self) -> nn.Module:
        return self._all.stem

    def operation(self, layer: int) -> nn.Module:
        choices = self._all.operations[layer - 1]
        assert isinstance(choices, nn.ModuleDict)
        return choices[self._one.operations[layer - 1]]

    def join(self, layer: int) -> nn.Module:
        return self._all.joins[layer - 2]

    def reduction(self, last: int, output: int) -> nn.Module:
        return self._all.reductions[f"{output}_after_{last}"]

    def classifier(self) -> nn.Module:
        return self._all.classifier
