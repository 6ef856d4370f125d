"""The built-in tables keep the rules of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from regnas.search_spaces.cells.nasbench201.table import NASBench201Tables
from regnas.studies.recorded.files import RecordedTables
from regnas.tables.sources import TableSource
from regnas.tables.trainings import Trainings
from regnas.testing import TableRules


class TestNASBench201(TableRules):
    def make(self) -> TableSource:
        return NASBench201Tables()


class TestRecorded(TableRules):
    def make(self) -> TableSource:
        return RecordedTables()


def test_a_table_whose_networks_are_others_is_caught() -> None:
    class Shifted(NASBench201Tables):
        data = ("cifar10",)

        def trainings(self, data: str) -> Trainings:
            found: Any = super().trainings(data)
            object.__setattr__(found, "points", (*found.points[1:], found.points[0]))
            return found  # type: ignore[no-any-return]

    class Rules(TableRules):
        def make(self) -> TableSource:
            return Shifted()

    with pytest.raises(AssertionError):
        Rules().test_networks_are_those_of_the_space_that_the_table_names()
