"""A policy gradient: REINFORCE (Williams 1992), every parameter chosen for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.sampler import Feedback, Origin
from regnas.strategies import FeasibleSampler
from regnas.strategy import own_options

LEVELS = 12  # values of a range that the policy chooses among


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
    """A policy of one proposal a candidate. Option ``rate``: of learning."""
    policy = Policy(space, **own_options(options, "policy", {"rate": 2.0}))
    return FeasibleSampler(space, policy, seed=seed, duplicates=options["duplicates"], max_tries=1)


class Policy(BaseSampler):
    """Learns from what was evaluated; what it proposed itself counts by how much likelier that has become."""

    def __init__(self, space: Space, *, rate: float) -> None:
        self._laws = space.distributions
        points = space.at(np.tile((np.arange(LEVELS) + 0.5) / LEVELS, (len(self._laws), 1)))
        self._values = [list(dict.fromkeys(points[name].tolist())) for name in self._laws]
        self._logits = [np.zeros(len(values)) for values in self._values]
        self._rate = rate
        self._errors: list[float] = []
        self._rng = np.random.default_rng(0)
        self._latest = 0.0

    def rekey(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._laws

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        chosen = [int(self._rng.choice(len(row), p=row)) for row in self._chances()]
        self._latest = self._log_probability(chosen)
        return {name: values[one] for name, values, one in zip(self._laws, self._values, chosen, strict=True)}

    def record(self) -> float:
        """Stored with the trial: the log-probability of the latest proposal."""
        return self._latest

    def hear(self, feedback: Feedback) -> None:
        """A trial has ended; on a resume, all that ended before the first proposal, in the same order."""
        if feedback.error is None or feedback.pruned:
            return
        point = [feedback.params[name] for name in self._laws]
        chosen = [_nearest(values, value) for values, value in zip(self._values, point, strict=True)]
        weight = 1.0
        if feedback.origin is Origin.OWN:  # the policy has moved since: importance sampling
            weight = min(2.0, math.exp(self._log_probability(chosen) - feedback.record))
        self._errors.append(feedback.error)
        step = self._rate * weight * (sum(self._errors) / len(self._errors) - feedback.error)
        for logits, chances, one in zip(self._logits, self._chances(), chosen, strict=True):
            logits += step * ((np.arange(len(logits)) == one) - chances)

    def _chances(self) -> list[Any]:
        return [np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in self._logits]

    def _log_probability(self, chosen: Sequence[int]) -> float:
        return sum(math.log(row[one]) for row, one in zip(self._chances(), chosen, strict=True))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError("policy proposes all parameters together")


def _nearest(values: Sequence[Any], value: Any) -> int:
    if value in values:
        return values.index(value)
    return min(range(len(values)), key=lambda one: abs(values[one] - value))
