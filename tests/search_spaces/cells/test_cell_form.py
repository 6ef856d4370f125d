"""One form for all encodings of a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import InvalidArchitecture
from regnas.search_spaces.cells import nds
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS, canonical_numbers, edges_of
from regnas.search_spaces.cells.cell import Cell, loose_ends, parse_edges
from regnas.search_spaces.cells.operations import CODES, NAMES

# 25 cells with another encoding of each and their form, by an independent implementation.
VECTORS = json.loads((Path(__file__).parents[2] / "data" / "cell-networks.json").read_text())["canonical"]
SPACES = {space.name: space for space in (nds.nasnet(), nds.amoebanet(), nds.pnas(), nds.enas(), nds.darts())}

Edges = tuple[tuple[str, int], ...]


@st.composite
def some_edges(draw: st.DrawFn, nodes: int | None = None) -> Edges:
    count = draw(st.integers(1, 5)) if nodes is None else nodes
    return tuple((draw(st.sampled_from(NAMES)), draw(st.integers(0, place // 2 + 1))) for place in range(2 * count))


def with_loose_ends(edges: Edges) -> Cell:
    return Cell(edges, loose_ends((start for name, start in edges if name != "none"), len(edges) // 2))


def relabelled(edges: Edges, rng: np.random.Generator) -> tuple[Edges, dict[int, int]]:
    """The same cell with its nodes in another order, and edges swapped: and the new number of every node."""
    nodes = {number: edges[2 * number - 4 : 2 * number - 2] for number in range(INPUTS, len(edges) // 2 + INPUTS)}
    places = {number: number for number in range(INPUTS)}
    found: list[tuple[str, int]] = []
    while len(places) < len(nodes) + INPUTS:
        ready = [one for one in nodes if one not in places and all(start in places for _, start in nodes[one])]
        one = ready[int(rng.integers(len(ready)))]
        pair = [(name, places[start]) for name, start in nodes[one]]
        found += pair if rng.random() < 0.5 else pair[::-1]
        places[one] = len(places)
    return tuple(found), places


def drawn(name: str, count: int) -> Iterator[Edges]:
    space = SPACES[name]
    columns = space.draw(np.random.default_rng(7), count)
    for row in range(count):
        yield tuple(space.edges("normal", {one: values[row : row + 1].tolist()[0] for one, values in columns.items()}))


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_forms_are_those_of_another_implementation(vector: dict[str, Any]) -> None:
    space = SPACES[vector["space"]]
    for encoding in (vector["edges"], vector["same_as"], vector["canonical"]):
        cell = Cell(tuple(map(tuple, encoding)), space.concat([start for _, start in encoding]))
        assert [list(edge) for edge in cell.edges] == vector["canonical"]
        assert list(cell.concat) == vector["canonical_concat"]


@pytest.mark.parametrize("name", SPACES)
def test_a_thousand_relabelled_cells_of_each_space_are_the_same_cells(name: str) -> None:
    space, rng = SPACES[name], np.random.default_rng(1)
    for edges in drawn(name, 1_000):
        other, _ = relabelled(edges, rng)
        starts = [[start for op, start in one if op != "none"] for one in (edges, other)]
        assert Cell(edges, space.concat(starts[0])) == Cell(other, space.concat(starts[1]))


@pytest.mark.parametrize("name", SPACES)
def test_a_thousand_different_cells_of_each_space_stay_different(name: str) -> None:
    """One operation is another one: the operations of the two cells differ, so the cells do, however numbered."""
    space, rng = SPACES[name], np.random.default_rng(2)
    operations = [op for op in space.dimensions["normal_0_op_x"].levels(100) if op != "none"]
    for edges in drawn(name, 1_000):
        place = int(rng.integers(len(edges)))
        op, start = edges[place]
        others = [one for one in operations if one != op]
        changed = list(edges)
        changed[place] = (others[int(rng.integers(len(others)))], start)
        assert with_loose_ends(edges).edges != with_loose_ends(tuple(changed)).edges


def test_forms_separate_all_cells_of_two_nodes_and_two_operations() -> None:
    """Against brute force: two encodings are one cell where an order of nodes and edges makes one of the other."""
    ops = ("conv_1x1", "skip_connect")
    firsts = list(product(ops, range(2), ops, range(2)))
    encodings: list[Edges] = [
        ((a, i), (b, j), (c, k), (d, m))
        for a, i, b, j in firsts
        for c, k, d, m in product(ops, range(3), ops, range(3))
    ]
    classes = {frozenset(_all_encodings(edges)) for edges in encodings}
    assert len({Cell(edges, (2, 3)) for edges in encodings}) == len(classes)


def _all_encodings(edges: Edges) -> Iterator[Edges]:
    nodes = {2: edges[:2], 3: edges[2:]}
    for order in permutations((2, 3)):
        places = {0: 0, 1: 1, **{number: place for place, number in enumerate(order, 2)}}
        if all(places[start] < places[number] for number in nodes for _, start in nodes[number]):
            numbered = [[(name, places[start]) for name, start in nodes[number]] for number in order]
            for first, second in product(*(permutations(pair) for pair in numbered)):
                yield (*first, *second)


@given(some_edges(), st.data())
def test_arrays_and_single_cells_have_the_same_form(edges: Edges, data: st.DataObject) -> None:
    other = data.draw(some_edges(len(edges) // 2))
    both = (edges, other)
    inputs = np.array([[start for _, start in one] for one in both]).T
    ops = np.array([[CODES[name] for name, _ in one] for one in both]).T
    starts, names = edges_of(canonical_numbers(inputs, ops), len(edges) // 2)
    for column, one in enumerate(both):
        found = tuple((NAMES[op], start) for op, start in zip(names[:, column], starts[:, column], strict=True))
        assert found == with_loose_ends(one).edges


@given(some_edges(), st.integers(0, 1 << 20), st.data())
def test_a_given_output_is_renumbered_with_the_nodes(edges: Edges, seed: int, data: st.DataObject) -> None:
    nodes = range(INPUTS, len(edges) // 2 + INPUTS)
    concat = data.draw(st.sets(st.sampled_from(nodes), min_size=1).map(sorted))
    other, places = relabelled(edges, np.random.default_rng(seed))
    assert Cell(edges, tuple(concat)) == Cell(other, tuple(places[node] for node in concat))


@given(some_edges())
def test_the_form_of_a_form_is_itself_and_its_text_reads_back(edges: Edges) -> None:
    cell = with_loose_ends(edges)
    assert Cell(cell.edges, cell.concat) == cell
    assert parse_edges(cell.text) == cell.edges


def test_twenty_equal_edges_take_no_time() -> None:
    """Equal nodes can be in any order: 5,040 of seven are not tried."""
    edges = (("conv_1x1", 0),) * 14
    assert Cell(edges, tuple(range(2, 9))).edges == edges


@pytest.mark.parametrize(
    ("edges", "concat", "says"),
    [
        ((("conv_1x1", 0), ("pool", 1)), (2,), "node 2 has an operation that there is not, 'pool'"),
        ((("conv_1x1", 0), ("conv_1x1", 2)), (2,), "node 2 takes conv_1x1 of 2"),
        ((("conv_1x1", 0), ("conv_1x1", -1)), (2,), "node 2 takes conv_1x1 of -1"),
        ((("conv_1x1", 0), ("conv_1x1", True)), (2,), "node 2 takes conv_1x1 of True"),
        ((("conv_1x1", 0),), (2,), "got 1 edges"),
        ((("conv_1x1", 0), ("conv_1x1",)), (2,), "an edge of node 2"),
        ((), (2,), "got 0 edges"),
        ((("conv_1x1", 0),) * 16, (2,), "got 16 edges"),
        ((("conv_1x1", 0),) * 2, (), "one or more of its inputs and nodes, 0 to 2"),
        ((("conv_1x1", 0),) * 2, (3,), "one or more of its inputs and nodes, 0 to 2"),
        ((("conv_1x1", 0),) * 2, (2, 2), "each once"),
    ],
)
def test_what_is_no_cell_is_refused(edges: Any, concat: Any, says: str) -> None:
    with pytest.raises(InvalidArchitecture, match=says):
        Cell(edges, concat)


def test_an_input_is_no_output_of_cells_as_nds_stacks_them() -> None:
    through = Cell((("conv_1x1", 0),) * 2, (1, 2))
    with pytest.raises(
        InvalidArchitecture, match="normal cell: the output of a cell is one or more of its nodes, 2 to 2"
    ):
        Cells(through, through, width=16, depth=5)


@pytest.mark.parametrize("text", ["", "sep3@0", "sep3@0+skip@1+skip@0", "sep3@0+skip", "sep3@0+skip@1 / ", "c2@0+c1@0"])
def test_what_is_no_line_of_a_cell_is_refused(text: str) -> None:
    with pytest.raises(InvalidArchitecture, match="node"):
        parse_edges(text)
