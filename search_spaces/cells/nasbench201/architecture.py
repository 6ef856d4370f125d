"""Networks of NAS-Bench-201: a fixed skeleton that repeats one cell of six edges.

Source: Dong & Yang 2020 (arXiv 2001.00326), section 2 and figure 1; exact semantics as in the authors' code
(AutoDL-Projects ``cell_operations.py``, ``TinyNetwork``). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.architecture import form_of, key_of
from regnas.costs import Complexities, Complexity
from regnas.counting import Count, Pixels, check_countable
from regnas.errors import InvalidArchitecture
from regnas.layers import Layer, LayerList
from regnas.search_spaces.cells.nasbench201 import views

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # from node, to node
STAGES = 3
BOUNDS = {"classes": (2, 1 << 20), "cells": (1, 10_000), "width": (1, 1 << 18)}  # far beyond what can be trained
# Every way from the cell's input to its output, as places in EDGES.
_PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
_NONE, _CONV_1X1, _CONV_3X3 = 0, 2, 3

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NASBench201:
    """One network of the space. Isomorphic cells stay different: the published tables measure each of them.

    Attributes:
        ops: the operation of each of `EDGES`, as a place in `OPERATIONS`.
        cells: cells per stage; the paper's networks have 5.
        width: channels of the first stage, doubled in each further one; the paper's networks have 16.

    Raises:
        InvalidArchitecture: no six operations, or a number outside its bounds.
    """

    ops: tuple[int, ...]
    classes: int = 10
    cells: int = 5
    width: int = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", tuple(self.ops))  # lists are taken, and compare as equal
        if len(self.ops) != len(EDGES) or not all(_whole(op, 0) and op < len(OPERATIONS) for op in self.ops):
            raise InvalidArchitecture(
                f"ops are six numbers, each 0 to 4 for {', '.join(OPERATIONS)}; got {list(self.ops)}"
            )
        for name, (low, high) in BOUNDS.items():
            if not _whole(value := getattr(self, name), low) or value > high:
                raise InvalidArchitecture(f"{name} is a whole number from {low} to {high:,}, got {value!r}")

    @property
    def kind(self) -> str:
        return "nasbench201"

    @property
    def schema(self) -> int:
        return 1

    @property
    def digits(self) -> str:
        """The cell as six digits in the order of `EDGES`, the key of the published tables."""
        return "".join(map(str, self.ops))

    @property
    def edges(self) -> tuple[tuple[int, int, str], ...]:
        """From node, to node, and the name of the operation, in the order of `EDGES`."""
        return tuple((start, end, OPERATIONS[op]) for (start, end), op in zip(EDGES, self.ops, strict=True))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.width * 2**stage for stage in range(STAGES))

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        shape = {"classes": self.classes, "cells": self.cells, "width": self.width}
        return {"kind": self.kind, "schema": self.schema, "ops": list(self.ops), **shape}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NASBench201:
        """Read `to_json`'s form; all but ``ops`` may be left out.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or numbers no network can have.
        """
        known = [field.name for field in fields(cls)]
        given = form_of(value, "nasbench201 networks", known)
        if not isinstance(given.get("ops"), list | tuple):
            raise InvalidArchitecture(f"ops is a list of six numbers, got {given.get('ops')!r}")
        return cls(**given)

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        ops = np.array([self.ops], dtype=np.int64)
        return cell_complexity(ops, self.classes, self.cells, self.width, resolution).row(0)

    def layers(self, resolution: int) -> list[Layer]:
        """Every layer that is counted (`regnas.layers.SupportsLayers`)."""
        return cell_layers(self.ops, self.classes, self.cells, self.width, resolution)

    def features(self) -> dict[str, float]:
        """Numbers of the cell for predictors: operations in all and on ways through, and the longest ways."""
        ways = [[self.ops[edge] for edge in path] for path in _PATHS]
        open_ways = [way for way in ways if _NONE not in way]
        used = {edge for path, way in zip(_PATHS, ways, strict=True) if _NONE not in way for edge in path}
        live = [self.ops[edge] for edge in used]
        found: dict[str, float] = {"paths": len(open_ways)}
        for code, name in enumerate(OPERATIONS):
            found[f"count_{name}"] = self.ops.count(code)
            if code != _NONE:
                found[f"used_{name}"] = live.count(code)
        found["longest_conv_path"] = max((_convs(way) for way in open_ways), default=0)
        found["longest_conv_3x3_path"] = max((way.count(_CONV_3X3) for way in open_ways), default=0)
        found["shortest_conv_path"] = min((_convs(way) for way in open_ways), default=0)
        return found

    def summary(self) -> Summary:
        """The cell in the authors' string form."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """The operations of the cell, and the stages."""
        return views.tables(self, resolution)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """The cell as a graph."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """`features`, as figures name them."""
        return views.quantities(self, told)

    def build(self) -> torch.nn.Module:
        """A new module, initialised as the authors do from torch's current seed."""
        from regnas.search_spaces.cells.nasbench201.network import CellNetwork

        return CellNetwork(self)


def cell_complexity(ops: Ints, classes: int, cells: int, width: int, resolution: int) -> Complexities:
    """Complexity of every cell ``(n, 6)`` in its skeleton, for one image of ``resolution`` pixels.

    Counted as in `regnas.counting`. Edges that no way passes count as well, as their operations are run. All but
    the two kinds of convolutions is the same in every network, so each number is linear in how many there are.

    Raises:
        InvalidArchitecture: they are too large to be counted.
    """
    check_countable(resolution, width * 2 ** (STAGES - 1), STAGES * cells * len(EDGES))
    skeleton, small, large = Count(), Count(), Count()
    size, wide = skeleton.conv(resolution, 3, 3, width), width
    for stage in range(STAGES):
        if stage:
            size, wide = _reduction(skeleton, size, wide), 2 * wide
        small.conv(size, 1, wide, wide, times=cells)
        large.conv(size, 3, wide, wide, times=cells)
    skeleton.norm(wide)
    skeleton.linear(wide, classes)
    count = Count(len(ops))
    count.add(skeleton.total())
    count.add(small.total(), (ops == _CONV_1X1).sum(axis=1))
    count.add(large.total(), (ops == _CONV_3X3).sum(axis=1))
    return count.total()


def cell_layers(ops: tuple[int, ...], classes: int, cells: int, width: int, resolution: int) -> list[Layer]:
    """Every layer of a network that is counted, with its shape; average poolings are none of them."""
    found = LayerList()
    size, wide = found.conv(resolution, 3, 3, width), width
    for stage in range(STAGES):
        if stage:
            size, wide = _reduction(found, size, wide), 2 * wide
        found.conv(size, 1, wide, wide, times=cells * ops.count(_CONV_1X1))
        found.conv(size, 3, wide, wide, times=cells * ops.count(_CONV_3X3))
    found.linear(wide, classes)
    return found.layers


def _reduction(count: Count, size: Pixels, wide: int) -> Pixels:
    """The residual block between stages. Its shortcut, an average pool, has no batch normalisation."""
    size = count.conv(size, 3, wide, 2 * wide, stride=2)
    count.conv(size, 3, 2 * wide, 2 * wide)
    count.conv(size, 1, wide, 2 * wide, norm=False)
    return size


def _convs(way: list[int]) -> int:
    return way.count(_CONV_1X1) + way.count(_CONV_3X3)


def _whole(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low
