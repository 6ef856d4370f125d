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
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
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


class TestJson(FormatRules):
    suffix = ".json"

    def make(self) -> Format[Any]:
        return make_format("json")

    def networks(self) -> Sequence[Architecture]:
        return [*STAGED, *CELLS]


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
