"""What samplers share that keep members: networks with their errors, told one by one or read again from a study."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.sampling.batch import Params
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.told import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study


class KeepsMembers(ProposesWhole):
    """An inner sampler that hears of every completed trial of its space, in the order of completion.

    A subclass says what becomes of a new member, and what comes of those that there are.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self._rng = np.random.default_rng(0)
        self._started = False

    @abstractmethod
    def _take(self, error: float, point: Params) -> None:
        """A new member: an error, lower is better, and a canonical point."""

    @abstractmethod
    def _child(self) -> Params | None:
        """A new point, made of members; None while these are too few, or where nothing is to be made of them."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._read_once(study)
        child = self._child()
        return {} if child is None else {name: child[name] for name in search_space}

    def rekey(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._read_once(study, but=trial.number)
        if state == TrialState.COMPLETE and values:
            self._hear(study, trial.params, told(trial, values[0]))

    def _read_once(self, study: Study, but: int = -1) -> None:
        """On resume, hear of all that is in the study: once, so that a trial costs the same for ever."""
        if self._started:
            return
        self._started = True
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        for trial in sorted(done, key=lambda one: (one.datetime_complete is None, one.datetime_complete, one.number)):
            if trial.number != but and trial.value is not None:
                self._hear(study, trial.params, told(trial, trial.value))

    def _hear(self, study: Study, params: Mapping[str, Any], value: float) -> None:
        point = self._space.read(params)
        if point is not None:
            self._take(value if study.direction == StudyDirection.MINIMIZE else -value, point)
