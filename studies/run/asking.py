"""Pending trials: new ones of the sampler's, and those that were in flight when a driver ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial

from regnas.architecture import key_of_text
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import PluginBroken, RegnasError, StudyError
from regnas.pruner import Verdict
from regnas.sampler import SupportsAssign, SupportsInner, SupportsProposed
from regnas.sampling import keyed
from regnas.studies.run.pending import PendingTrial
from regnas.system.optuna_internals import unfrozen

# What code raises that is at fault; storages, full disks and Ctrl-C raise others.
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, SystemExit)


class Asking:
    """Makes a study's pending trials, each with the seed of its index.

    Args:
        repeat: of the whole study; trainings of another repeat have other seeds.

    Attributes:
        next: index of the next new candidate.
    """

    def __init__(self, study: optuna.Study, space: Space, *, seed: int, repeat: int = 0) -> None:
        self._study = study
        self._space = space
        self._seed = seed
        self._repeat = (repeat,) if repeat else ()
        self._distributions = space.distributions
        self.next = 0

    def ask(self) -> PendingTrial:
        """A trial with a new candidate, which is taken up after a crash.

        Raises:
            InfeasibleWindow: there is none left.
            PluginBroken: the sampler raised, or proposed what is no candidate.
        """
        sampler = self._study.sampler
        if isinstance(sampler, SupportsAssign):
            sampler.assign(self.next)
        try:
            trial = self._study.ask(self._distributions)
            candidate = self._proposed(trial.params)
        except RegnasError:
            raise
        except _FAULTS as error:
            raise _broken(sampler, error) from error
        pending = self._pending(trial, candidate)
        pending.describe(draws=candidate.draws)
        trial.set_user_attr("index", self.next)  # last: from here on the trial is taken up after a crash
        self.next += 1
        return pending

    def resume(self, frozen: FrozenTrial, verdict: Verdict) -> PendingTrial:
        """A trial that was in flight or paused, as it stood.

        Args:
            verdict: on its last epoch.

        Raises:
            StudyError: its parameters are of no candidate of the space.
        """
        pending = self._pending(unfrozen(self._study, frozen), self._candidate(frozen.params, frozen.user_attrs))
        pending.failures = frozen.user_attrs.get("failures", 0)
        pending.described = "architecture" in frozen.user_attrs
        pending.reported = set(frozen.intermediate_values)
        pending.error = frozen.intermediate_values.get(max(pending.reported, default=-1), 1.0)
        pending.seconds, pending.verdict = frozen.user_attrs.get("seconds", 0.0), verdict
        return pending

    def key(self, trial: FrozenTrial) -> str:
        """The key of a trial's network.

        Raises:
            StudyError: as `resume`.
        """
        if "architecture" in trial.user_attrs:
            return key_of_text(trial.user_attrs["architecture"])
        return self._candidate(trial.params, trial.user_attrs).architecture.key()

    def _pending(self, trial: Trial, candidate: Candidate) -> PendingTrial:
        return PendingTrial(trial, candidate, keyed.integer("train", self._seed, candidate.index, *self._repeat))

    def _proposed(self, params: dict[str, Any]) -> Candidate:
        """The candidate just asked for; samplers other than regnas's own tell only its parameters."""
        sampler = self._study.sampler
        found = sampler.proposed if isinstance(sampler, SupportsProposed) else None
        if found is not None and all(found.params[name] == value for name, value in params.items()):
            return replace(found, index=self.next)
        return self._candidate(params, {"index": self.next})

    def _candidate(self, params: dict[str, Any], attributes: dict[str, Any]) -> Candidate:
        found = self._space.judge(self._space.canonical({name: params[name] for name in self._distributions}))
        if found is None:
            raise StudyError(
                f"trial {attributes.get('index')} of this study lies outside {self._space.spec}; "
                f"it was written by something else: give another --study"
            )
        return Candidate(
            found.params,
            found.architecture,
            found.complexity,
            attributes["index"],
            attributes.get("draws", 1),
        )


def _broken(sampler: BaseSampler, error: BaseException) -> PluginBroken:
    """What a sampler raised, as an error that names the innermost one."""
    inner = sampler.inner if isinstance(sampler, SupportsInner) and sampler.inner is not None else sampler
    kind = type(inner)
    return PluginBroken(
        f"the sampler {kind.__module__}.{kind.__qualname__} raised {type(error).__name__} when it was asked for a "
        f"candidate: {error}; repair it, or take another --strategy"
    )
