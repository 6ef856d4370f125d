"""Which networks the trials of a study are, whoever asked for them: a sampler, another process, or the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from regnas.architecture import key_of_text
from regnas.design_space import Space
from regnas.strategy import WARM
from regnas.system.optuna_internals import enqueued_params

if TYPE_CHECKING:
    from optuna.study import Study


class Proposed:
    """The networks of one study. A trial is read once, and the study only where trials of others came in between.

    Attributes:
        seen: keys of the architectures of all trials, failed ones included.
        given: of those that came from outside: enqueued, or of another study.
        places: of the space's stream, without what is given.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._below = 0  # every trial of a lower number is known
        self._beyond: set[int] = set()  # and these
        self._started = False
        self.seen: set[str] = set()
        self.given: set[str] = set()
        self.places: list[int] = []

    def read(self, study: Study, number: int) -> None:
        """Take up what others asked for, before the trial ``number`` gets a candidate."""
        if self._started and self._below >= number:
            return
        self._started = True
        for trial in study.get_trials(deepcopy=False):
            known = trial.number < self._below or trial.number in self._beyond
            if not known and trial.number != number:
                self._take(trial)
        self._settle()

    def add(self, number: int, key: str, *, given: bool) -> None:
        """A network that trial ``number`` got."""
        self.seen.add(key)
        self.given |= {key} if given else set()
        self._beyond.add(number)
        self._settle()

    def _take(self, trial: FrozenTrial) -> None:
        if "index" in trial.user_attrs and "architecture" in trial.user_attrs:  # of this very study
            key = key_of_text(trial.user_attrs["architecture"])
            self.seen.add(key)
            if enqueued_params(trial):
                self.given.add(key)
        elif (point := self._space.read(trial.params)) is not None:
            found = self._space.judge(point)
            if found is not None:
                key = found.architecture.key()
                self.seen.add(key)
                if WARM in trial.user_attrs or enqueued_params(trial):
                    self.given.add(key)
        elif not trial.state.is_finished():
            return  # its parameters are yet to come
        self._beyond.add(trial.number)

    def _settle(self) -> None:
        while self._below in self._beyond:
            self._beyond.remove(self._below)
            self._below += 1
