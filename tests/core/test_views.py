"""Views: what is asked of a network, and what is done without."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from matplotlib.figure import Figure

from regnas.architecture import Architecture, from_json
from regnas.describe import Summary, common_quantities, heading, quantities, summary, tables
from regnas.drawing import Profile, draw_steps, drawing, profile
from regnas.plugins import registry
from regnas.tables.point import Point
from regnas.testing.network_rules.small_network import SmallNetwork

STAGED: dict[str, Any] = {"kind": "staged", "depths": [1, 2], "widths": [16, 32], "strides": [2, 2]}
CELL = {"kind": "nasbench201", "ops": [3, 3, 1, 2, 4, 0]}
POINT = Point((("lr", 0.1), ("op", "conv")), flops=100)


def test_a_kind_without_views_prints_as_its_name_and_values() -> None:
    plain = SmallNetwork((8, 16), 10)
    assert summary(plain) == Summary(line="small: 8 16")
    assert tables(plain, 32) == () and quantities(plain) == {} and profile(plain) is None and drawing(plain) is None


@pytest.mark.parametrize(
    ("stored", "line"),
    [
        ({"kind": "cell", "schema": 3, "genotype": ["a", "b"], "width": 16}, "cell: a b, 16"),
        ({"kind": "cell", "text": "one\ntwo\tthree"}, "cell: one two three"),
        ({"kind": "staged", "schema": 99, "depths": [1]}, "staged: 1"),
        ({"kind": "staged", "depths": None, "widths": {}}, "staged: None, {}"),
        ({}, "network: "),
        ({"kind": ["staged"]}, "['staged']: "),
    ],
)
def test_what_is_stored_of_a_kind_that_cannot_be_rebuilt_prints_all_the_same(stored: Any, line: str) -> None:
    assert summary(stored).line == line.rstrip()
    assert tables(stored, 32) == () and drawing(stored) is None and quantities(stored) == {}


def test_a_long_line_of_a_kind_without_views_is_cut_at_60_characters() -> None:
    line = summary({"kind": "cell", "operations": ["conv"] * 40}).line
    assert len(line) == 60 and line.startswith("cell: conv conv") and line.endswith("...")


def test_a_stored_network_and_the_network_itself_are_described_alike() -> None:
    for value in (STAGED, CELL, POINT.to_json()):
        network = from_json(value)
        stored = dict(sorted(network.to_json().items()))  # as a storage has it
        assert summary(stored) == summary(network) and tables(stored, 32) == tables(network, 32)
        assert quantities(stored) == quantities(network) and profile(stored) == profile(network)


def test_a_point_of_a_table_prints_its_parameters_by_name() -> None:
    assert summary(POINT).line == "lr 0.1, op conv" and summary(POINT).heading == "parameters"
    assert [table.rows for table in tables(POINT, 32)] == [(("lr", "0.1"), ("op", "conv"))]


def test_networks_of_one_heading_share_it_and_others_are_networks() -> None:
    lines = [summary(STAGED), summary({**STAGED, "depths": [3, 4]})]
    assert heading(lines) == "stages: blocks x width"
    assert heading([*lines, summary(CELL)]) == heading([]) == "network"


@dataclass(frozen=True)
class Waves(SmallNetwork):
    """A stranger's kind: it has a profile, and quantities for each of its layers."""

    def profile(self) -> Profile:
        return Profile(values=self.widths, x="layer", y="height", unit="cm")

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        found = {"layers": float(len(self.widths)), **{f"h{at}": float(h) for at, h in enumerate(self.widths)}}
        return {name: value for name, value in found.items() if name not in told}


def test_quantities_of_a_part_count_where_all_networks_have_as_many_parts() -> None:
    two: list[Architecture] = [Waves((1, 2)), Waves((3, 4))]
    assert common_quantities(two) == {"layers": [2, 2], "h0": [1, 3], "h1": [2, 4]}
    assert common_quantities([*two, Waves((1, 2, 3))]) == {"layers": [2, 2, 3]}
    assert common_quantities(two, told=["layers", "h1"]) == {"h0": [1, 3]}
    assert common_quantities([*two, SmallNetwork()]) == common_quantities([]) == {}


def test_a_network_with_a_profile_is_drawn_by_it() -> None:
    draw = drawing(Waves((1, 4, 2)))
    assert draw is not None
    axes = Figure().add_subplot()
    draw(axes, {})
    assert axes.lines[0].get_ydata().tolist() == [1, 4, 2]  # type: ignore[union-attr]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("layer index", "height (cm)", "log")


def test_a_profile_that_is_not_positive_has_a_plain_axis() -> None:
    axes = Figure().add_subplot()
    draw_steps(axes, Profile(values=(0, 4, -2), x="layer", y="height", unit="cm"))
    assert axes.get_yscale() == "linear"


def test_a_kind_that_is_not_installed_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding out takes milliseconds, and a population has thousands of networks."""
    asked = []

    def installed(kind: str) -> dict[str, Any]:
        asked.append(kind)
        return {}

    monkeypatch.setattr(registry, "installed", installed)
    for _ in range(3):
        assert summary({"kind": "nobody's kind", "width": 1}).line == "nobody's kind: 1"
    assert asked == ["architecture"]
