"""What became of the trials of a study: told each once, counted, and remembered where copies are to share it."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import StudyError
from regnas.evaluator import REMARK, Result
from regnas.metric import from_columns
from regnas.objective import ERROR, Objective
from regnas.studies.run.checkpoints import Checkpoints
from regnas.studies.run.fidelity import Fidelity
from regnas.studies.run.pending import PendingTrial, copied, further
from regnas.studies.run.progress import Progress

TRIES = 3  # failures after which a candidate is given up


class TooManyFailures(StudyError):
    """Candidates fail, and few or none succeed: the study cannot go on."""


class Telling:
    """Reports epochs and tells results.

    Args:
        folder: of the study.
        reuses: whether candidates of one network share a result.
        objective: what trials are told; None for the error.

    Attributes:
        completed, pruned: trials that are told.
        best: value and index of the best trial that was complete, and had not diverged, before this driver began.
    """

    def __init__(
        self,
        study: optuna.Study,
        folder: Path,
        *,
        checkpoints: Checkpoints,
        fidelity: Fidelity,
        progress: Progress,
        reuses: bool,
        objective: Objective | None = None,
    ) -> None:
        self._study = study
        self._folder = folder
        self._checkpoints = checkpoints
        self._fidelity = fidelity
        self._progress = progress
        self._reuses = reuses
        self._objective = objective
        self._results: dict[str, tuple[int, Result]] = {}  # by architecture
        self._given_up: list[str] = []
        self.completed = 0
        self.pruned = 0
        self.best: tuple[float, int] | None = None

    def known(self, key: str) -> Result | None:
        """The result of a network as that of a copy, where there is one and copies share it."""
        if not self._reuses or key not in self._results:
            return None
        index, result = self._results[key]
        return copied(result, index)

    def count_complete(self, trial: FrozenTrial, key: str) -> None:
        """A trial that was told before this driver began.

        Args:
            key: of its network; any word where copies share nothing.
        """
        self.completed += 1
        attributes = trial.user_attrs
        value = float(trial.value if trial.value is not None else 1.0)
        error = attributes.get(ERROR, value)
        diverged = bool(attributes.get("diverged"))
        if not diverged:
            self.best = min(self.best or (math.inf, 0), (value, attributes["index"]))
        self._checkpoints.rank(value, attributes["index"], diverged)
        if self._reuses:
            result = Result(
                error=error,
                seconds=0.0,
                diverged=diverged,
                epochs=len(trial.intermediate_values),
                errors=tuple(value for _, value in sorted(trial.intermediate_values.items())),
                notes={"reused": attributes["index"]},
                metrics=from_columns(attributes),
            )
            self._results.setdefault(key, (attributes["index"], result))

    def report(
        self, pending: PendingTrial, epoch: int, error: float, *, trained: bool = True, diverged: bool = False
    ) -> None:
        """An epoch is over; one that is reported again is not heard.

        Args:
            trained: whether it was trained for this trial, not copied.
            diverged: in this epoch.
        """
        if epoch - 1 in pending.reported:  # Optuna's steps count from 0
            return
        pending.reported.add(epoch - 1)
        pending.error = error
        pending.trial.report(error, epoch - 1)
        if trained:
            pending.verdict = self._fidelity.report(pending.index, epoch, math.inf if diverged else error)
            self._progress.spent(self._fidelity.spent, self._fidelity.limit)

    def complete(self, pending: PendingTrial, result: Result) -> None:
        """Tell a result."""
        kept = further(result)
        pending.describe(seconds=round(result.seconds, 3), diverged=int(result.diverged), **kept)
        for epoch, error in enumerate(result.errors, 1):
            diverged = result.diverged and epoch == len(result.errors)
            self.report(pending, epoch, error, trained="reused" not in result.notes, diverged=diverged)
        value = result.error
        if self._objective is not None:
            value = self._objective.value(result.error, pending.candidate.complexity)
            pending.describe(**{ERROR: result.error})
        self._study.tell(pending.trial, value)
        self.completed += 1
        if self._reuses:
            self._results.setdefault(pending.key, (pending.index, result))
        self._checkpoints.rank(value, pending.index, result.diverged)
        self._progress.ended(pending.index, pending.candidate, result, None if self._objective is None else value)
        if REMARK in kept:
            self._progress.say(f"candidate {pending.index} (network {pending.key}): {kept[REMARK]}")

    def prune(self, pending: PendingTrial) -> None:
        """Tell a candidate that will not be whole; its value is then its last error, and its state keeps it apart."""
        pending.describe(seconds=round(pending.seconds, 3), diverged=0)
        self._study.tell(pending.trial, state=TrialState.PRUNED)
        self.pruned += 1
        self._checkpoints.remove(pending.index)

    def failed(self, pending: PendingTrial, message: str, ended: int, *, again: bool = True) -> bool:
        """An evaluation failed; returns whether its candidate, with its copies, is given up.

        Args:
            ended: candidates of the study that have not failed.
            again: whether another try may end otherwise.

        Raises:
            TooManyFailures: few or none succeed.
        """
        pending.failures += 1
        pending.trial.set_user_attr("failures", pending.failures)
        tried = f" ({pending.failures} of {TRIES})" if again else ""
        self._progress.failed(pending.index, f"candidate {pending.index} failed{tried}: {message}")
        if again and pending.failures < TRIES:
            return False
        for lost in [pending, *pending.copies]:
            lost.describe(failure=message)
            self._study.tell(lost.trial, state=TrialState.FAIL)
        self._given_up.append(message)
        if len(self._given_up) >= TRIES and not ended:
            raise TooManyFailures(
                f"the first {len(self._given_up)} candidates failed{f' {TRIES} times each' if again else ''} and none "
                f"succeeded; "
                f"the last: {message} (logs: {self._folder / 'logs'})"
            )
        if len(self._given_up) > 10 + ended:
            raise TooManyFailures(f"{len(self._given_up)} candidates failed, more than succeeded; the last: {message}")
        return True
