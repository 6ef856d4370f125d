"""NNI's policy gradient as a strategy."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution

from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.window import Window

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")
pytest.importorskip("tianshou", reason="tianshou is not installed: pip install 'regnas[nni-rl]'")

NARROW = make_space("regnetx").within(Window.parse(flops="360M:400M"))
SWITCHES = DistributionSpace.of({name: CategoricalDistribution(("off", "on")) for name in "abcdefgh"})


def run(
    space: Space, count: int, strategy: str = "nni-rl[update=5]", study: optuna.Study | None = None
) -> list[dict[str, Any]]:
    """The parameters of ``count`` trials; the error is the share of values that are the first of their kind."""
    if study is None:
        study = optuna.create_study(sampler=make_strategy(strategy, space, seed=0, duplicates="allow"))
    for _ in range(count):
        trial = study.ask(space.distributions)
        values = [float(str(value) == "off" or value == 1) for value in trial.params.values()]
        study.tell(trial, sum(values) / len(values))
    return [trial.params for trial in study.trials]


def test_every_trial_is_a_new_network_of_a_narrow_window() -> None:
    study = optuna.create_study(sampler=make_strategy("nni-rl[update=5]", NARROW, seed=0))
    found = [NARROW.judge(NARROW.canonical(params)) for params in run(NARROW, 30, study=study)]
    assert len({one.architecture.key() for one in found if one is not None}) == 30


def test_a_search_that_stops_half_way_goes_on_as_if_it_had_not() -> None:
    straight = run(SWITCHES, 24)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(2):
        sampler = make_strategy("nni-rl[update=5]", SWITCHES, seed=0, duplicates="allow")
        study = optuna.create_study(storage=storage, study_name="halves", load_if_exists=True, sampler=sampler)
        run(SWITCHES, 12, study=study)
    assert [trial.params for trial in study.trials] == straight


def test_asks_need_no_tell_and_failures_are_no_obstacle() -> None:
    study = optuna.create_study(sampler=make_strategy("nni-rl[update=2]", NARROW, seed=0))
    trials = [study.ask(NARROW.distributions) for _ in range(6)]
    study.tell(trials[3], state=optuna.trial.TrialState.FAIL)
    for at in (5, 0, 2, 1, 4):
        study.tell(trials[at], 0.5)
    assert study.ask(NARROW.distributions).params


def test_the_global_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before = pickle.dumps((torch.random.get_rng_state().tolist(), np.random.get_state()))
    run(SWITCHES, 12)
    assert pickle.dumps((torch.random.get_rng_state().tolist(), np.random.get_state())) == before


def test_it_learns_which_values_are_good() -> None:
    """Of a random network half of the four switches are on: of the last 50 together with a standard error of 0.035."""
    space = DistributionSpace.of({name: CategoricalDistribution(("off", "on")) for name in "abcd"})
    found = run(space, 200, "nni-rl[update=20]")
    assert np.mean([sum(value == "on" for value in params.values()) for params in found[-50:]]) / 4 > 0.8


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        make_strategy("nni-rl[update=0]", NARROW, seed=0)
