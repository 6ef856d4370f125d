"""Networks of two cells in the stacking of their authors' TensorFlow code: NASNet-A, PNASNet-5, AmoebaNet-A.

What differs from NDS's stacking (`regnas.search_spaces.cells.architecture`): for ImageNet two reduction cells stand in
the stem, input 0 is only fitted where it has to be, inputs may be part of a cell's output, a skip of stride 2 is a 1x1
convolution, and a ReLU stands before the pooling. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.errors import InvalidArchitecture
from regnas.search_spaces.cells import views
from regnas.search_spaces.cells.architecture import cell_features, cell_of
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import STEMS
from regnas.search_spaces.cells.slim.complexity import slim_complexity
from regnas.search_spaces.cells.slim.stacking import LEAST_DEPTH, REDUCTIONS
from regnas.search_spaces.cells.slim.views import stages

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable

BOUNDS = {
    "classes": (2, 1 << 20),
    "width": (4, 1 << 16),
    "depth": (LEAST_DEPTH, 1_000),
    "stem_width": (1, 1 << 18),
}  # far beyond what can be trained


@dataclass(frozen=True)
class SlimCells:
    """A stem, cells of which some are reductions, ReLU, global average pooling and a linear layer.

    Attributes:
        normal, reduce: the two cells; inputs may be among what they put out.
        width: channels of an edge in the first normal cells, doubled in each reduction.
        depth: normal cells, and those of the reductions that replace one.
        stem: ``cifar``, one 3x3 convolution, or ``imagenet``, one of stride 2 and two reduction cells.
        stem_width: channels of that convolution.
        reductions: ``extra`` cells before normal cells depth // 3 and 2 depth // 3, as of NASNet and AmoebaNet, or
            ``replace`` for these cells, as of PNASNet.
        skip_reduction: the normal cell behind an extra reduction takes as input 0 not what the reduction took as input
            1, but the output before that, as in NASNet-A (6 @ 4032).

    Raises:
        InvalidArchitecture: a number outside its bounds, another stem, or another way to reduce.
    """

    normal: Cell
    reduce: Cell
    width: int = 44
    depth: int = 12
    stem: str = "imagenet"
    stem_width: int = 32
    reductions: str = "extra"
    skip_reduction: bool = False
    classes: int = 1000

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidArchitecture(f"{name} is a whole number from {low} to {high:,}, got {value!r}")
        for name, known in (("stem", STEMS), ("reductions", REDUCTIONS), ("skip_reduction", (False, True))):
            value = getattr(self, name)
            if not any(value is one or (isinstance(value, str) and value == one) for one in known):
                raise InvalidArchitecture(f"{name} is one of {', '.join(map(str, known))}, got {value!r}")

    @property
    def kind(self) -> str:
        return "slim-cells"

    @property
    def schema(self) -> int:
        return 1

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        cells: dict[str, Any] = {}
        for name, cell in (("normal", self.normal), ("reduce", self.reduce)):
            cells |= {name: [list(edge) for edge in cell.edges], f"{name}_concat": list(cell.concat)}
        shape = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        return {"kind": self.kind, "schema": self.schema, **cells, **shape}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SlimCells:
        """Read `to_json`'s form; all but the cells may be left out.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or values no network can have.
        """
        form = [field.name for field in fields(cls)] + ["normal_concat", "reduce_concat"]
        given = form_of(value, "networks of slim-cells", form)
        normal, reduce = (
            cell_of(name, given.pop(name, None), given.pop(f"{name}_concat", None), first=0)
            for name in ("normal", "reduce")
        )
        return cls(normal, reduce, **given)

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        return slim_complexity(self, resolution)

    def features(self) -> dict[str, float]:
        """Numbers of both cells for predictors, as of `Cells`."""
        return cell_features(self.normal, self.reduce)

    def summary(self) -> Summary:
        """The network in the line that ``--params`` reads."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """The nodes of both cells, and how they are stacked."""
        return [*views.cell_tables(self), stages(self, resolution)]

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Both cells as graphs."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """`features`, as figures name them."""
        return self.features()

    def build(self) -> torch.nn.Module:
        """A new module, with torch's own initialisation from its current seed."""
        from regnas.search_spaces.cells.slim.network import SlimNetwork

        return SlimNetwork(self)
