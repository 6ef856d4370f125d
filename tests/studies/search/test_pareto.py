"""Fronts of error against complexity."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.studies.search.pareto import front
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
Point = tuple[float, float]


def dominates(one: Point, other: Point) -> bool:
    return one[0] <= other[0] and one[1] <= other[1] and one != other


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_a_front_is_what_no_point_dominates(points: list[Point]) -> None:
    found = front(points)
    assert sorted(found) == [
        place for place, point in enumerate(points) if not any(dominates(other, point) for other in points)
    ]
    assert [points[place] for place in found] == sorted(points[place] for place in found)


def test_equal_points_are_all_on_the_front_and_half_equal_ones_are_not() -> None:
    assert front([(1, 5), (2, 3), (1, 5), (1, 6), (2, 4), (3, 3)]) == [0, 2, 1]
    assert front([]) == []


def test_a_search_lists_its_fronts_and_draws_them(fast_search: Search) -> None:
    result = fast_search(12, pareto=["flops", "params"])
    assert list(result.fronts) == ["flops", "params"]
    for name, rows in result.fronts.items():
        places = [(row[name], row["error"]) for row in rows]
        assert places == sorted(places) and rows[-1]["error"] == result.best.error
        everyone = [(row[name], row["error"]) for row in result.rows]
        assert {place for place in everyone if not any(dominates(one, place) for one in everyone)} == set(places)
    with (result.folder / "pareto.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    listed = [(name, row["index"], row["error"]) for name, rows in result.fronts.items() for row in rows]
    assert [(row["front"], int(row["index"]), float(row["error"])) for row in table] == listed
    assert list(table[0])[:6] == ["front", "index", "error", "flops", "params", "activations"]
    assert "param.depth" in table[0]
    assert (result.folder / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert "validation error" in (result.folder / "pareto.svg").read_text()


def test_a_finished_search_can_be_asked_for_its_fronts(fast_search: Search, fast: Any) -> None:
    assert fast_search(5).fronts == {}
    result = fast_search(5, pareto=("activations",))
    assert len(fast.lines()) == 5 and result.fronts["activations"]


def test_pruned_candidates_are_on_no_front(fast_search: Search) -> None:
    result = fast_search(12, evaluator="curve", pruner="asha", pareto=["flops"])
    assert {row["state"] for row in result.fronts["flops"]} == {"COMPLETE"}


def test_the_command_prints_the_fronts(regnas_command: Any, fast: Any) -> None:
    words = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", "j.journal")
    code, printed, _ = regnas_command(*words, "--budget", 6, "--pareto", "flops", "--pareto", "params")
    assert code == 0
    assert "No other is better in flops and in error" in printed and "in params and in error" in printed


def test_an_unknown_complexity_is_refused(fast_search: Search) -> None:
    with pytest.raises(UsageError, match="there is no measure 'lateness', installed: flops, params, activations"):
        fast_search(1, pareto=["lateness"])
