"""How long candidates train: the verdicts of a pruner, and a budget of epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from optuna.trial import FrozenTrial, TrialState

from regnas.pruner import Pruner, Verdict


class Fidelity:
    """Hears of every epoch of a study and says who trains on. Without a pruner and a limit, everyone does.

    Every candidate in flight is training one epoch. It goes on only while there is another one for it, so that the
    limit is met exactly, with any number of workers. An epoch that is trained again, after a failure or by an evaluator
    that cannot resume, counts once.

    Args:
        epochs: of a whole training; None where neither is used.
        limit: epochs of all candidates together.
    """

    def __init__(self, pruner: Pruner | None = None, epochs: int | None = None, limit: int | None = None) -> None:
        self._pruner = pruner
        self._epochs = epochs
        self.limit = limit
        self.spent = 0
        self._due: list[int] = []

    @property
    def active(self) -> bool:
        """Whether a candidate may be stopped before its end."""
        return self._pruner is not None or self.limit is not None

    def report(self, index: int, epoch: int, error: float) -> Verdict:
        """The pruner's verdict on an epoch that was not reported before; a whole training goes on to its result.

        Args:
            error: infinity of an epoch in which the training diverged.
        """
        self.spent += 1
        verdict = Verdict.GO if self._pruner is None else self._pruner.report(index, epoch, error)
        return Verdict.GO if self._epochs is not None and epoch >= self._epochs else verdict

    def left(self, flying: int) -> bool:
        """Whether there is an epoch for each of so many candidates in flight."""
        return self.limit is None or self.spent + flying <= self.limit

    def ends(self, epoch: int) -> bool:
        """Whether a whole training has no further epoch."""
        return self._epochs is not None and epoch >= self._epochs

    def promoted(self, paused: Mapping[int, object]) -> int | None:
        """One of the paused candidates that goes on now.

        A pruner may name one whose worker has yet to leave it: its turn comes when it is paused.
        """
        found = next((index for index in self._due if index in paused), None)
        if found is not None:
            self._due.remove(found)
        while found is None and self._pruner is not None and (index := self._pruner.promoted()) is not None:
            if index in paused:
                found = index
            else:
                self._due.append(index)
        return found

    def replay(self, trials: Iterable[FrozenTrial]) -> dict[int, Verdict]:
        """Hear of what is stored; returns the last verdict on every candidate in flight.

        Candidates that ended come first, so that those in flight are held against all of them.
        """
        verdicts: dict[int, Verdict] = {}
        indexed = [trial for trial in trials if "index" in trial.user_attrs and "reused" not in trial.user_attrs]
        for trial in sorted(indexed, key=lambda one: (one.state == TrialState.RUNNING, one.user_attrs["index"])):
            index = trial.user_attrs["index"]
            last = max(trial.intermediate_values, default=0) if trial.user_attrs.get("diverged") else None
            for step, error in sorted(trial.intermediate_values.items()):
                verdict = self.report(index, step + 1, math.inf if step == last else error)
                if trial.state == TrialState.RUNNING:
                    verdicts[index] = verdict
        return verdicts


def epochs_spent(trials: Iterable[FrozenTrial]) -> int:
    """Epochs that the candidates of a study were trained; what was copied or came from another study is no training."""
    own = (trial for trial in trials if "index" in trial.user_attrs and "reused" not in trial.user_attrs)
    return sum(len(trial.intermediate_values) for trial in own)
