"""Two strategies: a sampler of Optuna's, and one made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, QMCSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.strategies import FeasibleSampler
from regnas.strategy import own_options


def sobol(space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
    """Points of a scrambled Sobol sequence, or the network of the space nearest to each."""
    own_options(options, "sobol", {})
    inner = QMCSampler(scramble=True, seed=seed)
    return FeasibleSampler(space, inner, seed=seed, duplicates=options["duplicates"])


def climb(space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
    """Mutations of the best network so far. Option ``startup``: random candidates before the first one."""
    chosen = own_options(options, "climb", {"startup": 3})
    return FeasibleSampler(space, Climber(space, **chosen), seed=seed, duplicates=options["duplicates"])


class Climber(BaseSampler):
    """Proposes; what lies outside the window or was seen before, `FeasibleSampler` asks for again."""

    def __init__(self, space: Space, *, startup: int) -> None:
        self._space = space
        self._startup = startup
        self._rng = np.random.default_rng(0)

    def rekey(self, seed: int) -> None:
        """Called before every candidate: the same index draws the same numbers, also after a failure."""
        self._rng = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < self._startup:
            return {}  # no opinion yet: a random candidate is taken
        child = self._space.mutate(self._space.canonical(study.best_trial.params), self._rng)
        return {name: child[name] for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError("climb proposes all parameters together")
