"""What a study knows of the networks of a space: their errors, and which ones are still in flight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.strategies.sampling.told import has_diverged

if TYPE_CHECKING:
    from optuna.study import Study


class Record:
    """Trials of a study as candidates; trials of other spaces and those outside the window are left out.

    Attributes:
        done: candidates that have an error.
        pending: candidates asked for and not told.
        seen: keys of the architectures of all trials, failed ones included.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._settled: set[int] = set()
        self._judged: dict[int, Candidate | None] = {}
        self._errors: list[float] = []
        self._pruned: list[bool] = []
        self._diverged: list[int] = []  # places
        self.done: list[Candidate] = []
        self.pending: list[Candidate] = []
        self.seen: set[str] = set()

    @property
    def errors(self) -> npt.NDArray[np.float64]:
        """Of the candidates that are done, ``(n,)``, lower is better.

        A pruned trial counts as no better than the median of the complete ones: it was stopped for being poor, and its
        last value is one of fewer epochs. One that diverged counts as no better than the worst.
        """
        errors, pruned = np.array(self._errors), np.array(self._pruned, dtype=np.bool_)
        if self._diverged:
            errors[self._diverged] = errors.max()
        if pruned.any() and not pruned.all():
            errors[pruned] = np.maximum(errors[pruned], np.median(errors[~pruned]))
        return errors

    def read(self, study: Study, but: int = -1) -> None:
        """Take up what is new in the study, whoever asked for it; ``but`` is the trial that is being asked for."""
        self.pending = []
        for trial in study.get_trials(deepcopy=False):
            if trial.number not in self._settled and trial.number != but:
                self._take(study, trial)

    def _take(self, study: Study, trial: FrozenTrial) -> None:
        if trial.number not in self._judged and (point := self._space.read(trial.params)) is not None:
            self._judged[trial.number] = self._space.judge(point)
        candidate = self._judged.get(trial.number)
        if trial.state.is_finished():
            self._settled.add(trial.number)
            self._judged.pop(trial.number, None)
        if candidate is None:
            return
        self.seen.add(candidate.architecture.key())
        if not trial.state.is_finished():
            self.pending.append(candidate)
        elif trial.state != TrialState.FAIL and trial.value is not None and math.isfinite(trial.value):
            self.done.append(candidate)
            self._errors.append(trial.value if study.direction == StudyDirection.MINIMIZE else -trial.value)
            self._pruned.append(trial.state == TrialState.PRUNED)
            if has_diverged(trial):
                self._diverged.append(len(self._errors) - 1)
