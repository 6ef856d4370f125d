"""Strategies and samplers of Optuna in a space where some parameters are active only under a value of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState

from regnas.condition import Condition
from regnas.design_space import Params, Space
from regnas.errors import UsageError
from regnas.strategies import FeasibleSampler, grid
from regnas.strategies.grid import GridPoints
from regnas.strategies.sampling.tree import tree_points
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace, conditional_toy
from regnas.window import Window

TREE = conditional_toy()
WINDOWED = TREE.within(Window.parse(flops="1.1M:1.8M"))
SAMPLERS: dict[str, Callable[[], BaseSampler]] = {
    "tpe": lambda: TPESampler(seed=0, n_startup_trials=5, multivariate=True),
    "tpe in groups": lambda: TPESampler(seed=0, n_startup_trials=5, multivariate=True, group=True),
    "tpe one by one": lambda: TPESampler(seed=0, n_startup_trials=5, multivariate=False),
    "gp": lambda: GPSampler(seed=0, n_startup_trials=8),
    "cma-es": lambda: CmaEsSampler(seed=0, n_startup_trials=5),
    "nsga2": lambda: NSGAIISampler(seed=0, population_size=6),
}


def error(space: Space, params: Params) -> float:
    """Best where chains are deep, end in b, and sizes are 0.3."""
    active = space.active(space.canonical(params))
    return float(abs(active["size"] - 0.3) + 0.3 * (active.get("end") != "b") + 0.1 * (active["kind"] != "deep"))


def objective(space: Space) -> Callable[[optuna.Trial], float]:
    def run(trial: optuna.Trial) -> float:
        space.suggest(trial)
        return error(space, trial.params)

    return run


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_of_optuna_propose_new_networks_define_by_run_and_go_on(name: str) -> None:
    storage = optuna.storages.InMemoryStorage()
    for _ in range(2):
        sampler = FeasibleSampler(WINDOWED, SAMPLERS[name](), seed=0)
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True, sampler=sampler)
        study.optimize(objective(WINDOWED), n_trials=10)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 20
    points = [TREE.canonical(trial.params) for trial in study.trials]
    assert all(WINDOWED.judge(point) is not None for point in points)
    assert len({TREE.decode(point).key() for point in points}) == 20
    # What was not suggested is there all the same, or joint models would leave most trials out.
    assert [trial.params for trial in study.trials] == [dict(point) for point in points]
    assert all(trial.distributions == TREE.distributions for trial in study.trials)


def test_plain_samplers_are_asked_for_what_is_active_alone() -> None:
    study = optuna.create_study(sampler=TPESampler(seed=0, n_startup_trials=5))
    study.optimize(objective(TREE), n_trials=20)
    for trial in study.trials:
        assert set(trial.params) == set(TREE.active(TREE.canonical(trial.params)))


@pytest.mark.parametrize("strategy", ["random", "tpe", "evolution", "local-search", "nsga2[population=4]", "predictor"])
def test_strategies_learn_from_trials_that_hold_what_is_active_alone(strategy: str) -> None:
    """A study begun with a plain sampler goes on, and none of its networks is proposed again."""
    storage = optuna.storages.InMemoryStorage()
    plain = optuna.create_study(storage=storage, study_name="s", sampler=optuna.samplers.RandomSampler(seed=0))
    plain.optimize(objective(TREE), n_trials=12)
    sampler = make_strategy(strategy, TREE, seed=0)
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True, sampler=sampler)
    study.optimize(objective(TREE), n_trials=12)
    keys = {TREE.decode(TREE.canonical(trial.params)).key() for trial in study.trials}
    assert len(keys) == 24


def test_tpe_learns_which_branch_is_good() -> None:
    """Deep chains that end in b are one network in nine under the law: some 9 of the last 80, and none 40 by chance."""
    good = 0
    for seed in range(4):
        study = optuna.create_study(sampler=make_strategy("tpe", TREE, seed=seed))
        for _ in range(40):
            trial = study.ask(TREE.distributions)
            study.tell(trial, error(TREE, trial.params))
        active = [TREE.active(trial.params) for trial in study.trials[20:]]
        good += sum(one.get("end") == "b" for one in active)
    assert good >= 40


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"kind": "plain", "size": 0.5}, {"kind": "plain", "size": 0.5}),
        ({"kind": "deep", "size": 0.5, "depth": 4, "end": "b"}, {"kind": "deep", "depth": 4, "end": "b"}),
        ({"kind": "wide"}, {"kind": "wide"}),
        ({"kind": "plain", "width": 0.9}, {"kind": "plain"}),
    ],
)
def test_points_are_enqueued_with_or_without_what_is_inactive(given: dict[str, Any], kept: dict[str, Any]) -> None:
    sampler = FeasibleSampler(TREE, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(given)
    study.optimize(objective(TREE), n_trials=3)
    point = TREE.canonical(study.trials[0].params)
    assert {name: point[name] for name in kept} == kept
    assert sampler.proposed is not None
    assert len({TREE.decode(TREE.canonical(trial.params)).key() for trial in study.trials}) == 3


# --- grids --------------------------------------------------------------------------------------------------


def test_the_grid_of_a_tree_has_every_network_once() -> None:
    """2 sizes times 1 plain, 2 wide ones, and 2 + 4 * 2 deep ones."""
    points = GridPoints(TREE.fix(size=0.5), levels=6, seed=0, again=True)
    columns = points(1000)
    assert len(columns["kind"]) == 1 + 6 + 2 + 4 * 2
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
    assert all(TREE.fix(size=0.5).canonical(row) == row for row in rows)
    assert len({TREE.decode(row).key() for row in rows}) == len(rows)


def test_a_grid_counts_what_is_active_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    laws: dict[str, Any] = {"kind": CategoricalDistribution(("one", "many"))}
    laws |= {f"x{at}": IntDistribution(1, 10) for at in range(6)}
    conditions = {"x0": Condition("kind", ("one",))} | {f"x{at}": Condition("kind", ("many",)) for at in range(1, 6)}
    space = DistributionSpace.of(laws, conditions=conditions)
    values = {name: law.levels(3) for name, law in space.free.items()}
    found = tree_points(space, values, 1000)
    assert found is not None and len(found) == 3 + 3**5
    assert tree_points(space, values, 3 + 3**5 - 1) is None
    monkeypatch.setattr(grid, "LARGEST", 300)  # of 2 * 3^6 combinations 3 + 3^5 are points of the tree
    with pytest.raises(UsageError, match=r"has more; take levels=3 or fewer"):
        GridPoints(space, levels=0, seed=0)
    study = optuna.create_study(sampler=make_strategy("grid[levels=2]", space, seed=0))
    keys = set()
    for _ in range(2 + 2**5):
        trial = study.ask(space.distributions)
        keys.add(space.decode(space.canonical(trial.params)).key())
        study.tell(trial, 0.0)
    assert len(keys) == 2 + 2**5
