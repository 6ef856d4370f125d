"""Optuna's own conformance cases, run on a space made from each case's distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase
from optuna.trial import FrozenTrial, TrialState

from regnas.strategies import FeasibleSampler
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace

STRATEGIES = ("random", "tpe[startup=1]", "evolution[population=2,tournament=2]")


class OnAnyDistributions(BaseSampler):
    """A strategy where the space is not known beforehand: a toy space for every set of distributions asked for.

    The strategy gets the joint space of the completed trials, as Optuna's own samplers infer it, and a space of one
    parameter for what is left. Cases ask for more points than small spaces hold, so repeats are allowed.
    """

    def __init__(self, strategy: str) -> None:
        self._strategy = strategy
        self._samplers: dict[frozenset[tuple[str, BaseDistribution]], FeasibleSampler] = {}
        self._joint = IntersectionSearchSpace()

    def _of(self, distributions: dict[str, BaseDistribution]) -> FeasibleSampler:
        key = frozenset(distributions.items())
        if key not in self._samplers:
            made = make_strategy(self._strategy, DistributionSpace.of(distributions), seed=0, duplicates="allow")
            assert isinstance(made, FeasibleSampler)
            self._samplers[key] = made
        return self._samplers[key]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        free = {name: law for name, law in self._joint.calculate(study).items() if not law.single()}
        return self._of(free).infer_relative_search_space(study, trial) if free else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(search_space).sample_relative(study, trial, search_space) if search_space else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        alone = {param_name: param_distribution}
        return self._of(alone).sample_relative(study, trial, alone)[param_name]

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        for sampler in list(self._samplers.values()):
            sampler.after_trial(study, trial, state, values)


class _Cases:
    @pytest.fixture(params=STRATEGIES)
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: OnAnyDistributions(request.param)


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
class TestBasicCases(_Cases, BasicSamplerTestCase):
    pass


class TestRelativeCases(_Cases, RelativeSamplerTestCase):
    pass
