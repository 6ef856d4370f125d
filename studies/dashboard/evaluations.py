"""The evaluations of a study as the dashboard needs them: from what is stored with them, without the space."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from regnas.costs import Complexity
from regnas.evaluator import rank
from regnas.measure import installed
from regnas.objective import ERROR, error_of
from regnas.studies.search.known.enqueue import ENQUEUED
from regnas.studies.storage.costs import costs_of
from regnas.system.optuna_internals import trial_id


@dataclass(frozen=True)
class Evaluation:
    """A complete trial.

    Attributes:
        identity: of the trial in its storage; ``number`` is its place in the study.
        index: place in the stream of candidates.
        error: of the last epoch, a fraction.
        objective: what the study minimises, where it is not the error.
        costs: as the trial has them on record.
        params: parameters by name, without those that the space fixes.
        chosen: by the user (``--enqueue``), not by the strategy.
    """

    identity: int
    number: int
    index: int
    error: float
    costs: Complexity
    architecture: Mapping[str, Any]
    params: Mapping[str, Any]
    chosen: bool
    diverged: bool = False
    objective: float | None = None

    @property
    def value(self) -> float:
        """What evaluations are ordered by."""
        return self.error if self.objective is None else self.objective


def complete(study: optuna.Study) -> list[Evaluation]:
    """All complete evaluations, in the order of the candidates.

    Pruned ones are left out: their last error is that of a training that was stopped.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    own = [trial for trial in trials if {"index", "architecture"} <= set(trial.user_attrs)]
    measures = installed()
    known = [(trial, error_of(trial)) for trial in own]
    found = [_evaluation(trial, error, measures) for trial, error in known if error is not None]
    return sorted(found, key=lambda one: one.index)


def _evaluation(trial: optuna.trial.FrozenTrial, error: float, measures: Sequence[str]) -> Evaluation:
    stored = trial.user_attrs
    return Evaluation(
        identity=trial_id(trial),
        number=trial.number,
        index=stored["index"],
        error=error,
        costs=costs_of(stored, measures),
        architecture=json.loads(stored["architecture"]),
        params=trial.params,
        chosen=ENQUEUED in stored,
        diverged=bool(stored.get("diverged")),
        objective=trial.value if ERROR in stored else None,
    )


def best(evaluations: list[Evaluation], count: int = 5) -> list[Evaluation]:
    """The best ones, the best first, as `regnas.evaluator.rank` orders them."""
    return sorted(evaluations, key=lambda one: rank(one.value, one.index, one.diverged))[:count]
