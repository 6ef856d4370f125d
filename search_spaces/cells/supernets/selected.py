"""What a supernet of cells selects: its modules, and no others."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn


class SelectedCells(nn.Module):
    """Two cells of a supernet, stacked as in it. See `regnas.supernet.Supernet.select`.

    Args:
        supernet: with a ``stem``, a ``second_stem``, a ``head`` and a ``classifier``.
        cells: parts of its cells: each takes the maps of the two before, and gives those that the next one sees.
    """

    def __init__(self, supernet: nn.Module, cells: Iterable[nn.Module]) -> None:
        super().__init__()
        self.stem, self.second_stem = supernet.get_submodule("stem"), supernet.get_submodule("second_stem")
        self.head, self.classifier = supernet.get_submodule("head"), supernet.get_submodule("classifier")
        self.cells = nn.ModuleList(cells)
        self.training = supernet.training

    def forward(self, x: Tensor) -> Tensor:
        before = self.stem(x)
        last = self.second_stem(before)
        for cell in self.cells:
            before, last = cell(before, last)
        return self.classifier(self.head(last))  # type: ignore[no-any-return]
