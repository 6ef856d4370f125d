"""The Gaussian process: start-up, windows, trials that are not its own, and what it finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from scipy.stats import norm

from regnas.design_space import Params, Space, make_space
from regnas.errors import UsageError
from regnas.strategies.gp import make
from regnas.strategies.models.expected_improvement import expected_improvement
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.window import Window

pytestmark = pytest.mark.usefixtures("quiet_optuna")

SQUARE: Space = DistributionSpace.of({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})
CORNER = SQUARE.within(Window.parse(flops="1.8M:"))  # (x + y) / 2 of at least 0.8


def bowl(params: Params) -> float:
    return float((params["x"] - 0.7) ** 2 + (params["y"] - 0.4) ** 2)


def run(strategy: str, space: Space, trials: int, seed: int = 0) -> optuna.Study:
    study = optuna.create_study(sampler=make_strategy(strategy, space, seed=seed))
    for _ in range(trials):
        trial = study.ask(space.distributions)
        study.tell(trial, bowl(trial.params))
    return study


def test_the_first_candidates_are_those_of_random_search() -> None:
    expected = [candidate.params for candidate in SQUARE.sample(6, seed=9)]
    assert [trial.params for trial in run("gp[startup=6]", SQUARE, 6, seed=9).trials] == expected


def test_it_finds_the_bottom_of_a_bowl_before_random_search_does() -> None:
    """The best of 20 random points is within 0.02 of the bottom with probability 20 * pi * 0.02^2 = 2.5 %, and all
    three of these seeds with 2e-5.
    """
    for seed in range(3):
        assert run("gp[startup=5,noise=false]", SQUARE, 20, seed).best_value < 0.02**2


@pytest.mark.slow
def test_it_finds_the_best_of_a_window_that_leaves_the_bottom_out() -> None:
    """The window cuts the bottom of the bowl off; inside, it is lowest at (0.95, 0.65), 0.125. A share of 0.2 % of the
    window is below 0.127: a segment of the circle of radius sqrt(0.127), 2/3 * 0.089 * 0.0028, in a triangle of 0.08.
    """
    study = run("gp[startup=5,noise=false]", CORNER, 25)
    assert all((trial.params["x"] + trial.params["y"]) / 2 >= 0.8 - 1e-6 for trial in study.trials)
    assert study.best_value < 0.127


def test_a_choice_that_is_used_up_moves_on_to_its_neighbours() -> None:
    """All 25 networks of a space are proposed, each once."""
    space = DistributionSpace.of({name: CategoricalDistribution(tuple("abcde")) for name in "xy"})
    study = optuna.create_study(sampler=make_strategy("gp[startup=4]", space, seed=0))
    for _ in range(25):
        trial = study.ask(space.distributions)
        study.tell(trial, float("abcde".index(trial.params["x"])))
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 25


def test_trials_of_another_space_do_not_count() -> None:
    proposals = []
    for foreign in (0, 3):
        sampler: Any = make(SQUARE, seed=0, options={"startup": 4})
        study = optuna.create_study(sampler=sampler)
        for number in range(foreign):
            law = FloatDistribution(0.0, 9.0)
            study.add_trial(optuna.create_trial(value=0.0, params={"z": float(number)}, distributions={"z": law}))
        for candidate in SQUARE.sample(6, seed=1):
            study.add_trial(
                optuna.create_trial(
                    value=bowl(candidate.params), params=candidate.params, distributions=SQUARE.distributions
                )
            )
        study.add_trial(optuna.create_trial(state=TrialState.FAIL))
        sampler.assign(7)
        proposals.append(list(study.ask(SQUARE.distributions).params.values()))
    assert np.allclose(proposals[0], proposals[1], atol=1e-6)


@pytest.mark.filterwarnings("ignore:Clip non-finite values")
def test_a_diverged_training_is_no_obstacle() -> None:
    study = optuna.create_study(sampler=make_strategy("gp[startup=4]", CORNER, seed=0))
    for number in range(8):
        trial = study.ask(CORNER.distributions)
        study.tell(trial, float("inf") if number % 3 == 0 else bowl(trial.params))
    assert all(CORNER.judge(CORNER.canonical(trial.params)) is not None for trial in study.trials)


def test_it_proposes_networks_of_a_narrow_window() -> None:
    space = make_space("regnetx").within(Window.parse(flops="388M:400M"))
    study = optuna.create_study(sampler=make_strategy("gp[startup=4]", space, seed=0))
    keys = set()
    for _ in range(7):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None
        keys.add(candidate.architecture.key())
        study.tell(trial, abs(trial.params["depth"] - 20) / 100)
    assert len(keys) == 7


def test_expected_improvement_against_its_integral() -> None:
    """E[max(0, best - f)] of normal f, by a sum over 20,000 quantiles."""
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for mean, deviation, best in [(0.0, 1.0, 0.0), (1.0, 0.5, 0.2), (-2.0, 0.1, 0.3)]:
        expected = np.maximum(0, best - mean - deviation * quantiles).mean()
        found = expected_improvement(np.array([mean]), np.array([deviation]), best)
        assert found == pytest.approx([expected], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("options", [{"startup": 1}, {"noise": 1}, {"start": 10}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="gp"):
        make(SQUARE, seed=0, options=options)
