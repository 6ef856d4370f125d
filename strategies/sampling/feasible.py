"""One wrapper that makes every Optuna sampler propose only feasible, new architectures.

Optuna knows soft constraints only: an infeasible proposal becomes a trial, and samplers that learn from such trials
model feasibility rather than quality. Complexity is known before training, so here an infeasible proposal never
becomes a trial.
"""

from __future__ import annotations

import copy
import difflib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    GPSampler,
    GridSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial, TrialState

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.sampler import Origin, SupportsRekey, SupportsRemarks, SupportsSchedule
from regnas.sampling import keyed
from regnas.sampling.batch import Params
from regnas.sampling.stream import DUPLICATES, Stream
from regnas.strategies.sampling.enqueued import of_enqueued
from regnas.strategies.sampling.feedback import Chosen, Listening, Proposal
from regnas.strategies.sampling.inactive import note_inactive
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.keyed_sampler import KeyedSampler
from regnas.strategies.sampling.nearest import nearest
from regnas.strategies.sampling.proposed import Proposed
from regnas.system.optuna_internals import enqueued_params, trial_system_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optuna.study import Study

__all__ = ["FeasibleSampler", "KeyedSampler"]

# Proposals of an inner sampler, and of one that fits a costly model for each.
_TRIES, _SLOW_TRIES = 64, 4
# How alike two names are that are taken for a slip of the pen; of the letters of both, the share in common.
_ALIKE = 0.8


class FeasibleSampler(BaseSampler):
    """Proposes candidates of a space that lie in its window, and by default never the same network twice.

    Without an inner sampler, and wherever the inner sampler has no opinion yet, candidate i is candidate i of the
    space's stream: every strategy starts from the random candidates of its seed.

    An objective may suggest further parameters beside those of the space, such as a learning rate. An inner sampler of
    Optuna learns of both together. Beside random search they are drawn at random, beside a strategy of regnas each by
    TPE.

    Args:
        inner: any Optuna sampler, or None for random search. One with ``rekey`` draws anew for every candidate
            (`regnas.sampler.SupportsRekey`); one with ``record`` and ``hear`` is told what was evaluated in place of
            its proposals (`regnas.sampler.SupportsFeedback`); one with ``part`` says which part of the space
            candidates are of (`regnas.sampler.SupportsSchedule`).
        duplicates: ``reject`` proposes no network twice; ``reuse`` and ``allow`` do not care.
        max_tries: proposals of the inner sampler before the nearest feasible candidate is taken instead; 64 unless
            said, and 4 of a Gaussian process, which takes a second for each.
        stream: other candidates than those of the space's stream.

    Raises:
        UsageError: an argument that makes no sense.
    """

    def __init__(
        self,
        space: Space,
        inner: BaseSampler | None = None,
        *,
        seed: int = 0,
        duplicates: str = "reject",
        max_tries: int | None = None,
        stream: Stream | None = None,
    ) -> None:
        if duplicates not in DUPLICATES:
            raise UsageError(f"duplicates is one of {', '.join(DUPLICATES)}, got {duplicates!r}")
        if max_tries is None:
            max_tries = _SLOW_TRIES if isinstance(inner, GPSampler) else _TRIES
        if max_tries < 1:
            raise UsageError(f"max_tries is at least 1, got {max_tries}")
        if inner is not None and not isinstance(inner, BaseSampler):
            raise UsageError(f"the inner sampler is one of Optuna's kind, such as TPESampler(), got {inner!r}")
        if isinstance(inner, PartialFixedSampler | FeasibleSampler):
            raise UsageError(
                f"{type(inner).__name__} cannot be the inner sampler: fix parameters in the space, as in "
                f"space.fix(depth=20), and give the sampler that it wraps"
            )
        self._space = space
        self._inner = inner
        self._listening = Listening(space, inner)
        self._seed = seed
        self._duplicates = duplicates
        self._max_tries = max_tries
        self._own_stream = stream is None
        self._stream = Stream(space, seed=seed, duplicates=duplicates) if stream is None else stream
        self._streams: dict[str, Stream] = {}  # of parts of the space, by their specs
        self._among = 1
        self._choose: Callable[[Sequence[Candidate]], int] | None = None
        self._pasts: dict[str, Proposed] = {}
        self._next_index: int | None = None
        self._distributions = space.distributions
        self._lock = threading.RLock()  # study.optimize(n_jobs=...) asks from several threads
        self.proposed: Candidate | None = None
        self.refused = 0  # proposals of the inner sampler that became no trial

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: a lock has none, and a stream is a function of its arguments."""
        state = {name: value for name, value in self.__dict__.items() if name != "_lock"}
        return {**state, "_streams": {}, **({"_stream": None} if self._own_stream else {})}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
        if self._own_stream:
            self._stream = Stream(self._space, seed=self._seed, duplicates=self._duplicates)

    @property
    def space(self) -> Space:
        """What the candidates are networks of."""
        return self._space

    @property
    def inner(self) -> BaseSampler | None:
        """The sampler that is asked first; None for random search."""
        return self._inner

    @property
    def draws_from_the_law(self) -> bool:
        """Whether its random candidates are those of the space's stream."""
        return self._own_stream

    def screen(self, stream: Stream, among: int, choose: Callable[[Sequence[Candidate]], int]) -> None:
        """Propose only what passes a screen: random candidates of a stream, and of so many proposals of the inner
        sampler, new ones inside the window, the one at the place that ``choose`` says.
        """
        self._stream, self._own_stream, self._among, self._choose = stream, False, among, choose

    def remarks(self, study: Study) -> list[str]:
        """What the inner sampler says of itself, of all that ended in a study."""
        with self._lock:
            self._listening.catch_up(study, -1)
            return self._inner.remarks(study) if isinstance(self._inner, SupportsRemarks) else []

    def assign(self, index: int) -> None:
        """The candidate index of the next trial; without, it is the trial's number."""
        self._next_index = index

    def reseed_rng(self) -> None:
        """Nothing to do: draws depend on the seed and the candidate's index, in every process and thread.

        Optuna asks for it where threads share this sampler. They share the inner one, too, which is asked by one at a
        time and so needs no other seed.
        """

    # --- what Optuna asks -----------------------------------------------------------------------------------

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters of the space, and those beside it that the inner sampler would propose together."""
        if self._inner is None:
            return self._distributions
        with self._lock:
            inferred = self._inner.infer_relative_search_space(study, trial)
        names = self._distributions
        beside = {name: law for name, law in inferred.items() if name not in names and not law.single()}
        return {**names, **beside}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters of a feasible candidate, and of those beside it what the inner sampler proposed with it.

        Raises:
            InfeasibleWindow: the window holds no further candidate.
        """
        with self._lock:
            assigned, self._next_index = self._next_index, None
            index = trial.number if assigned is None else assigned
            past = self._past(study, trial)
            given = enqueued_params(trial)
            fixed = {name: value for name, value in given.items() if name in self._distributions}
            beside = {name: law for name, law in search_space.items() if name not in self._distributions}
            drawn: Params = {}
            if fixed:
                candidate = of_enqueued(self._space, fixed, self._seed, index, past.seen)
            elif self._inner is None:
                candidate = self._random(index, past, anew=assigned is None)
            else:
                self._listening.catch_up(study, trial.number)
                chosen = self._propose(study, trial, index, past.seen, beside)
                candidate, drawn = chosen.candidate, chosen.beside
                self._listening.note(study, trial, chosen)
            if self._duplicates == "reject":
                past.add(trial.number, candidate.architecture.key(), given=bool(fixed))
            self.proposed = candidate
            whole = {**drawn, **candidate.params}
            return {name: whole[name] for name in search_space if name in whole}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter beside the space.

        Raises:
            UsageError: it is one of the space's, with another law, or its name is nearly the name of one.
        """
        self._check_name(param_name, param_distribution)
        with self._lock:
            key = keyed.integer("beside", self._seed, trial.number, param_name)
            return self._beside(key).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if self._inner is not None:
            with self._lock:
                self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        note_inactive(self._space, study, trial)
        if self._inner is not None:
            with self._lock:
                self._inner.after_trial(study, trial, state, values)
                self._listening.ended(study, trial, state, values)

    # --- parameters beside the space ------------------------------------------------------------------------

    def _check_name(self, name: str, law: BaseDistribution) -> None:
        if name in self._distributions:
            raise UsageError(
                f"{name!r} is a parameter of {self._space.spec} with {self._distributions[name]}, and the value that "
                f"was proposed is outside {law}; use space.suggest(trial), and space.narrow or fix for other bounds"
            )
        lower = {known.lower(): known for known in self._distributions}
        if alike := difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=_ALIKE):
            raise UsageError(
                f"{name!r} is not a parameter of {self._space.spec}, but {lower[alike[0]]!r} is; use "
                f"space.suggest(trial), and for a parameter of your own a name that is less alike"
            )

    def _beside(self, key: int) -> BaseSampler:
        """What draws a parameter that was not proposed with the candidate."""
        if self._inner is None:
            return RandomSampler(seed=key)
        if type(self._inner) is KeyedSampler:
            self._inner.rekey(key)
        elif isinstance(self._inner, SupportsRekey | ProposesWhole):  # it knows its space, and nothing else
            return TPESampler(seed=key, multivariate=False, constant_liar=False)
        return self._inner

    # --- candidates -----------------------------------------------------------------------------------------

    def _past(self, study: Study, trial: FrozenTrial) -> Proposed:
        name = study.study_name
        if name not in self._pasts:
            self._pasts[name] = Proposed(self._space)
        past = self._pasts[name]
        if self._duplicates == "reject":
            past.read(study, trial.number)
        return past

    def _random(self, index: int, past: Proposed, anew: bool) -> Candidate:
        """Candidate ``index`` of the stream without what came from outside.

        Args:
            anew: it must be new; where the index was assigned, it may be the second attempt at a candidate.
        """
        candidate = self._stream[index] if not past.given else self._not_given(index, past)
        if anew and candidate.architecture.key() in past.seen:
            return self._from_stream(self._space, index, past.seen)
        return candidate

    def _propose(
        self, study: Study, trial: FrozenTrial, index: int, seen: set[str], beside: Mapping[str, BaseDistribution]
    ) -> Chosen:
        """A candidate by the inner sampler, with the parameters beside it that it proposed with it."""
        assert self._inner is not None
        space = self._inner.part(index) if isinstance(self._inner, SupportsSchedule) else self._space
        if isinstance(self._inner, SupportsRekey):
            self._inner.rekey(keyed.integer("propose", self._seed, index))
        refused: list[Proposal] = []
        found: dict[str, Chosen] = {}
        silent = False
        for _ in range(self._max_tries * self._among):
            params = self._inner.sample_relative(study, trial, {**self._distributions, **beside})
            if not params and not self._draws_one_by_one(study, trial):
                silent = True  # no opinion yet, or no further one
                break
            point = self._space.canonical(self._whole(params, study, trial))
            drawn = {name: params[name] for name in beside if name in params}
            candidate = self._space.judge(point)
            one = Proposal(point, drawn, self._listening.record(), repeated=candidate is not None)
            if candidate is not None and (key := candidate.architecture.key()) not in seen and key not in found:
                found[key] = Chosen(candidate, Origin.OWN, one)
                if len(found) == self._among:
                    break
                continue
            self.refused += 1
            stuck = bool(refused) and point == refused[-1].point  # it would say the same for ever
            refused.append(one)
            if stuck:
                break
        if found:
            new = list(found.values())
            return new[self._choose([one.candidate for one in new])] if self._choose and new[1:] else new[0]
        if silent:
            return Chosen(self._from_stream(space, index, seen), Origin.STREAM)
        return self._instead_of(refused, space, index, seen)

    def _instead_of(self, refused: Sequence[Proposal], space: Space, index: int, seen: set[str]) -> Chosen:
        """What is evaluated in place of proposals that cannot be."""
        found = nearest(space, [one.point for one in refused], self._seed, index, seen)
        if found is None:
            return Chosen(self._from_stream(space, index, seen), Origin.STREAM)
        candidate, number = found
        return Chosen(candidate, Origin.REPEAT if refused[number].repeated else Origin.NEAREST, refused[number])

    def _draws_one_by_one(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the inner sampler has an opinion of single parameters alone: others have none only at the start."""
        if isinstance(self._inner, GridSampler | BruteForceSampler):
            return True
        if self._inner is None or isinstance(self._inner, RandomSampler | SupportsRekey):
            return False
        if self._inner.infer_relative_search_space(study, trial):
            return False
        told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return any(self._distributions.items() <= one.distributions.items() for one in told)

    def _whole(self, params: Mapping[str, Any], study: Study, trial: FrozenTrial) -> Params:
        """A point of the space, with what the inner sampler left out drawn one by one: so NSGA-II mutates."""
        assert self._inner is not None
        point = {name: params[name] for name in self._distributions if name in params}
        for name, law in self._distributions.items():
            if name not in point:
                # Some samplers look at what was drawn before, and at what they noted before the trial.
                draft = copy.copy(trial)
                draft.params = {**trial.params, **point}
                draft.system_attrs = trial_system_attributes(study, trial)
                point[name] = self._inner.sample_independent(study, draft, name, law)
        return point

    def _not_given(self, index: int, past: Proposed) -> Candidate:
        """Candidate ``index`` of the stream without the networks that came from outside."""
        while len(past.places) <= index:
            place = past.places[-1] + 1 if past.places else 0
            while self._stream[place].architecture.key() in past.given:
                place += 1
            past.places.append(place)
        return self._stream[past.places[index]]

    def _from_stream(self, space: Space, index: int, seen: set[str]) -> Candidate:
        """Candidate ``index`` of a space's stream, the first one after it that is new, or at its end one before."""
        stream = self._stream
        if space is not self._space:
            if space.spec not in self._streams:
                self._streams[space.spec] = Stream(space, seed=self._seed, duplicates=self._duplicates)
            stream = self._streams[space.spec]
        try:
            while stream[index].architecture.key() in seen:
                index += 1
            return stream[index]
        except InfeasibleWindow:
            # In a small space the inner sampler proposed what comes later, and what comes earlier may still be new.
            for earlier in range(index):
                if stream[earlier].architecture.key() not in seen:
                    return stream[earlier]
            raise
