"""The figure of the best and the worst networks of a comparison, whatever their kind."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import regnas
from regnas.studies.compare.figures.networks import networks
from regnas.studies.populations.population import Population, from_arrays
from regnas.studies.populations.quantities import quantities


def population(space: str, count: int = 6) -> Population:
    """Networks of a space; the first ones are the best."""
    architectures = tuple(one.architecture.to_json() for one in regnas.space(space).sample(count))
    return from_arrays(space, np.linspace(0.1, 0.6, count), architectures=architectures)


def drawn(*populations: Population) -> Any:
    summaries, names = [SimpleNamespace(population=one) for one in populations], [one.name for one in populations]
    comparison: Any = SimpleNamespace(summaries=summaries, called=names)
    return networks(comparison)


def test_networks_of_stages_are_drawn_over_one_another() -> None:
    one = population("regnetx")
    best, worst = drawn(one).axes
    assert [len(axes.lines) for axes in (best, worst)] == [3, 3]
    assert best.get_title() == "regnetx, best errors" and worst.lines[0].get_label() == "60.0%"
    first: Any = one.architectures[0]
    assert best.lines[0].get_ydata().tolist() == np.repeat(first["widths"], first["depths"]).tolist()
    assert best.get_ylim() == worst.get_ylim() and best.get_yscale() == "log"


def test_cells_are_drawn_one_by_one() -> None:
    figure = drawn(population("nasbench201"))
    assert [axes.get_title() for axes in figure.axes] == [
        "nasbench201, best error 10.0%",
        "nasbench201, worst error 60.0%",
    ]
    assert all(len(axes.patches) == 6 for axes in figure.axes)


def test_spaces_of_different_families_are_drawn_one_by_one() -> None:
    figure = drawn(population("nasbench201"), population("regnetx"))
    assert [len(axes.lines) for axes in figure.axes[2:]] == [1, 1]


@pytest.mark.parametrize("stored", [None, {"kind": "cell", "width": 3}])
def test_networks_without_a_picture_are_left_out(stored: Any) -> None:
    unknown = from_arrays("table", [0.1, 0.2, 0.3], architectures=(stored,) * 3)
    assert drawn(unknown) is None
    assert len(drawn(unknown, population("regnetx")).axes) == 2


def test_a_kind_without_views_is_left_out(without_views: None) -> None:
    assert drawn(population("nasbench201")) is None and quantities(population("nasbench201")) == {}


def test_the_quantities_of_cells_are_their_features() -> None:
    found = quantities(population("nasbench201", 40))
    assert {"paths", "longest_conv_path", "count_nor_conv_3x3"} <= set(found) and "e_fit" not in found


def test_numbers_of_nodes_are_no_quantities() -> None:
    networks = regnas.space("darts").sample(12)
    values = {name: np.array([float(one.params[name]) for one in networks]) for name in ("normal_2_input_y", "width")}
    one = from_arrays("darts", np.linspace(0.1, 0.6, 12), values=values, settings={"space": "darts"})
    assert list(quantities(one)) == ["width"]
    assert list(quantities(replace(one, settings={}))) == ["normal_2_input_y", "width"]
