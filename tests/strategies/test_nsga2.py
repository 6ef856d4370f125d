"""NSGA-II: fronts, crowding, the population, and the trade-off it finds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from regnas.design_space import Params, Space, make_space
from regnas.errors import UsageError
from regnas.strategies.nsga2 import NSGA2, crowded_order, crowding_distance, make, non_dominated_sort
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.window import Window

# A toy's flops are (1 + mean of its parameters) million.
SPACE: Space = DistributionSpace.of({f"x{number}": FloatDistribution(0.0, 1.0) for number in range(5)})
POINTS = arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 4).map(float))


def error(params: Params) -> float:
    """The first parameter lowers the error, every other raises it: the front is where the others are 0."""
    return float(1 - params["x0"] + 0.5 * sum(params[f"x{number}"] for number in range(1, 5)))


def hypervolume(errors: list[float], costs: list[float], worst: tuple[float, float]) -> float:
    """The area that points dominate below a worst error and a worst cost; of the front above, points without gap, it is
    worst[0] * worst[1] minus the area below the front.
    """
    area, lowest = 0.0, worst[0]
    for cost, value in sorted(zip(costs, errors, strict=True)):
        if cost < worst[1] and value < lowest:
            area += (lowest - value) * (worst[1] - cost)
            lowest = value
    return area


def searched(strategy: str, seed: int, trials: int) -> float:
    """The hypervolume of the trials of a search, below an error of 3 and 2M flops."""
    study = optuna.create_study(sampler=make_strategy(strategy, SPACE, seed=seed))
    for _ in range(trials):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, error(trial.params))
    costs = [1 + sum(trial.params.values()) / 5 for trial in study.trials]
    return hypervolume([trial.values[0] for trial in study.trials], costs, (3.0, 2.0))


# --- the sort and the crowding --------------------------------------------------------------------------------


def test_ranks_by_hand() -> None:
    """(1, 5), (2, 3) and (4, 1) dominate the others or tie; (2, 5) loses to the first front only; (4, 5) to (2, 5)."""
    values = np.array([[4.0, 5.0], [2.0, 3.0], [1.0, 5.0], [2.0, 5.0], [4.0, 1.0]])
    assert non_dominated_sort(values).tolist() == [2, 0, 0, 1, 0]


@given(POINTS)
def test_ranks_are_what_they_are_defined_as(values: npt.NDArray[np.float64]) -> None:
    """A point has rank r where the points that dominate it have ranks below r, and one of them r - 1."""
    ranks = non_dominated_sort(values).tolist()
    for point, rank in zip(values, ranks, strict=True):
        above = [
            other_rank
            for other, other_rank in zip(values, ranks, strict=True)
            if (other <= point).all() and (other < point).any()
        ]
        assert rank == max(above, default=-1) + 1


def test_crowding_by_hand() -> None:
    """Spans are 4 and 4: (3 - 1)/4 + (5 - 2)/4 for the second point, (5 - 2)/4 + (4 - 1)/4 for the third."""
    front = np.array([[3.0, 2.0], [1.0, 5.0], [5.0, 1.0], [2.0, 4.0]])
    assert crowding_distance(front).tolist() == [1.5, np.inf, np.inf, 1.25]


def test_points_without_spread_are_crowded() -> None:
    assert crowding_distance(np.ones((4, 2))).tolist()[1:3] == [0, 0]


@given(POINTS)
def test_the_crowded_order_puts_fronts_first_and_lonely_points_before_crowded_ones(
    values: npt.NDArray[np.float64],
) -> None:
    order = crowded_order(values)
    assert sorted(order.tolist()) == list(range(len(values)))
    ranks = non_dominated_sort(values)
    for rank in range(int(ranks.max()) + 1):
        front = np.flatnonzero(ranks == rank)
        distance = dict(zip(front.tolist(), crowding_distance(values[front]).tolist(), strict=True))
        placed = [distance[number] for number in order.tolist() if ranks[number] == rank]
        assert placed == sorted(placed, reverse=True)
    assert np.all(np.diff(ranks[order]) >= 0)


# --- the population -------------------------------------------------------------------------------------------


def test_the_worst_member_leaves() -> None:
    """The second point is dominated and leaves first. Then four lie on the front; by hand, the first is the crowded
    one: 0.25 / 0.85 + 0.55 / 0.85 against 0.8 / 0.85 + 0.4 / 0.85 of the fourth.
    """
    inner = NSGA2(SPACE, objectives=("flops",), population=3, crossover=0.9)
    study = study_of(inner)
    for place, value in [(0.1, 0.5), (0.5, 0.9), (0.9, 0.1), (0.3, 0.4), (0.05, 0.95)]:
        tell(study, inner, point(place), value)
    assert sorted(values[0] for values, _, _ in inner._members) == [0.1, 0.4, 0.95]


def test_one_network_is_one_member() -> None:
    inner = NSGA2(SPACE, objectives=("flops",), population=3, crossover=0.9)
    study = study_of(inner)
    for value in (0.5, 0.4, 0.6):
        tell(study, inner, point(0.5), value)
    assert [values for values, _, _ in inner._members] == [(0.5, 1.5e6)]


def test_a_maximised_study_keeps_its_largest_values() -> None:
    inner = NSGA2(SPACE, objectives=("flops",), population=2, crossover=0.9)
    study = study_of(inner, "maximize")
    for place, value in [(0.5, 3.0), (0.6, 7.0), (0.7, 1.0)]:
        tell(study, inner, point(place), value)
    assert {values[0] for values, _, _ in inner._members} == {-3.0, -7.0}


def test_failed_pruned_and_foreign_trials_are_no_members() -> None:
    inner = NSGA2(SPACE, objectives=("flops",), population=2, crossover=0.9)
    study = study_of(inner)
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    study.add_trial(optuna.create_trial(state=TrialState.PRUNED, params=point(0.5), distributions=SPACE.distributions))
    study.add_trial(optuna.create_trial(value=0.1, params={"y": 1.0}, distributions={"y": FloatDistribution(0, 2)}))
    study.ask()
    assert inner.sample_relative(study, study.trials[-1], SPACE.distributions) == {}
    assert inner._members == []


@pytest.mark.parametrize("cut", [3, 7, 20])
def test_it_resumes_with_the_same_population_and_goes_on_the_same_way(cut: int) -> None:
    options = {"population": 5}
    whole = study_of(make(SPACE, seed=5, options=options))
    run(whole, 30)
    storage = optuna.storages.InMemoryStorage()
    run(study_of(make(SPACE, seed=5, options=options), storage=storage), cut)
    resumed = study_of(make(SPACE, seed=5, options=options), storage=storage)
    run(resumed, 30 - cut)
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in whole.trials]


def test_a_child_has_its_values_from_two_parents_but_for_one_mutation() -> None:
    """In an open window nothing has to make up for the mutation."""
    inner = NSGA2(SPACE, objectives=("flops",), population=4, crossover=1.0)
    study = study_of(inner)
    for number in range(4):
        tell(study, inner, {name: number / 4 + index / 100 for index, name in enumerate(SPACE.distributions)}, 0.5)
    members = [params for _, _, params in inner._members]
    study.ask()
    mixed = 0
    for key in range(100):
        inner.rekey(key)
        child = inner.sample_relative(study, study.trials[-1], SPACE.distributions)
        own = [name for name in child if all(child[name] != member[name] for member in members)]
        assert len(own) <= 1
        mixed += all(sum(child[name] != member[name] for name in child) > 1 for member in members)
    assert mixed > 20  # both parents are one member in 7 of 16 tournaments at most


# --- what it finds --------------------------------------------------------------------------------------------


def test_it_covers_more_of_the_trade_off_than_random_search() -> None:
    """The front is the line from (error 1, 1M) to (0, 1.2M). Seeds are paired: if there were no difference, nsga2 would
    win all of 10 of them with probability 2^-10 = 0.1 %.
    """
    gains = [searched("nsga2", seed, 100) - searched("random", seed, 100) for seed in range(10)]
    assert min(gains) > 0


def test_of_the_best_possible_trade_off_it_covers_most() -> None:
    """The front dominates 3 * 1 - 0.2 * 0.5 = 2.9 of the area below (3, 2M)."""
    assert 0.85 * 2.9 < searched("nsga2", 0, 300) <= 2.9


@pytest.mark.parametrize("objectives", ["params", "flops|params|activations"])
def test_it_works_in_a_window_with_other_objectives(objectives: str) -> None:
    space = make_space("regnetx").within(Window.parse(flops="200M:400M"))
    study = optuna.create_study(sampler=make_strategy(f"nsga2[objectives={objectives},population=5]", space, seed=0))
    for _ in range(20):
        trial = study.ask(space.distributions)
        assert space.judge(space.canonical(trial.params)) is not None
        study.tell(trial, abs(trial.params["depth"] - 20) / 100)


@pytest.mark.parametrize(
    "options",
    [
        {"objectives": "lateness"},
        {"objectives": "flops|flops"},
        {"objectives": ""},
        {"population": 1},
        {"crossover": 1.5},
        {"crossover": True},
        {"populaton": 10},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="nsga2"):
        make(SPACE, seed=0, options=options)


# --- helpers --------------------------------------------------------------------------------------------------


def study_of(sampler: Any, direction: Literal["minimize", "maximize"] = "minimize", storage: Any = None) -> Any:
    return optuna.create_study(
        storage=storage, study_name="nsga2", load_if_exists=True, sampler=sampler, direction=direction
    )


def run(study: optuna.Study, count: int) -> None:
    for _ in range(count):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, error(trial.params))


def point(place: float) -> Params:
    return {name: place for name in SPACE.distributions}


def tell(study: optuna.Study, inner: NSGA2, params: Params, value: float) -> None:
    study.add_trial(optuna.create_trial(value=value, params=params, distributions=SPACE.distributions))
    inner.after_trial(study, study.trials[-1], TrialState.COMPLETE, [value])
