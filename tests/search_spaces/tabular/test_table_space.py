"""The space ``table:FILE``, and pools of points of any space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from regnas.architecture import Architecture
from regnas.design_space import Space, make_space
from regnas.dimension import Choice
from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.tabular.space import PoolSpace, TableSpace, pooled, table
from regnas.strategy import make_strategy
from regnas.system.optuna_internals import contains
from regnas.tables.point import Point
from regnas.tables.sources import load_table
from regnas.testing import ArchitectureRules, SpaceRules
from regnas.window import Bounds, Window

OPERATIONS = ("conv", "none", "pool")
WIDTHS = (8, 16, 32, 64)
CELLS = list(itertools.product(OPERATIONS, OPERATIONS, OPERATIONS, OPERATIONS, WIDTHS, WIDTHS))  # 1,296 networks


def _write(folder: Path, count: int = len(CELLS)) -> str:
    """A table of every combination, or of some, where every network costs something else."""
    names = ["op_1", "op_2", "op_3", "op_4", "width_1", "width_2"]
    rows = [",".join([*(f"param.{name}" for name in names), "error,flops,params,activations"])]
    for place in np.random.default_rng(0).permutation(len(CELLS))[:count].tolist():
        rows.append(",".join(map(str, [*CELLS[place], place / len(CELLS), 1000 + place, 500 + place, 10 + place])))
    path = folder / "t.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


class TestWholeTable(SpaceRules):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self._path = _write(tmp_path)

    def make(self) -> Space:
        return make_space(f"table:{self._path}")

    def test_networks_have_the_classes_of_the_data_set(self) -> None:
        with pytest.raises(UsageError, match="cannot be built; take --evaluator table"):
            self.make().sample(1)[0].architecture.build()


class TestPoints(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        return [Point((("b", 2.5), ("classes", classes), ("a", op)), 9, 8, 7) for op in ("conv", "pool")]

    # What modules must do: a point has none.
    test_network_maps_images_to_logits = None  # type: ignore[assignment]
    test_initial_weights_follow_the_seed_of_torch = None  # type: ignore[assignment]
    test_every_parameter_learns = None  # type: ignore[assignment]


def test_parameters_are_the_values_that_occur(tmp_path: Path) -> None:
    space = make_space(f"table:{_write(tmp_path)}")
    assert isinstance(space, TableSpace)
    assert dict(space.dimensions) == {
        **{f"op_{place}": Choice(OPERATIONS) for place in (1, 2, 3, 4)},
        **{f"width_{place}": Choice(WIDTHS) for place in (1, 2)},
    }
    assert contains(space.distributions["width_1"], 20) and not contains(space.distributions["op_1"], 3)


def test_every_network_is_the_row_of_its_parameters(tmp_path: Path) -> None:
    file = _write(tmp_path)
    space, rows = make_space(f"table:{file}"), load_table(file)
    assert rows.points is not None
    for candidate in space.sample(50):
        row = rows.row(candidate.architecture.key())
        assert row is not None and rows.points[row] == candidate.params
        assert candidate.complexity.flops == rows.flops[row]


def test_without_a_table_the_error_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="table:FILE, a CSV or JSONL file with columns param.NAME"):
        make_space("table")
    with pytest.raises(UsageError, match="there is no table none.csv"):
        make_space("table:none.csv")
    network = make_space("regnetx").sample(1)[0].architecture.to_json()
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"error": 0.5, "architecture": {network}}}\n'.replace("'", '"'))
    with pytest.raises(UsageError, match="no columns param.NAME, so it is no space of its own"):
        table(str(path))


def test_a_space_that_takes_no_argument_says_so() -> None:
    with pytest.raises(UsageError, match=r"options in brackets, regnetx\[key=value\]"):
        make_space("regnetx:somewhere")


def test_a_value_that_does_not_occur_is_refused(tmp_path: Path) -> None:
    space = make_space(f"table:{_write(tmp_path)}")
    with pytest.raises(UsageError, match="op_1 of table:.* is one of conv, none, pool"):
        space.fix(op_1="skip")
    with pytest.raises(InvalidArchitecture, match="has no network"):
        space.decode({**space.sample(1)[0].params, "op_1": "skip"})


def test_there_is_no_window_on_a_cost_that_the_table_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("error,param.a,flops\n0.1,x,5\n0.2,y,\n")
    space = make_space(f"table:{path}")
    for window, name in ((Window(flops=Bounds(high=9)), "--flops"), (Window(activations=Bounds(low=1)), "--acts")):
        with pytest.raises(UsageError, match=f"filled in for every network.*leave out {name}"):
            space.within(window)
    assert len(space.within(Window()).sample(2)) == 2


# --- pools --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(tmp_path: Path) -> PoolSpace:
    found = make_space(f"table:{_write(tmp_path, count=60)}")
    assert isinstance(found, PoolSpace)
    return found


def test_a_table_with_gaps_is_a_pool_of_what_is_there(pool: PoolSpace) -> None:
    assert len(pool.points) == 60
    sample = pool.sample(60)
    assert {tuple(one.params.items()) for one in sample} == {tuple(point.items()) for point in pool.points}
    assert all(pool.contains(one.params) and pool.judge(one.params) is not None for one in sample)
    assert make_space(pool.spec) == pool


def test_points_of_a_pool_are_equally_likely(pool: PoolSpace) -> None:
    """6,000 draws of 60 points: each 100 with sd 10; 60 points outside 6 sd: below 1e-6 of false alarm."""
    columns = pool.draw(np.random.default_rng(1), 6000)
    drawn = list(zip(*(columns[name].tolist() for name in pool.points[0]), strict=True))
    counts = [drawn.count(tuple(point.values())) for point in pool.points]
    assert sum(counts) == 6000 and 40 <= min(counts) and max(counts) <= 160


def test_a_point_outside_the_pool_is_not_in_the_space_and_becomes_the_nearest_one(pool: PoolSpace) -> None:
    there = {tuple(point.values()) for point in pool.points}
    outside = next(cell for cell in CELLS if cell not in there)
    params = dict(zip(pool.points[0], outside, strict=True))
    assert pool.member(params) == "not in the pool" and pool.judge(params) is None and not pool.contains(params)
    nearest = pool.canonical(params)
    assert tuple(nearest.values()) in there

    def steps(point: dict[str, object]) -> float:
        """Distance in the unit cube by hand: .98 for another operation, a third for every doubled width."""
        words = sum(2 * 0.7**2 for name in point if name.startswith("op") and point[name] != params[name])
        ranks = [(WIDTHS.index(point[name]), WIDTHS.index(params[name])) for name in ("width_1", "width_2")]
        return words + sum(((one - other) / 3) ** 2 for one, other in ranks)

    assert steps(nearest) == pytest.approx(min(map(steps, pool.points)))


def test_moves_lead_to_the_eight_nearest_points(pool: PoolSpace) -> None:
    point = pool.points[0]
    near = pool.neighbours(point)
    assert len(near) == 8 and point not in near and all(one in pool.points for one in near)
    rng = np.random.default_rng(0)
    moved = [pool.mutate(point, rng) for _ in range(200)]
    assert all(one in near for one in moved) and len({tuple(one.items()) for one in moved}) == 8


def test_a_derived_pool_keeps_the_points_in_its_ranges(pool: PoolSpace) -> None:
    fixed = pool.fix(op_1="conv")
    assert fixed.points and fixed.points == tuple(point for point in pool.points if point["op_1"] == "conv")
    assert "op_1" not in fixed.distributions and fixed.spec.endswith("[op_1=conv]")
    assert make_space(fixed.spec) == fixed
    tied = pool.fix(width_2="width_1")
    assert tied.points == tuple(point for point in pool.points if point["width_1"] == point["width_2"])
    one = pool.points[0]
    alone = pool.fix(**{name: one[name] for name in list(one)[:-1]})
    assert alone.points and alone.mutate(dict(alone.points[0]), np.random.default_rng(0)) in alone.points
    missing = next(cell for cell in CELLS if cell not in {tuple(point.values()) for point in pool.points})
    with pytest.raises(UsageError, match="none of the 60 networks of the pool"):
        pool.fix(**dict(zip(one, missing, strict=True))).sample(1)


def test_a_window_holds_the_points_that_cost_so_much(pool: PoolSpace) -> None:
    costs = sorted(one.complexity.flops for one in pool.sample(60))
    inside = pool.within(Window(flops=Bounds(costs[10], costs[19])))
    assert sorted(one.complexity.flops for one in inside.sample(10)) == costs[10:20]


def test_spread_points_of_the_law_become_points_of_the_pool(pool: PoolSpace) -> None:
    uniforms = np.random.default_rng(2).random((len(pool.distributions), 50))
    columns = pool.at(uniforms)
    found = [
        dict(zip(columns, values, strict=True)) for values in zip(*(c.tolist() for c in columns.values()), strict=True)
    ]
    assert all(point in pool.points for point in found) and len({tuple(one.items()) for one in found}) > 10


def test_a_pool_of_points_of_any_space_decodes_as_that_space() -> None:
    rows = load_table("recorded:fashion-mnist/regnetx")
    assert rows.points is not None
    space = pooled(make_space("regnetx").on(rows.images), rows.points)
    found = space.sample(100)
    assert {rows.row(one.architecture.key()) for one in found} == set(range(100))
    assert space.resolution == 28 and space.spec == "regnetx" and space.name == "regnetx"
    smaller = space.on(make_space("regnetx").images)
    assert smaller.batch(smaller.draw(np.random.default_rng(0), 5)).complexity(28) is not None


def test_a_pool_needs_points_of_its_space() -> None:
    with pytest.raises(UsageError, match="needs points, got none"):
        pooled(make_space("regnetx"), [])
    with pytest.raises(UsageError, match="has no parameter op"):
        pooled(make_space("regnetx"), [{"op": 1}])


@pytest.mark.parametrize("strategy", ["random", "tpe", "evolution"])
def test_strategies_try_every_network_of_a_small_pool_once(pool: PoolSpace, strategy: str) -> None:
    import optuna

    sampler = make_strategy(strategy, pool, seed=0)
    study = optuna.create_study(sampler=sampler)
    keys = set()
    for _ in range(60):
        trial = study.ask(pool.distributions)
        keys.add(pool.suggest(trial).key())
        study.tell(trial, float(len(keys)))
    assert len(keys) == 60
