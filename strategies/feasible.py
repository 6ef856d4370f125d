"""One wrapper that makes every Optuna sampler propose only feasible, new architectures.

Optuna knows soft constraints only: an infeasible proposal becomes a trial, and samplers that learn from such trials
model feasibility rather than quality. Complexity is known before training, so here an infeasible proposal never
becomes a trial.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from regnas import keyed
from regnas.batch import Params
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.strategies.moves import into_window
from regnas.strategy import WARM
from regnas.stream import DUPLICATES, Stream
from regnas.tables.encoding import unit_cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study

# Feasible candidates among which the one nearest to an infeasible proposal is sought.
_POOL = 256
# Proposals that are moved into the window by a change of one parameter before that pool is drawn.
_REPAIRED = 4


@runtime_checkable
class Rekeyed(Protocol):
    """An inner sampler whose randomness can be set anew for every candidate."""

    def rekey(self, seed: int) -> None:
        """Draw from here on as a function of ``seed`` (and of the trials so far)."""


class KeyedSampler(BaseSampler):
    """A sampler made anew for every candidate, so that its draws depend on the candidate's index alone.

    Args:
        make: from a seed to a sampler that keeps no state but its random numbers.
    """

    def __init__(self, make: Callable[[int], BaseSampler]) -> None:
        self._make = make
        self._inner = make(0)

    def rekey(self, seed: int) -> None:
        self._inner = self._make(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)


class FeasibleSampler(BaseSampler):
    """Proposes candidates of a space that lie in its window, and by default never the same network twice.

    Without an inner sampler, and wherever the inner sampler has no opinion yet, candidate i is candidate i of the
    space's stream: every strategy starts from the random candidates of its seed.

    Args:
        inner: any Optuna sampler, or None for random search.
        duplicates: ``reject`` proposes no network twice; ``reuse`` and ``allow`` do not care.
        max_tries: proposals of the inner sampler before the nearest feasible candidate is taken instead.
        stream: other candidates than those of the space's stream.
    """

    def __init__(
        self,
        space: Space,
        inner: BaseSampler | None = None,
        *,
        seed: int = 0,
        duplicates: str = "reject",
        max_tries: int = 64,
        stream: Stream | None = None,
    ) -> None:
        if duplicates not in DUPLICATES:
            raise UsageError(f"duplicates is one of {', '.join(DUPLICATES)}, got {duplicates!r}")
        if max_tries < 1:
            raise UsageError(f"max_tries is at least 1, got {max_tries}")
        self._space = space
        self._inner = inner
        self._seed = seed
        self._duplicates = duplicates
        self._max_tries = max_tries
        self._stream = Stream(space, seed=seed, duplicates=duplicates) if stream is None else stream
        self._seen: set[str] | None = None
        self._given: set[str] = set()  # networks that came from outside: enqueued, or of another study
        self._places: list[int] = []  # of the stream, without these
        self._next_index: int | None = None
        self._distributions = space.distributions
        self._lock = threading.RLock()  # study.optimize(n_jobs=...) asks from several threads
        self.proposed: Candidate | None = None
        self.refused = 0  # proposals of the inner sampler that became no trial

    def assign(self, index: int) -> None:
        """The candidate index of the next trial; without, it is the trial's number."""
        self._next_index = index

    def reseed_rng(self) -> None:
        """Nothing to do: draws depend on the seed and the candidate's index, in every process and thread."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters of a feasible candidate.

        Raises:
            InfeasibleWindow: the window holds no further candidate.
        """
        with self._lock:
            index = trial.number if self._next_index is None else self._next_index
            self._next_index = None
            seen = self._known(study)
            fixed = trial.system_attrs.get("fixed_params", {})
            candidate = self._enqueued(fixed, index) if fixed else self._propose(study, trial, index, seen)
            if self._duplicates == "reject":
                seen.add(candidate.architecture.key())
                self._given |= {candidate.architecture.key()} if fixed else set()
            self.proposed = candidate
            return {name: candidate.params[name] for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise UsageError(
            f"{param_name!r} with {param_distribution} is not a parameter of {self._space.spec}; "
            f"its parameters are {', '.join(self._distributions)}; use space.suggest(trial)"
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if self._inner is not None:
            self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        if self._inner is not None:
            with self._lock:
                self._inner.after_trial(study, trial, state, values)

    def _known(self, study: Study) -> set[str]:
        """Keys of the architectures of all trials so far; read from the study once."""
        if self._seen is None:
            self._seen = set()
            for trial in study.get_trials(deepcopy=False) if self._duplicates == "reject" else ():
                if set(self._distributions) <= set(trial.params):
                    chosen = {name: trial.params[name] for name in self._distributions}
                    known = self._space.judge(self._space.canonical(chosen))
                    if known is not None:
                        self._seen.add(known.architecture.key())
                        if WARM in trial.user_attrs or trial.system_attrs.get("fixed_params"):
                            self._given.add(known.architecture.key())
        return self._seen

    def _propose(self, study: Study, trial: FrozenTrial, index: int, seen: set[str]) -> Candidate:
        if self._inner is None:
            return self._stream[index] if not self._given else self._not_given(index)
        if isinstance(self._inner, Rekeyed):
            self._inner.rekey(keyed.integer("propose", self._seed, index))
        proposals: list[Params] = []
        for _ in range(self._max_tries):
            params = self._inner.sample_relative(study, trial, self._distributions)
            if not params:
                return self._from_stream(index, seen)  # no opinion yet
            point = self._space.canonical(self._whole(params, study, trial))
            candidate = self._space.judge(point)
            if candidate is not None and candidate.architecture.key() not in seen:
                return candidate
            self.refused += 1
            if proposals and point == proposals[-1]:
                break  # it would say the same for ever
            proposals.append(point)
        return self._nearest(proposals, index, seen)

    def _whole(self, params: Params, study: Study, trial: FrozenTrial) -> Params:
        """What the inner sampler leaves out of a proposal it draws one by one: so NSGA-II mutates."""
        assert self._inner is not None
        left_out = {name: law for name, law in self._distributions.items() if name not in params}
        drawn = {name: self._inner.sample_independent(study, trial, name, law) for name, law in left_out.items()}
        return {**params, **drawn}

    def _not_given(self, index: int) -> Candidate:
        """Candidate ``index`` of the stream without the networks that came from outside."""
        while len(self._places) <= index:
            place = self._places[-1] + 1 if self._places else 0
            while self._stream[place].architecture.key() in self._given:
                place += 1
            self._places.append(place)
        return self._stream[self._places[index]]

    def _from_stream(self, index: int, seen: set[str]) -> Candidate:
        """Candidate ``index`` of the stream, the first one after it that is new, or at its end one before."""
        try:
            while self._stream[index].architecture.key() in seen:
                index += 1
            return self._stream[index]
        except InfeasibleWindow:
            # In a small space the inner sampler proposed what comes later, and what comes earlier may still be new.
            for earlier in range(index):
                if self._stream[earlier].architecture.key() not in seen:
                    return self._stream[earlier]
            raise

    def _nearest(self, proposals: list[Params], index: int, seen: set[str]) -> Candidate:
        """The new feasible candidate nearest to the proposals: one parameter away, or else the nearest of a pool."""
        rng = keyed.generator("nearest", self._seed, index)
        for point in list({tuple(point.items()): point for point in proposals}.values())[:_REPAIRED]:
            found = into_window(self._space, point, rng, seen)
            if found is not None:
                return found
        pool, source = (
            [],
            self._space.stream(seed=keyed.integer("pool", self._seed, index), duplicates="allow"),
        )
        for _ in range(100 * _POOL):
            candidate = next(source)
            if candidate.architecture.key() not in seen:
                pool.append(candidate)
            if len(pool) == _POOL:
                break
        if not pool:
            return self._from_stream(index, seen)
        here = unit_cube([one.params for one in pool], self._distributions)
        there = unit_cube(proposals, self._distributions)
        distances = np.linalg.norm(here[:, None] - there[None], axis=2).min(axis=1)
        return pool[int(np.argmin(distances))]

    def _enqueued(self, fixed: Mapping[str, Any], index: int) -> Candidate:
        """A candidate with the parameters that ``study.enqueue_trial`` fixed."""
        laws = self._space.dimensions
        # As `Space.suggest` will read them: Optuna hands out what was enqueued, on the grid or not.
        fixed = {name: laws[name].snap(value) for name, value in fixed.items() if name in self._distributions}
        if set(self._distributions) <= set(fixed):  # a whole point needs no draw
            whole = self._space.judge(self._space.canonical(fixed))
            if whole is not None:
                return replace(whole, index=index)
        narrowed = self._space.fix(**fixed) if fixed else self._space
        candidate = next(narrowed.stream(seed=keyed.integer("enqueued", self._seed, index)))
        return replace(candidate, index=index)
