"""NNI's algorithms as strategies: the rules of strategies, resuming, and no wasted trial in a narrow window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from regnas.design_space import Params, Space, make_space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.plugins import registry, spec
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace, StrategyRules
from regnas.window import Window

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

NARROW = make_space("regnetx").within(Window.parse(flops="360M:400M"))
MODELS = ("nni-evolution[population=5]", "nni-tpe[startup=5]")
SQUARE = DistributionSpace.of({name: FloatDistribution(0.0, 1.0) for name in "xy"})
CORNER = SQUARE.within(Window.parse(flops="1.8M:"))  # (x + y) / 2 of at least 0.8


def error(params: Params) -> float:
    """A made-up error of a RegNet: the nearer to 20 blocks and w0 = 64, the better."""
    return float(abs(params["depth"] - 20) / 100 + abs(params["w0"] - 64) / 1000)


def tell(study: optuna.Study, space: Space, count: int) -> list[Params]:
    """The parameters of ``count`` more trials, told one by one."""
    found = []
    for _ in range(count):
        trial = study.ask(space.distributions)
        study.tell(trial, error(trial.params))
        found.append(trial.params)
    return found


class _OfSpec(StrategyRules):
    _spec: str

    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        name, _, own = spec.parse(self._spec, "strategy")
        made: BaseSampler = registry.load("strategy", name)(
            space, seed=seed, options={**options, **spec.json_options(own)}
        )
        return made


class TestOnToy(_OfSpec):
    @pytest.fixture(autouse=True, params=["nni-random", *MODELS])
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec = request.param


class TestOnRegNetX(_OfSpec):
    @pytest.fixture(autouse=True, params=["nni-random", *MODELS])
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec = request.param

    def space(self) -> Space:
        return make_space("regnetx").within(Window.parse(flops="200M:1G"))


class TestGrid(_OfSpec):
    _spec = "nni-grid"

    def test_seeds_matter(self) -> None:
        """Not here: a grid is a grid."""
        assert self._run(15, seed=3) == self._run(15, seed=4)


@pytest.mark.parametrize("strategy", ["nni-random", "nni-evolution[population=20]", "nni-tpe", "nni-grid"])
def test_a_hundred_proposals_in_a_narrow_window_are_feasible_and_different(strategy: str) -> None:
    study = optuna.create_study(sampler=make_strategy(strategy, NARROW, seed=0))
    tell(study, NARROW, 100)
    found = [NARROW.judge(NARROW.canonical(trial.params)) for trial in study.trials]
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 100
    assert len({one.architecture.key() for one in found if one is not None}) == 100


@pytest.mark.parametrize("strategy", [*MODELS, "nni-random", "nni-grid"])
def test_a_search_that_stops_half_way_goes_on_as_if_it_had_not(strategy: str) -> None:
    straight = tell(optuna.create_study(sampler=make_strategy(strategy, NARROW, seed=1)), NARROW, 20)
    storage = optuna.storages.InMemoryStorage()
    halves: list[Params] = []
    for _ in range(2):
        sampler = make_strategy(strategy, NARROW, seed=1)
        study = optuna.create_study(storage=storage, study_name="halves", load_if_exists=True, sampler=sampler)
        halves += tell(study, NARROW, 10)
    assert halves == straight


@pytest.mark.parametrize("strategy", MODELS)
def test_the_first_candidates_are_those_of_random_search(strategy: str) -> None:
    found = tell(optuna.create_study(sampler=make_strategy(strategy, NARROW, seed=2)), NARROW, 5)
    assert found == [candidate.params for candidate in NARROW.sample(5, seed=2)]


@pytest.mark.parametrize("strategy", ["nni-evolution[population=10,tournament=5,mutation=0.3]", "nni-tpe[startup=10]"])
def test_it_learns(strategy: str) -> None:
    """Random candidates have a mean error of 0.208 with a spread of 0.133, so the mean of 20 has a standard error of
    0.030: below 0.148 they are better by two of them.
    """
    space = make_space("regnetx")
    found = tell(optuna.create_study(sampler=make_strategy(strategy, space, seed=0)), space, 60)
    assert np.mean([error(params) for params in found[40:]]) < 0.148


def test_a_child_of_nni_s_evolution_has_its_parent_s_values() -> None:
    strategy = "nni-evolution[population=5,tournament=5]"
    space = make_space("regnetx")
    found = tell(optuna.create_study(sampler=make_strategy(strategy, space, seed=0)), space, 25)
    for at in range(10, 25):
        shared = max(sum(found[at][name] == old[name] for name in old) for old in found[:at])
        assert shared >= 3  # mutating four of six at once has a chance of 1e-4


def test_a_grid_ends_with_an_error_and_not_in_silence() -> None:
    space = DistributionSpace.of({"name": CategoricalDistribution(("a", "b", "c"))})
    study = optuna.create_study(sampler=make_strategy("nni-grid", space, seed=0))
    for _ in range(3):
        study.tell(study.ask(space.distributions), 0.5)
    with pytest.raises(InfeasibleWindow, match="all 3 points of NNI's grids .* 3 are different networks"):
        study.ask(space.distributions)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("nni-tpe[startup=0]", "at least 1"),
        ("nni-evolution[population=5,tournament=6]", "tournament of 1 to the population"),
        ("nni-evolution[mutation=1.5]", "mutation above 0 and up to 1"),
        ("nni-random[population=5]", "no option 'population'"),
    ],
)
def test_options_that_make_no_sense_are_refused(strategy: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_strategy(strategy, NARROW, seed=0)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    for strategy in ("nni-random", "nni-evolution[population=5]", "nni-tpe[startup=5]", "nni-grid"):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=make_strategy(strategy, CORNER, seed=0))
        for _ in range(10):
            study.tell(study.ask(CORNER.distributions), 0.5)
    assert capfd.readouterr() == ("", "")
