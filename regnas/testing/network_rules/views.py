"""The rules of views: how an architecture prints, tabulates and draws, where it says so itself."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Sequence

from regnas import describe
from regnas.architecture import Architecture
from regnas.drawing import drawing, profile
from regnas.measure import installed

_OWN = {"seed", "seconds", "index", "draws", "diverged", "architecture", "reused"}


def is_line(text: str) -> bool:
    """Whether text is printed as one line, with nothing that a terminal obeys."""
    return bool(text.strip()) and text.isprintable()


class ViewRules:
    """The part of `regnas.testing.ArchitectureRules` that is about views."""

    resolution = 32

    def make(self, classes: int) -> Sequence[Architecture]:
        raise NotImplementedError

    def test_it_is_a_line_and_equal_networks_are_the_same_one(self) -> None:
        for one, again in zip(self.make(4), self.make(4), strict=True):
            found = describe.summary(one)
            assert is_line(found.line) and is_line(found.long) and is_line(found.heading), found
            assert found == describe.summary(again) == describe.summary(json.loads(json.dumps(one.to_json())))
            assert found.resolution >= 1 and found.picture.endswith(".png") and "/" not in found.picture

    def test_headings_are_those_of_the_kind(self) -> None:
        found = [describe.summary(one) for one in self.make(4)]
        assert len({(one.heading, one.picture, frozenset(one.attributes)) for one in found}) == 1

    def test_numbers_of_it_are_finite(self) -> None:
        for one in self.make(4):
            attributes = describe.summary(one).attributes
            assert not {*_OWN, *installed()} & set(attributes), "a trial stores something else under this name"
            for named in (attributes, describe.numbers(one), describe.quantities(one)):
                assert all(math.isfinite(value) for value in named.values()), named
            assert all(is_line(name) for name in describe.quantities(one))

    def test_rows_of_tables_have_a_cell_for_every_column(self) -> None:
        for one in self.make(4):
            for table in describe.tables(one, self.resolution):
                assert all(map(is_line, table.columns)) and "\n" not in table.title
                for row in table.rows:
                    assert len(row) == len(table.columns), row
                    assert all(isinstance(cell, str) and "\n" not in cell for cell in row), row

    def test_profiles_are_drawn_on_the_same_axes(self) -> None:
        found = [profile(one) for one in self.make(4)]
        known = [one for one in found if one is not None]
        assert len(known) in (0, len(found))
        assert len({(one.x, one.y, one.unit) for one in known}) <= 1
        assert all(one.values and all(map(math.isfinite, one.values)) for one in known)

    def test_it_is_drawn_onto_the_axes_it_is_given(self) -> None:
        from matplotlib.figure import Figure

        open_before = _open_in_pyplot()
        for one in self.make(4):
            if (draw := drawing(one)) is None:
                continue
            figure = Figure()
            axes, beside = figure.subplots(1, 2)
            before = len(beside.get_children())
            draw(axes, {})
            assert axes.lines or axes.patches or axes.collections or axes.texts or axes.images, "nothing was drawn"
            assert figure.axes[:2] == [axes, beside] and len(beside.get_children()) == before
            figure.savefig(io.BytesIO(), format="png", dpi=30)
        assert _open_in_pyplot() == open_before, "a figure was left in matplotlib's global state"


def _open_in_pyplot() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return [] if pyplot is None else pyplot.get_fignums()
