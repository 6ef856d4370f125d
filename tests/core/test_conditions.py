"""Parameters that are active only under some values of another: points, law, stream, moves, derived spaces."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from regnas.architecture import Architecture
from regnas.condition import Condition, Hierarchy
from regnas.design_space import Params, Space, make_space
from regnas.dimension import Choice, Dimension, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.sampling.moves import feasible_mutant, into_window
from regnas.search_spaces.tabular.space import pooled, table
from regnas.studies.design.describe import feasibility
from regnas.system.files import write_csv
from regnas.tables.encoding import unit_cube
from regnas.tables.sources import load_trainings
from regnas.tables.table import TableError
from regnas.testing import SpaceRules, Toy, conditional_toy
from regnas.window import Window

# Loose ends of a cell: which node the second operation reads matters only where there is a second node.
LAWS: dict[str, Dimension] = {
    "nodes": Uniform(1, 3),
    "op_1": Choice(("conv", "pool")),
    "op_2": Choice(("conv", "pool")),
    "op_3": Choice(("conv", "pool")),
    "input_2": Choice((0, 1), ordered=False),
    "input_3": Choice((0, 1, 2), ordered=False),
    "kernel": Choice((3, 5, 7)),
    "width": LogUniform(4, 64, 4),
}
CONDITIONS = {
    "op_2": Condition("nodes", (2, 3)),
    "op_3": Condition("nodes", (3,)),
    "input_2": Condition("nodes", (2, 3)),
    "input_3": Condition("nodes", (3,)),
    "kernel": Condition("op_3", ("conv",)),
}


@dataclass(frozen=True, kw_only=True)
class CellSpace(Space):
    """A cell of up to three nodes; a network is what is active of a point."""

    laws: tuple[tuple[str, Dimension], ...] = tuple(LAWS.items())
    tree: tuple[tuple[str, Condition], ...] = tuple(CONDITIONS.items())

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        return {name: law for name, law in self.laws if name not in dict(self.ties)}

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return dict(self.tree)

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def decode(self, params: Params) -> Architecture:
        nodes = range(2, params["nodes"] + 1)
        active = {"nodes": params["nodes"], "op_1": params["op_1"], "width": params["width"]}
        active |= {f"{part}_{node}": params[f"{part}_{node}"] for node in nodes for part in ("op", "input")}
        if active.get("op_3") == "conv":
            active["kernel"] = params["kernel"]
        return Toy(tuple(sorted(active.items())), params["nodes"] * params["width"] / (3 * 64))


SPACE = CellSpace(name="cell")
WINDOWED = SPACE.within(Window.parse(flops="1.1M:1.4M"))
POINT = {"nodes": 3, "op_1": "conv", "op_2": "pool", "op_3": "conv", "input_2": 0, "input_3": 2, "kernel": 7}


class TestCells(SpaceRules):
    @pytest.fixture(autouse=True, params=["all", "window", "fixed", "tied", "tied to what may be inactive"])
    def _of_kind(self, request: pytest.FixtureRequest) -> None:
        made = {"window": WINDOWED, "fixed": SPACE.fix(nodes=2), "tied": SPACE.fix(op_2="op_1")}
        made["tied to what may be inactive"] = SPACE.fix(op_1="op_3")
        self._space: Space = made.get(request.param, SPACE)

    def make(self) -> Space:
        return self._space

    def test_networks_have_the_classes_of_the_data_set(self) -> None:
        """Toys are never built."""

    def test_equal_parameters_can_be_tied(self) -> None:
        if not self.make().ties:  # what is tied is no source of others
            super().test_equal_parameters_can_be_tied()


class TestTree(TestCells):
    @pytest.fixture(autouse=True, params=["all", "window"])
    def _of_kind(self, request: pytest.FixtureRequest) -> None:
        tree = conditional_toy()
        self._space = tree if request.param == "all" else tree.within(Window.parse(flops="1.1M:1.8M"))

    def test_equal_parameters_can_be_tied(self) -> None:
        """Optuna's distributions are not tied."""


# --- what is a condition ------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [(), (True,), ((1, 2),), (None,)])
def test_a_condition_names_numbers_or_words(values: Any) -> None:
    with pytest.raises(UsageError, match="a condition names the values of nodes under which a parameter is active"):
        Condition("nodes", values)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"wide": Condition("nodes", (2,))}, "a condition is on wide, and the parameters are nodes, op_1"),
        ({"op_2": Condition("node", (2,))}, "op_2 is active under values of node, and the parameters are nodes"),
        ({"op_2": Condition("op_2", ("conv",))}, "conditions go round in a circle: op_2 under op_2"),
        (
            {"op_1": Condition("op_2", ("conv",)), "op_2": Condition("op_1", ("conv",))},
            "conditions go round in a circle: op_",
        ),
    ],
)
def test_conditions_that_make_no_sense_are_refused(conditions: dict[str, Condition], said: str) -> None:
    space = replace(SPACE, tree=tuple(conditions.items()))
    with pytest.raises(UsageError, match=said):
        space.sample(1)


def test_a_value_that_the_parent_cannot_have_is_found() -> None:
    space = replace(SPACE, tree=(("op_2", Condition("nodes", (2, 4))),))
    with pytest.raises(UsageError, match="op_2 is active where nodes is 4, which is none of its values"):
        space.hierarchy.check()


# --- points -------------------------------------------------------------------------------------------------


def test_what_is_inactive_may_be_left_out_and_is_filled_in() -> None:
    whole = SPACE.complete({"nodes": 1, "op_1": "conv", "width": 8})
    assert list(whole) == list(LAWS)
    assert whole == SPACE.canonical({**POINT, "nodes": 1, "width": 8})
    assert SPACE.active(whole) == {"nodes": 1, "op_1": "conv", "width": 8}
    with pytest.raises(UsageError, match="cell needs a value for op_2, input_2$"):
        SPACE.complete({"nodes": 2, "op_1": "conv", "width": 8})


def test_a_chain_of_conditions_is_followed() -> None:
    whole = {**POINT, "width": 8}
    assert list(SPACE.active(whole)) == [*LAWS]
    assert "kernel" not in SPACE.active({**whole, "op_3": "pool"})
    assert "kernel" not in SPACE.active({**whole, "nodes": 2})


def test_another_value_of_what_is_inactive_is_no_second_point() -> None:
    whole = SPACE.complete({"nodes": 1, "op_1": "conv", "width": 8})
    assert SPACE.contains(whole)
    other = {**whole, "kernel": 3}
    assert not SPACE.contains(other)
    assert SPACE.canonical(other) == whole


def test_points_off_the_grid_are_put_on_it_before_their_conditions_are_looked_at() -> None:
    """Optuna's encoding of a logarithmic choice is looser than the choice."""
    laws = {"size": Choice((1, 8)), "more": Choice(("a", "b", "c"))}
    space = CellSpace(name="loose", laws=tuple(laws.items()), tree=(("more", Condition("size", (8,))),))
    assert space.canonical({"size": 6, "more": "c"}) == {"size": 8, "more": "c"}
    assert space.canonical({"size": 2}) == {"size": 1, "more": "b"}
    with pytest.raises(UsageError, match="needs a value for more"):
        space.canonical({"size": 6})


def test_a_trial_is_read_with_or_without_what_is_inactive() -> None:
    point = SPACE.sample(1)[0].params
    active = SPACE.active(point)
    assert SPACE.read(active) == SPACE.read(point) == SPACE.read({**point, "learning_rate": 0.1}) == point
    assert SPACE.read({name: active[name] for name in list(active)[1:]}) is None


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_the_canonical_form_is_one_point_for_each_network(data: st.DataObject) -> None:
    def drawn() -> Params:
        return {name: data.draw(st.sampled_from(law.levels(9)), name) for name, law in LAWS.items()}

    one, other = SPACE.canonical(drawn()), SPACE.canonical(drawn())
    assert SPACE.canonical(one) == one
    assert SPACE.decode(one).key() == SPACE.decode(SPACE.canonical(SPACE.active(one))).key()
    assert (one == other) == (SPACE.decode(one).key() == SPACE.decode(other).key())


# --- law and stream -----------------------------------------------------------------------------------------


def test_the_law_is_that_of_the_tree() -> None:
    """Chi-square over all points of the tree but the width, at 60,000 draws of a fixed seed."""
    columns = SPACE.draw(np.random.default_rng(3), 60_000)
    names = [name for name in LAWS if name != "width"]
    seen: dict[tuple[Any, ...], int] = {}
    for row in zip(*(columns[name].tolist() for name in names), strict=True):
        seen[row] = seen.get(row, 0) + 1
    expected: dict[tuple[Any, ...], float] = {}
    for values in itertools.product(*(LAWS[name].levels(9) for name in names)):
        point = SPACE.canonical({**dict(zip(names, values, strict=True)), "width": 4})
        key = tuple(point[name] for name in names)
        expected[key] = expected.get(key, 0.0) + 1 / np.prod([LAWS[name].size for name in names])
    assert set(seen) == set(expected)
    counts = [seen[key] for key in expected]
    assert chisquare(counts, np.array(list(expected.values())) * 60_000).pvalue > 1e-6


def test_columns_and_points_are_pinned_alike() -> None:
    columns = SPACE.at(np.random.default_rng(0).random((len(SPACE.free), 200)))
    for row in zip(*(values.tolist() for values in columns.values()), strict=True):
        point = dict(zip(columns, row, strict=True))
        assert SPACE.canonical(point) == point
    where = SPACE.hierarchy.where(columns)
    assert where["kernel"].tolist() == ((columns["nodes"] == 3) & (columns["op_3"] == "conv")).tolist()


def test_the_stream_of_a_small_tree_ends_with_all_its_networks() -> None:
    """Of one node 2, of two 2 * 2 * 2, of three 2 * 4 * 3 * 2 times 1 + 3 kernels halved."""
    space = SPACE.fix(width=8)
    expected = 2 + 2 * 2 * 2 + 2 * 2 * 2 * 3 * (1 + 3)
    found = space.sample(expected)
    assert len({one.architecture.key() for one in found}) == len({tuple(one.params.items()) for one in found})
    stream = space.stream(duplicates="allow")
    assert {next(stream).architecture.key() for _ in range(5000)} == {one.architecture.key() for one in found}


# --- moves --------------------------------------------------------------------------------------------------


def test_only_what_is_active_moves() -> None:
    rng = np.random.default_rng(0)
    for one in SPACE.sample(60):
        active = SPACE.active(one.params)
        for point in [*SPACE.neighbours(one.params), *(SPACE.mutate(one.params, rng) for _ in range(20))]:
            changed = [name for name in point if point[name] != one.params[name]]
            assert changed == [] or set(changed) & set(active), (one.params, point)
            assert SPACE.canonical(point) == point
            assert SPACE.decode(point).key() != one.architecture.key() or point == one.params


def test_what_a_mutation_makes_active_is_drawn_from_its_law() -> None:
    rng = np.random.default_rng(1)
    parent = SPACE.complete({"nodes": 1, "op_1": "conv", "width": 8})
    mutants = [SPACE.mutate(parent, rng) for _ in range(3000)]
    grown = [mutant for mutant in mutants if mutant["nodes"] == 3]
    inputs = [sum(mutant["input_3"] == value for mutant in grown) for value in (0, 1, 2)]
    assert chisquare(inputs).pvalue > 1e-6
    kernels = [sum(mutant["kernel"] == value for mutant in grown if mutant["op_3"] == "conv") for value in (3, 5, 7)]
    assert min(kernels) > 0 and chisquare(kernels).pvalue > 1e-6


def test_a_step_that_makes_parameters_active_leaves_them_in_the_middle_of_their_laws() -> None:
    parent = SPACE.complete({"nodes": 1, "op_1": "conv", "width": 8})
    grown = [point for point in SPACE.neighbours(parent) if point["nodes"] == 2]
    assert grown == [{**parent, "nodes": 2}]


def test_moves_into_a_window_end_on_canonical_points() -> None:
    rng = np.random.default_rng(0)
    for one in SPACE.sample(40):
        for found in (into_window(WINDOWED, one.params, rng), feasible_mutant(WINDOWED, one.params, rng)):
            assert found is not None
            assert SPACE.canonical(found.params) == found.params
            assert WINDOWED.judge(found.params) == found


def test_labels_all_lie_equally_far_apart() -> None:
    """The input of a node that is taken in place of one outside the window is any, not the one next to it."""
    laws: dict[str, Dimension] = {"node": Choice((1, 2, 3, 4), ordered=False)}

    @dataclass(frozen=True, kw_only=True)
    class Nodes(CellSpace):
        def decode(self, params: Params) -> Toy:
            return Toy(tuple(params.items()), float(params["node"] > 1))

    space = Nodes(name="nodes", laws=tuple(laws.items()), tree=()).within(Window.parse(flops="2M"))
    assert {point["node"] for point in space.neighbours({"node": 1})} == {2, 3, 4}
    rng = np.random.default_rng(0)
    found = [into_window(space, {"node": 1}, rng) for _ in range(60)]
    assert {one.params["node"] for one in found if one is not None} == {2, 3, 4}
    apart = unit_cube([{"node": node} for node in (1, 2, 4)], space.distributions)
    assert np.linalg.norm(apart[0] - apart[1]) == np.linalg.norm(apart[0] - apart[2])
    assert space.fix(node=[1, 2]).dimensions["node"] == Choice((1, 2), ordered=False)


# --- derived spaces -----------------------------------------------------------------------------------------


def test_what_can_never_be_active_is_fixed() -> None:
    two = SPACE.narrow(nodes=(1, 2))
    assert list(two.free) == ["nodes", "op_1", "op_2", "input_2", "width"]
    assert list(two.distributions) == list(two.free)
    assert two.sample(5, seed=1) == two.sample(5, seed=1)
    assert {one.params["kernel"] for one in two.sample(30)} == {5}
    assert all(SPACE.contains(one.params) for one in two.sample(30))
    pools = SPACE.fix(op_3="pool")
    assert "kernel" not in pools.free and "input_3" in pools.free


def test_what_is_always_active_is_free() -> None:
    three = SPACE.fix(nodes=3, op_3="conv")
    assert set(three.free) == set(LAWS) - {"nodes", "op_3"}
    assert all(set(three.active(one.params)) == set(LAWS) for one in three.sample(10))


def test_a_parameter_tied_to_an_inactive_one_makes_it_active() -> None:
    tied = SPACE.fix(op_1="op_2")
    assert "op_2" in tied.active({**POINT, "width": 8, "nodes": 1, "op_2": "conv"})
    drawn = tied.draw(np.random.default_rng(0), 2000)
    pools = drawn["op_1"] == "pool"
    assert abs(pools[drawn["nodes"] == 1].mean() - 0.5) < 5 * (0.25 / (drawn["nodes"] == 1).sum()) ** 0.5


def test_a_condition_on_a_tied_parameter_is_on_the_one_that_gives_the_value() -> None:
    tied = SPACE.fix(op_3="op_1")
    assert "kernel" in tied.active(tied.complete({**POINT, "width": 8, "op_3": "conv"}))
    assert "kernel" not in tied.active({**POINT, "width": 8, "op_1": "pool", "op_3": "pool"})
    assert "kernel" not in tied.fix(op_1="pool").free


# --- in Optuna ----------------------------------------------------------------------------------------------


def test_a_trial_is_asked_for_what_is_active_parents_first() -> None:
    order = [name for name in LAWS if name != "nodes"] + ["nodes"]  # the parent stands last
    space = replace(SPACE, laws=tuple((name, LAWS[name]) for name in order))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    shapes = set()
    for _ in range(40):
        trial = study.ask()
        network = space.suggest(trial)
        point = space.read(trial.params)
        assert point is not None and space.decode(point) == network
        assert set(trial.params) == set(space.active(point))
        shapes.add(frozenset(trial.params))
        study.tell(trial, 0.0)
    assert len(shapes) == 4


def test_a_space_without_conditions_has_none() -> None:
    plain = replace(SPACE, tree=())
    assert plain.free == {name: law for name, law in LAWS.items()}
    assert plain.active(POINT) == POINT
    assert Hierarchy(LAWS, {}, {}).active({}) == list(LAWS)


# --- files --------------------------------------------------------------------------------------------------


def test_columns_of_parameters_stand_in_the_order_of_the_space(tmp_path: Path) -> None:
    """Though the first row has not all of them."""
    points = [SPACE.complete({"nodes": 1, "op_1": "conv", "width": 8}), {**POINT, "width": 8}]
    write_csv(tmp_path / "t.csv", [{"params_by_name": SPACE.active(point)} for point in points])
    first, second = csv.DictReader((tmp_path / "t.csv").open())
    assert [name for name in first if name.startswith("param.")] == [f"param.{name}" for name in LAWS]
    assert first["param.kernel"] == "" and second["param.kernel"] == "7"


def test_a_space_tells_how_often_what_is_conditional_is_active() -> None:
    report = feasibility(WINDOWED, draws=20_000)
    assert list(report["active"]) == list(CONDITIONS)
    assert report["active"]["op_3"]["draws"] == pytest.approx(1 / 3, abs=0.02)
    assert report["active"]["kernel"]["draws"] == pytest.approx(1 / 6, abs=0.02)
    assert 0 < report["active"]["kernel"]["accepted"] < 1
    assert "active" not in feasibility(replace(SPACE, tree=()), draws=1000)


def test_a_pool_of_a_space_with_conditions_has_its_points() -> None:
    points = [one.params for one in SPACE.sample(40)]
    pool = pooled(SPACE, [SPACE.active(point) for point in points])
    assert {one.architecture.key() for one in pool.sample(40)} == {SPACE.decode(point).key() for point in points}
    loose = {**points[0], "nodes": 1, "kernel": 3}
    assert pool.canonical(loose) in points
    small = pool.fix(kernel=3)
    assert {small.decode(point).key() for point in small.points} == {
        SPACE.decode(point).key() for point in points if SPACE.active(point).get("kernel", 3) == 3
    }


def test_a_table_may_leave_out_what_is_inactive_beside_an_architecture(tmp_path: Path) -> None:
    file = _of_networks(tmp_path)
    assert load_trainings(str(file)).points == ({"length": 1}, {"length": 2, "cell": "a"})
    with pytest.raises(TableError, match="some param.NAME are empty, as of conditional parameters"):
        table(str(file))


def _of_networks(folder: Path) -> Path:
    """A table of two networks, of which the second has a parameter more."""
    networks = [one.architecture.to_json() for one in make_space("nasbench201").sample(2)]
    points = [{"length": 1}, {"length": 2, "cell": "a"}]
    rows = [
        {"index": at, "error": 0.1, "architecture": network, "state": "COMPLETE", "params_by_name": point}
        for at, (network, point) in enumerate(zip(networks, points, strict=True))
    ]
    write_csv(folder / "networks.csv", rows)
    return folder / "networks.csv"
