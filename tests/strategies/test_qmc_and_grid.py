"""Quasi-random and grid search: which points, in which order, and what happens at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats.qmc import discrepancy

from regnas.design_space import Params, Space, make_space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.window import Window

pytestmark = pytest.mark.usefixtures("quiet_optuna")

CUBE: Space = DistributionSpace.of({name: FloatDistribution(0.0, 1.0) for name in "xyz"})
MIXED: Space = DistributionSpace.of(
    {
        "x": FloatDistribution(0.0, 1.0),
        "n": IntDistribution(1, 5),
        "name": CategoricalDistribution(("a", "b", "c")),
    }
)
NARROW = make_space("regnetx").within(Window.parse(flops="388M:400M"))


def run(strategy: str, space: Space, count: int, *, seed: int = 0, storage: Any = None, **options: Any) -> list[Params]:
    study = optuna.create_study(
        storage=storage,
        study_name="points",
        load_if_exists=True,
        sampler=make_strategy(strategy, space, seed=seed, **options),
    )
    for _ in range(count):
        study.tell(study.ask(space.distributions), 0.5)
    return [trial.params for trial in study.trials]


def _different(found: list[Params]) -> int:
    return len({tuple(one.items()) for one in found})


# --- both -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["qmc", "grid[levels=8]"])
def test_points_depend_on_the_seed_alone(strategy: str) -> None:
    found = run(strategy, MIXED, 30, seed=3)
    assert found == run(strategy, MIXED, 30, seed=3)
    assert found[:10] == run(strategy, MIXED, 10, seed=3)
    assert found != run(strategy, MIXED, 30, seed=4)


@pytest.mark.parametrize("strategy", ["qmc", "grid[levels=8]"])
def test_a_search_goes_on_at_its_index(strategy: str) -> None:
    storage = optuna.storages.InMemoryStorage()
    run(strategy, MIXED, 7, storage=storage)
    assert run(strategy, MIXED, 8, storage=storage) == run(strategy, MIXED, 15)


@pytest.mark.parametrize("strategy", ["qmc", "grid[levels=8]"])
def test_in_a_narrow_window_no_trial_is_wasted(strategy: str) -> None:
    """3 % of the flops: of a grid of 64,512 points 64 networks are left."""
    found = [NARROW.judge(NARROW.canonical(one)) for one in run(strategy, NARROW, 40)]
    assert len({one.architecture.key() for one in found if one is not None}) == 40


@pytest.mark.parametrize("strategy", ["qmc[scramble=true]", "grid[steps=3]", "grid[levels=2.5]", "grid[levels=-1]"])
def test_options_that_make_no_sense_are_refused(strategy: str) -> None:
    with pytest.raises(UsageError):
        make_strategy(strategy, MIXED, seed=0)


# --- qmc --------------------------------------------------------------------------------------------------------


def test_quasi_random_points_fill_a_cube_more_evenly_than_random_ones() -> None:
    """Centred discrepancy of 128 points in these seeds: 0.00013 or less, and at random 0.0019 or more."""
    for seed in range(5):
        even, random = (
            discrepancy(np.array([list(one.values()) for one in run(strategy, CUBE, 128, seed=seed)]))
            for strategy in ("qmc", "random")
        )
        assert even < random / 10


def test_every_stretch_of_a_parameter_gets_its_share_of_quasi_random_points() -> None:
    """The first 64 points of a scrambled Sobol sequence: 4 in each sixteenth of every axis, exactly."""
    found = run("qmc", CUBE, 64)
    for name in "xyz":
        shares = np.bincount([int(16 * one[name]) for one in found], minlength=16)
        assert shares.tolist() == [4] * 16


def test_quasi_random_points_keep_the_law_of_the_space() -> None:
    """A log-uniform parameter: 64 points, a quarter each in four stretches of equal probability."""
    space = DistributionSpace.of({"x": FloatDistribution(1.0, 16.0, log=True), "y": FloatDistribution(0.0, 1.0)})
    shares = np.bincount([int(np.log2(one["x"])) for one in run("qmc", space, 64)], minlength=4)
    assert shares.tolist() == [16] * 4


def test_quasi_random_search_goes_through_all_cells_of_nasbench201_and_no_further() -> None:
    space = make_space("nasbench201[op_01=none,op_02=none,op_12=none]")
    assert _different(run("qmc", space, 125)) == 125
    with pytest.raises(InfeasibleWindow, match="125 different networks"):
        run("qmc", space, 126)


# --- grid -------------------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_once() -> None:
    space = make_space("nasbench201[op_01=none,op_02=none,op_12=none]")
    found = run("grid", space, 125)
    assert _different(found) == 125


def test_levels_are_evenly_spaced_in_the_law() -> None:
    found = run("grid[levels=4]", MIXED, 48)
    assert _different(found) == 48
    assert sorted({one["x"] for one in found}) == [0.125, 0.375, 0.625, 0.875]
    assert len({one["n"] for one in found}) == 4
    assert sorted({one["name"] for one in found}) == ["a", "b", "c"]


def test_a_parameter_with_no_more_values_than_levels_has_all_of_them() -> None:
    found = run("grid[levels=5]", MIXED, 75)
    assert sorted({one["n"] for one in found}) == [1, 2, 3, 4, 5]
    law = make_space("regnetx[wa=8:9]").dimensions["wa"]
    assert law.levels(law.size) == [tick / 10 for tick in range(80, 91)]  # log-uniform, and yet every value once


def test_the_order_mixes_the_values_of_every_parameter() -> None:
    """The first 30 of 10,000 points hold 8 of 10 values of every parameter or more.

    A shuffled order holds fewer with probability below 3e-3 per parameter, and the seed is fixed.
    """
    space = DistributionSpace.of({name: IntDistribution(1, 10) for name in "wxyz"})
    found = run("grid", space, 30)
    assert all(len({one[name] for one in found}) >= 8 for name in "wxyz")


def test_a_grid_that_is_too_large_names_its_sizes_and_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"at most 100,000 points.*depth 60 x w0 32.*levels=8 or fewer"):
        make_strategy("grid", make_space("regnetx"), seed=0)
    make_strategy("grid[levels=8]", make_space("regnetx"), seed=0)
    with pytest.raises(UsageError, match="levels=8 or fewer"):
        make_strategy("grid[levels=9]", make_space("regnetx"), seed=0)


def test_a_grid_of_many_parameters_that_no_levels_make_small_enough_says_so() -> None:
    space = DistributionSpace.of({f"p{number}": FloatDistribution(0.0, 1.0) for number in range(30)})
    with pytest.raises(UsageError, match="fix some parameters"):
        make_strategy("grid", space, seed=0)


def test_an_exhausted_grid_says_so_and_starts_over_where_repeats_are_allowed() -> None:
    space = MIXED.within(Window.parse(flops="1.3M:1.6M"))
    sampler = make_strategy("grid[levels=4]", space, seed=0)
    study = optuna.create_study(sampler=sampler)
    with pytest.raises(InfeasibleWindow, match=r"all 48 points of the grid.*duplicates allow"):
        for _ in range(49):
            study.tell(study.ask(space.distributions), 0.5)
    inside = len([trial for trial in study.trials if trial.params])
    assert 0 < inside < 48
    found = run("grid[levels=4]", space, 2 * inside, duplicates="allow")
    assert found[:inside] == found[inside:] and _different(found) == inside


def test_a_grid_without_a_network_in_the_window_ends_even_where_repeats_are_allowed() -> None:
    space = MIXED.within(Window.parse(flops=":1.001M"))
    with pytest.raises(InfeasibleWindow, match="0 are different networks"):
        run("grid[levels=2]", space, 1, duplicates="allow")


def test_tied_and_fixed_parameters_are_no_axes_of_the_grid() -> None:
    space = make_space("regnetx[w0=wa,wm=2.4,depth=12:15,bottleneck_ratio=1,group_width=8]")
    for candidate in [space.canonical(one) for one in run("grid[levels=50]", space, 20)]:
        assert candidate["w0"] == candidate["wa"] and candidate["wm"] == 2.4
