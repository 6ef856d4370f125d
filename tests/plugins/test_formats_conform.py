"""The built-in formats keep the rules of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.format import Format, make_format
from regnas.preset import preset
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
from regnas.search_spaces.cells.slim.architecture import SlimCells
from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.staged.architecture import Staged
from regnas.testing import FormatRules


def _staged(name: str, **changes: Any) -> Staged:
    known = preset(name)
    space = make_space(known.space)
    network = space.decode(space.complete(known.params))
    assert isinstance(network, Staged)
    return replace(network, classes=10, **changes)


STAGED = (_staged("regnetx-200mf"), _staged("regnety-200mf"))
CELLS = (NASBench201((3, 0, 1, 1, 2, 4)), NASBench201((0, 3, 1, 1, 2, 4)))


def _cell(line: str, *concat: int) -> Cell:
    return Cell(parse_edges(line), concat)


TWO_CELLS = (
    Cells(_cell("sep3@0+skip@1 / none@0+dil5@2", 2, 3), _cell("max3@0+c71@1", 2), width=16, depth=8),
    Cells(_cell("avg3@0+c1@1 / c3@1+c31@0", 2), _cell("max7@0+dsep3@1", 2), width=7, depth=20),
)


class TestJson(FormatRules):
    suffix = ".json"

    def make(self) -> Format[Any]:
        return make_format("json")

    def networks(self) -> Sequence[Architecture]:
        return [*STAGED, *CELLS, *TWO_CELLS]


class TestStaged(FormatRules):
    @pytest.fixture(autouse=True, params=["pycls", "timm", "torchvision"])
    def _named(self, request: pytest.FixtureRequest) -> None:
        self._name: str = request.param
        if self._name == "pycls":
            self.suffix = ".yaml"

    def make(self) -> Format[Any]:
        return make_format(self._name)

    def networks(self) -> Sequence[Architecture]:
        return STAGED

    def refused(self) -> Sequence[Architecture]:
        return [_staged("regnetx-200mf", block="vr")]


class TestCellText(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("nasbench201")

    def networks(self) -> Sequence[Architecture]:
        return CELLS

    def refused(self) -> Sequence[Architecture]:
        return [replace(CELLS[0], cells=2), replace(CELLS[0], width=8), replace(CELLS[0], classes=7)]


class TestGenotypesOfDarts(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("darts")

    def networks(self) -> Sequence[Architecture]:
        return [*TWO_CELLS, replace(TWO_CELLS[0], stem="imagenet", classes=100)]


class TestDictionariesOfNni(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("nni")

    def networks(self) -> Sequence[Architecture]:
        return TWO_CELLS

    def refused(self) -> Sequence[Architecture]:
        return [replace(TWO_CELLS[0], classes=100), replace(TWO_CELLS[0], stem="imagenet")]


class TestNumbersOfEnas(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("enas")

    def networks(self) -> Sequence[Architecture]:
        return [
            Cells(_cell("sep3@0+skip@1 / max3@1+sep5@1", 2, 3), _cell("max3@0+avg3@1 / skip@2+skip@0", 3), width=8),
            Cells(_cell("sep3@0+skip@1", 2), _cell("max3@0+avg3@1", 2), width=8, stem="imagenet", classes=100),
        ]

    def refused(self) -> Sequence[Architecture]:
        return [
            TWO_CELLS[0],
            Cells(_cell("sep3@0+skip@1 / max3@1+sep5@1", 2), _cell("max3@0+avg3@1 / skip@2+skip@0", 3)),
            Cells(_cell("sep3@0+skip@1", 2), _cell("max3@0+avg3@1 / skip@2+skip@0", 3)),
        ]


class TestNumbersOfMacroNetworks(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("enas-macro")

    def networks(self) -> Sequence[Architecture]:
        skips = ((), (0,), (0, 1))
        return [Macro(("conv3", "sep5", "max3"), skips, 8), Macro(("avg3",) * 3, skips, 4, "final", 5)]


class TestListsOfPnas(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("pnas")

    def networks(self) -> Sequence[Architecture]:
        slim = SlimCells(_cell("sep3@0+skip@1 / max3@1+sep5@1", 0, 3), _cell("c71@0+avg3@1", 1, 2), 8, 3, "cifar", 5)
        return [
            replace(TWO_CELLS[1], stem="cifar", classes=100),
            slim,
            replace(slim, stem="imagenet", skip_reduction=True),
            replace(slim, reductions="replace"),
        ]

    def refused(self) -> Sequence[Architecture]:
        return [TWO_CELLS[0]]


class TestRecordsOfNds(FormatRules):
    suffix = ".json"

    def make(self) -> Format[Any]:
        return make_format("nds")

    def networks(self) -> Sequence[Architecture]:
        return TWO_CELLS

    def refused(self) -> Sequence[Architecture]:
        return [replace(TWO_CELLS[0], classes=100), replace(TWO_CELLS[0], stem="imagenet")]


class TestConfigurationsOfUnnas(FormatRules):
    suffix = ""

    def make(self) -> Format[Any]:
        return make_format("unnas")

    def networks(self) -> Sequence[Architecture]:
        return [*TWO_CELLS, replace(TWO_CELLS[0], stem="imagenet", classes=100)]
