"""The rules of tables."""

from __future__ import annotations

import numpy as np

from regnas.design_space import make_space
from regnas.tables.sources import TableSource
from regnas.tables.trainings import Trainings


class TableRules:
    """Subclass, and override `make`.

    Attributes:
        checked: networks of each table whose keys and costs are compared with those that its space says.
    """

    checked = 20

    def make(self) -> TableSource:
        """What the entry point of ``regnas.tables`` names, called."""
        raise NotImplementedError

    def test_data_sets_have_different_names_without_a_colon(self) -> None:
        data = list(self.make().data)
        assert data and len(set(data)) == len(data)
        assert all(name and ":" not in name for name in data)

    def test_every_data_set_has_a_table_of_errors(self) -> None:
        for found in self._each():
            table = found.table()
            assert len(table) > 1
            assert ((table.signal[:, 0] >= 0) & (table.signal[:, 0] <= 1)).all()
            assert np.unique(table.score).size > 1

    def test_the_recordings_are_the_same_every_time(self) -> None:
        source = self.make()
        for data in source.data:
            one, again = source.trainings(data), self.make().trainings(data)
            assert (one.name, one.keys, one.points, one.images) == (again.name, again.keys, again.points, again.images)
            assert one.columns.keys() == again.columns.keys()
            for name, column in one.columns.items():
                assert np.array_equal(column, again.columns[name], equal_nan=True)

    def test_tables_have_names_of_their_own(self) -> None:
        names = [found.name for found in self._each()]
        assert len(set(names)) == len(names)

    def test_networks_are_those_of_the_space_that_the_table_names(self) -> None:
        for found in self._each():
            if found.space is None or found.points is None:
                continue
            space = make_space(found.space).on(found.images)
            for row in np.linspace(0, len(found.keys) - 1, self.checked, dtype=int).tolist():
                params = found.points[row]
                network = space.decode(space.complete(params))
                assert network.key() == found.keys[row]
                cost = network.complexity(space.resolution)
                for name in ("flops", "params", "activations"):
                    known = getattr(found, name)[row]
                    assert np.isnan(known) or known == getattr(cost, name)

    def _each(self) -> list[Trainings]:
        source = self.make()
        return [source.trainings(data) for data in source.data]
