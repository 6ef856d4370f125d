"""NNI's random strategy, over a model space that samples inside the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.space import RegnasSpace
from regnas.strategies.nni.engine import OneProposal, proposal, sample_of
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategy import own_options

if TYPE_CHECKING:
    from optuna.study import Study


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """NNI's random search: as `random`, with NNI's random numbers."""
    own_options(options, "nni-random", {})
    return FeasibleSampler(space, Drawn(space), seed=seed, duplicates=options.get("duplicates", "reject"))


class Drawn(ProposesWhole):
    """The inner sampler: NNI's ``Random``, made anew for every candidate."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self._kind: Any = load("nni.nas.strategy").Random
        self._model_space = RegnasSpace(space)
        self._strategy: Any = None

    def rekey(self, seed: int) -> None:
        self._strategy = self._kind(seed=seed % 2**32)
        self._strategy.initialize(self._model_space, OneProposal())

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        model = proposal(self._strategy)
        return {} if model is None else sample_of(model, search_space)
