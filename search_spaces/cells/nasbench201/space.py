"""NAS-Bench-201: one cell of four nodes, five operations on each of six edges: 15,625 networks.

Source: Dong & Yang 2020 (arXiv 2001.00326), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.counting import output_size
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, values_of
from regnas.errors import UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.overrides import number
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.cells.nasbench201.architecture import (
    BOUNDS,
    EDGES,
    OPERATIONS,
    STAGES,
    NASBench201,
    cell_complexity,
)
from regnas.search_spaces.cells.nasbench201.format import read_cell
from regnas.search_spaces.cells.nasbench201.functions import representatives
from regnas.states import DecidedPart, State

if TYPE_CHECKING:
    from regnas.search_spaces.cells.nasbench201.relaxed import RelaxedCell

NAMES = tuple(f"op_{start}{end}" for start, end in EDGES)
_SAME = ("cells", "functions")
_CODES = {name: code for code, name in enumerate(OPERATIONS)}


@dataclass(frozen=True, kw_only=True)
class NASBench201Space(Space):
    """All cells in one skeleton: of what a data set asks, it heeds resolution and classes.

    Attributes:
        laws: the operations of every edge.
        cells: cells per stage.
        width: channels of the first stage.
        same: what is one network: equal ``cells``, which a table measured each, or equal ``functions``, which it makes
            no sense to train twice. Empty is ``functions`` where networks are trained (`to_train`), else ``cells``.
    """

    laws: tuple[tuple[str, Dimension], ...]
    cells: int = 5
    width: int = 16
    same: str = ""

    known_costs = BUILT_IN

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        for value in dimension.values if isinstance(dimension, Choice) else (str(dimension),):
            _code(name, value)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def with_option(self, key: str, value: str) -> Self | None:
        """With other ``cells``, another ``width``, or cells of the same function as one network.

        Raises:
            UsageError: the value is outside the network's bounds.
        """
        if key == "same":
            if value not in _SAME:
                raise UsageError(f"same is one of {', '.join(_SAME)}, got {value!r}")
            return replace(self, same=value)
        if key not in ("cells", "width"):
            return None
        whole, (least, most) = number(value), BOUNDS[key]
        if not isinstance(whole, int) or not least <= whole <= most:
            raise UsageError(f"{key} is a whole number from {least} to {most:,}, got {value!r}")
        return replace(self, cells=whole) if key == "cells" else replace(self, width=whole)

    def to_train(self) -> Self:
        """Cells of equal functions as one network, unless the spec says otherwise."""
        return self if self.same else self.derive({"same": "functions"})

    def relaxation(self, **sizes: int) -> RelaxedCell:
        """The search network (`regnas.supernet.SupportsRelaxation`): 16 ``channels``, 5 ``cells`` a stage unless said.

        Raises:
            UsageError: operations that differ from edge to edge, or no such size.
        """
        from regnas.search_spaces.cells.nasbench201.relaxed import RelaxedCell
        from regnas.search_spaces.cells.supernets.mixed import one_set, sizes_of

        usual = {"channels": 16, "cells": 5, "partial": 1, "edges": 0}
        found = sizes_of(sizes, usual, dict.fromkeys(usual, 1), self.spec)
        if self.ties:
            raise UsageError(f"the relaxation of {self.spec} is not defined: every edge has to choose for itself")
        operations = one_set(self.dimensions.values(), self.spec)
        width, cells, partial, edges = (found[name] for name in usual)
        known = {"width": width, "cells": cells, "classes": self.classes, "partial": partial}
        return RelaxedCell(operations, **known, edges=bool(edges))

    def supernet(self, **sizes: int) -> RelaxedCell:
        """The relaxation's module, of which parts are selected (`regnas.supernet.SupportsSupernet`); errors as its."""
        return self.relaxation(**sizes)

    def decided(self) -> Sequence[DecidedPart]:
        """The operation of one edge after the other (`regnas.states.SupportsStates`).

        Raises:
            UsageError: parameters are tied.
        """
        if self.ties:
            raise UsageError(f"what is decided of {self.spec} one after the other is tied; leave the ties out")
        there = {str(value) for law in self.dimensions.values() for value in values_of(law)}
        states = tuple(State(operations=(name,)) for name in NAMES)
        return (DecidedPart(0, states, tuple(name for name in OPERATIONS if name in there)),)

    def sees(self) -> str:
        sizes = [self.resolution]
        for _ in range(STAGES - 1):
            sizes.append(output_size(sizes[-1], 3, 2))
        return f"stages see {', '.join(map(str, sizes))} px"

    def decode(self, params: Params) -> NASBench201:
        ops = self._standing(np.array([[_code(name, params[name]) for name in NAMES]], dtype=np.int64))
        return self._network(ops[0].tolist())

    def point_of_line(self, text: str) -> Params:
        """The operations that a cell's line says (`regnas.describe.SupportsLines`).

        Raises:
            UsageError: it is no such line.
        """
        return dict(zip(NAMES, (OPERATIONS[op] for op in read_cell(text).ops), strict=True))

    def ordered(self, params: Params) -> Params:
        """The point of the cell that stands for all of its function, where no law singles out an edge."""
        if self.same != "functions" or self.ties or any(law.size < len(OPERATIONS) for _, law in self.laws):
            return params
        ops = self._standing(np.array([[_code(name, params[name]) for name in NAMES]], dtype=np.int64))
        return {**params, **dict(zip(NAMES, (OPERATIONS[op] for op in ops[0].tolist()), strict=True))}

    def ordered_columns(self, columns: Columns) -> Columns:
        return columns if self.same != "functions" else super().ordered_columns(columns)

    def _standing(self, ops: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Of every cell ``(n, 6)`` the one that is trained for it."""
        return ops if self.same != "functions" else representatives(ops)

    def _network(self, ops: list[int]) -> NASBench201:
        return NASBench201(tuple(ops), classes=self.classes, cells=self.cells, width=self.width)

    def batch(self, columns: Columns) -> CellRows:
        count = len(columns[NAMES[0]])
        coded = [np.fromiter(map(_CODES.__getitem__, columns[name].tolist()), np.int64, count) for name in NAMES]
        return CellRows(self, self._standing(np.stack(coded, axis=1)))


@dataclass(frozen=True)
class CellRows:
    """Cells as operations ``(n, 6)``: the `Batch` of the space, where every point is a network."""

    space: NASBench201Space
    ops: npt.NDArray[np.int64]

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self.ops))

    @property
    def rejected(self) -> Mapping[str, int]:
        return {}

    def complexity(self, resolution: int) -> Complexities:
        return cell_complexity(self.ops, self.space.classes, self.space.cells, self.space.width, resolution)

    def architecture(self, index: int) -> NASBench201:
        return self.space._network(self.ops[index].tolist())


def _code(name: str, value: object) -> int:
    if not isinstance(value, str) or value not in _CODES:
        raise UsageError(f"{name} is one of {', '.join(OPERATIONS)}, got {value!r}")
    return _CODES[value]


def nasbench201() -> NASBench201Space:
    """The paper's space on CIFAR-10: 32 pixels, 10 classes."""
    laws = tuple((name, Choice(OPERATIONS)) for name in NAMES)
    return NASBench201Space(name="nasbench201", images=Images(resolution=32, classes=10), laws=laws)
