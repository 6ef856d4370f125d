"""Networks of two cells: one repeated, and one that halves the size, in the stacking of NDS.

Source: Zoph et al. 2018 (arXiv 1707.07012), section 3; Liu et al. 2019 (DARTS, arXiv 1806.09055), section 3; stacked as
Radosavovic et al. 2019 (NDS, arXiv 1905.13214) do (facebookresearch/unnas). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.errors import InvalidArchitecture
from regnas.layers import Layer
from regnas.scaling import Scaling, scaled_depth, scaled_width
from regnas.search_spaces.cells import views
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell, check_concat, check_edges
from regnas.search_spaces.cells.complexity import (
    STEMS,
    CellColumns,
    Skeleton,
    cells_complexity,
    cells_layers,
    inner_edges,
)
from regnas.search_spaces.cells.operations import CODES

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable

BOUNDS = {"classes": (2, 1 << 20), "width": (1, 1 << 16), "depth": (1, 1_000)}  # far beyond what can be trained
_FORM = ("normal", "normal_concat", "reduce", "reduce_concat", "width", "depth", "stem", "classes")


@dataclass(frozen=True)
class Cells:
    """A stem, ``depth`` cells of which two are reductions, global average pooling and a linear layer.

    Attributes:
        normal, reduce: the two cells. In a reduction, edges from inputs have stride 2.
        width: channels of an edge in the first cells, doubled in each reduction.
        depth: cells, reductions included.
        stem: ``cifar``, one 3x3 convolution, or ``imagenet``, three of stride 2.

    Raises:
        InvalidArchitecture: a number outside its bounds, another stem, or an odd width where it is to be halved.
    """

    normal: Cell
    reduce: Cell
    width: int = 16
    depth: int = 20
    stem: str = "cifar"
    classes: int = 10

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidArchitecture(f"{name} is a whole number from {low} to {high:,}, got {value!r}")
        for name, cell in (("normal", self.normal), ("reduce", self.reduce)):
            with naming(name):
                check_concat(cell.concat, cell.nodes)
        check_stem(self.stem, self.width)

    @classmethod
    def unchecked(cls, normal: Cell, reduce: Cell, width: int, depth: int, stem: str, classes: int) -> Cells:
        """The network of values that are known to be right, as those of a space's batch are."""
        made = object.__new__(cls)
        made.__dict__.update(normal=normal, reduce=reduce, width=width, depth=depth, stem=stem, classes=classes)
        return made

    @property
    def kind(self) -> str:
        return "cells"

    @property
    def schema(self) -> int:
        return 1

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        return {
            "kind": self.kind,
            "schema": self.schema,
            "normal": [list(edge) for edge in self.normal.edges],
            "normal_concat": list(self.normal.concat),
            "reduce": [list(edge) for edge in self.reduce.edges],
            "reduce_concat": list(self.reduce.concat),
            "width": self.width,
            "depth": self.depth,
            "stem": self.stem,
            "classes": self.classes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Cells:
        """Read `to_json`'s form; all but the cells may be left out.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or values no network can have.
        """
        given = form_of(value, "networks of cells", _FORM)
        normal, reduce = (
            cell_of(name, given.pop(name, None), given.pop(f"{name}_concat", None)) for name in ("normal", "reduce")
        )
        return cls(normal, reduce, **given)

    @property
    def columns(self) -> CellColumns:
        """The network as arrays of one."""
        normal, reduce = (np.array([[CODES[name]] for name, _ in cell.edges]) for cell in (self.normal, self.reduce))
        inner = inner_edges(np.array([[start] for _, start in self.reduce.edges]))
        numbers = (len(self.normal.concat), len(self.reduce.concat), self.width, self.depth)
        return CellColumns(normal, reduce, inner, *(np.array([number]) for number in numbers))

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        return cells_complexity(self.columns, Skeleton(self.stem, self.classes, resolution)).row(0)

    def layers(self, resolution: int) -> list[Layer]:
        """Every layer that is counted (`regnas.layers.SupportsLayers`)."""
        return cells_layers(self.columns, Skeleton(self.stem, self.classes, resolution))

    def features(self) -> dict[str, float]:
        """Numbers of both cells for predictors: operations, loose ends, edges from the inputs, the longest way."""
        return cell_features(self.normal, self.reduce)

    @property
    def scales(self) -> tuple[str, ...]:
        """The number of cells and the width of the first."""
        return ("depth", "width")

    def asked(self, scaling: Scaling) -> dict[str, tuple[float, ...]]:
        """Width and depth before they are rounded."""
        return {"width": (scaling.width * self.width,), "depth": (scaling.depth * self.depth,)}

    def scaled(self, scaling: Scaling) -> Cells:
        """The same cells, more or fewer of them, and wider or narrower by whole pairs of channels.

        Raises:
            InvalidArchitecture: too many cells or channels.
        """
        width = scaled_width(self.width, scaling, multiple=2)
        return replace(self, width=width, depth=scaled_depth(self.depth, scaling))

    def summary(self) -> Summary:
        """The network in the line that ``--params`` reads."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """The nodes of both cells, and how they are stacked."""
        return views.tables(self, resolution)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Both cells as graphs."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """`features`, as figures name them."""
        return self.features()

    def build(self) -> torch.nn.Module:
        """A new module, with torch's own initialisation from its current seed."""
        from regnas.search_spaces.cells.network import CellsNetwork

        return CellsNetwork(self)


def cell_features(normal: Cell, reduce: Cell) -> dict[str, float]:
    """Numbers of both cells by name."""
    cells = (("normal", normal), ("reduce", reduce))
    return {f"{name}_{key}": value for name, cell in cells for key, value in cell.features().items()}


def cell_of(name: str, edges: Any, concat: Any, *, first: int = INPUTS) -> Cell:
    """The cell of two entries of a JSON form.

    Args:
        name: of the cell, for messages.
        concat: nodes of the output.
        first: 0 where inputs may be among these.

    Raises:
        InvalidArchitecture: they are missing, or no cell.
    """
    if edges is None or concat is None:
        raise InvalidArchitecture(f"a network of cells has {name} and {name}_concat, a list each")
    pairs = [tuple(edge) if isinstance(edge, list) else edge for edge in edges] if isinstance(edges, list) else edges
    with naming(name):
        check_edges(pairs)
        check_concat(concat, len(pairs) // 2, first=first)
        return Cell(tuple(pairs), tuple(concat))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Say which of the two cells it is that is none.

    Raises:
        InvalidArchitecture: what is made there is no cell.
    """
    try:
        yield
    except InvalidArchitecture as error:
        raise InvalidArchitecture(f"{name} cell: {error}") from error


def check_stem(stem: Any, width: int) -> None:
    """Whether there is such a stem for cells of this width.

    Raises:
        InvalidArchitecture: there is none, or the width is odd where a factorised reduction halves it.
    """
    if stem not in STEMS:
        raise InvalidArchitecture(f"stem is one of {', '.join(STEMS)}, got {stem!r}")
    if stem == "imagenet" and width % 2:
        raise InvalidArchitecture(
            f"the imagenet stem and the reduction behind it halve the width, so it is even, got {width}; take "
            f"{width + 1}, or the cifar stem"
        )
