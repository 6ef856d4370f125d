"""Bayesian optimisation with a Gaussian process: Optuna's ``GPSampler`` (expected improvement, Matern 5/2 kernel)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampling.batch import Params
from regnas.sampling.moves import feasible_mutant, into_window
from regnas.strategies.models.expected_improvement import improvement_of
from regnas.strategies.sampling.feasible import FeasibleSampler, KeyedSampler
from regnas.strategies.sampling.told import has_diverged
from regnas.strategy import own_options

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study

# The pool where the process's own proposal is no new network of the window: random candidates, children of the best
# trials, and how many of these.
_RANDOM, _CHILDREN, _PARENTS = 256, 10, 5


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """A Gaussian process inside the window, for budgets of tens to a few hundred trials.

    A fit costs the cube of the number of trials, so the sampler is for trainings that take far longer than it does.
    Optuna's process knows nothing of the window. Where its proposal lies outside, a second process (scikit-learn's)
    chooses from a pool of candidates inside: random ones, and children of the best trials.

    Options:
        startup: random candidates before the first fit, at least 2.
        noise: whether two trainings of one network may differ; without, the process runs through every result.

    Raises:
        UsageError: an option it does not have, or a startup below 2.
    """
    chosen = own_options(options, "gp", {"startup": 10, "noise": True})
    if chosen["startup"] < 2:
        raise UsageError(f"gp needs a startup of at least 2 trials, got {chosen['startup']}")

    def fresh(key: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(seed=key, n_startup_trials=chosen["startup"], deterministic_objective=not chosen["noise"])

    inner = GaussianProcess(space, fresh, noise=chosen["noise"])
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=64)


class GaussianProcess(KeyedSampler):
    """The inner sampler: one fit a candidate, and a second one where the first proposal is no new network."""

    def __init__(self, space: Space, make: Callable[[int], BaseSampler], *, noise: bool) -> None:
        super().__init__(make)
        self._space = space
        self._noise = noise
        self._seed = 0
        self._proposals: Iterator[Params] | None = None

    def rekey(self, seed: int) -> None:
        super().rekey(seed)
        self._seed = seed
        self._proposals = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The space's parameters: the pool of networks knows no others."""
        return self._space.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Asked again for the same candidate it goes down its list."""
        if self._proposals is None:
            best = self._optimum(study, trial, search_space)
            if not best:
                return {}
            self._proposals = self._ordered(study, self._space.canonical(best))
        point = next(self._proposals, None)
        return {} if point is None else {name: point[name] for name in search_space}

    def _ordered(self, study: Study, best: Params) -> Iterator[Params]:
        """The process's own proposal if it is inside the window, then a pool by expected improvement."""
        if self._space.judge(best) is not None:
            yield best
        names = self._space.distributions
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        read = [(self._space.read(one.params), one) for one in done if one.value is not None]
        told = [(point, math.inf if has_diverged(one) else sign * (one.value or 0.0)) for point, one in read if point]
        values = np.array([value for _, value in told])
        values = np.clip(values, *_finite(values))
        points = [point for point, _ in told]
        parents = [points[number] for number in np.argsort(values, kind="stable")[:_PARENTS].tolist()]
        pool = self._pool(best, parents)
        gain = improvement_of(pool, points, values, names, noise=self._noise)
        yield from (pool[number] for number in np.argsort(-gain, kind="stable").tolist())

    def _pool(self, best: Params, parents: list[Params]) -> list[Params]:
        """Points inside the window: what is near to the process's proposal, children of parents, random ones."""
        rng = np.random.default_rng(self._seed)
        near = [
            into_window(self._space, best, rng),
            *(feasible_mutant(self._space, best, rng) for _ in range(_CHILDREN)),
        ]
        children = [feasible_mutant(self._space, parent, rng) for parent in parents for _ in range(_CHILDREN)]
        stream = self._space.stream(seed=self._seed, duplicates="allow")
        found = [*near, *children, *(next(stream) for _ in range(_RANDOM))]
        return [candidate.params for candidate in found if candidate is not None]

    def _optimum(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Where the process expects the largest improvement; empty before it has trials enough.

        Optuna's sampler takes every completed trial of the study for one of its own, so where some are not, it gets a
        study of those that are.
        """
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if all(set(search_space) <= set(one.params) for one in done):
            return super().sample_relative(study, trial, search_space)
        own = optuna.create_study(direction=study.direction)
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        own.add_trials([one for one in trials if set(search_space) <= set(one.params)])
        number = own.ask().number
        return super().sample_relative(own, own.get_trials(deepcopy=False)[number], search_space)


def _finite(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The smallest and the largest finite value: a training that diverged is as bad as the worst that did not."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
