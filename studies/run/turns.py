"""Whose turn it is: candidates in flight, and those that are set aside on their way."""

from __future__ import annotations

from regnas.pruner import Verdict
from regnas.studies.run.fidelity import Fidelity
from regnas.studies.run.pending import PendingTrial, count
from regnas.studies.run.telling import Telling


class Turns:
    """The pending trials of a study, each in one place.

    Attributes:
        in_flight: by index.
        exhausted: there is no new candidate left.
        over: the time is over: only what is in flight goes on, and what it takes to have one whole candidate.
    """

    def __init__(self, telling: Telling, fidelity: Fidelity) -> None:
        self._telling = telling
        self._fidelity = fidelity
        self._waiting: list[PendingTrial] = []
        self._paused: dict[int, PendingTrial] = {}
        self._promoted: list[PendingTrial] = []
        self.in_flight: dict[int, PendingTrial] = {}
        self.exhausted = False
        self.over = False

    @property
    def ended(self) -> int:
        """Candidates of the budget that are told, or would be if the study ended now."""
        return self._telling.completed + self._telling.pruned + len(self._paused) + len(self._promoted)

    def startable(self, budget: int) -> bool:
        """Whether an evaluation could start now if a worker were free."""
        if not self._fidelity.left(len(self.in_flight) + 1):
            return False
        if self.over and (self._telling.completed or self.in_flight):
            return False
        if self.over and self._paused:
            return self._promote_last()
        room = self.ended + count(self.in_flight.values()) < budget
        if self._promote() or (room and (self._waiting or not self.exhausted)):
            return True
        return self._promote_last()

    def next(self) -> PendingTrial | None:
        """The one that goes on now: promoted, or evaluated again; None where it is a new candidate's turn."""
        for queue in (self._promoted, self._waiting):
            if queue:
                return queue.pop(0)
        return None

    def _promote(self) -> bool:
        """Whether a paused candidate goes on before a new one starts."""
        if not self._promoted and (index := self._fidelity.promoted(self._paused)) is not None:
            self._promoted.append(self._paused.pop(index))
        return bool(self._promoted)

    def _promote_last(self) -> bool:
        """Whether the study would end without a whole candidate: then the one that came furthest goes on.

        With fewer than eta candidates on a rung, none is promoted from it; a search must have a winner.
        """
        if self._telling.completed or self.in_flight or not self._paused:
            return False
        furthest = min(self._paused.values(), key=lambda one: (-len(one.reported), one.error, one.index))
        self._promoted.append(self._paused.pop(furthest.index))
        return True

    def twin(self, key: str) -> PendingTrial | None:
        """A candidate in flight of the same network."""
        return next((one for one in self.in_flight.values() if one.key == key), None)

    def set_aside(self, pending: PendingTrial) -> None:
        """A candidate that does not train now: paused, stopped for good, or to go on as soon as it can."""
        if pending.verdict is Verdict.GO:
            self._waiting.append(pending)
        elif pending.verdict is Verdict.STOP:
            self._telling.prune(pending)
        else:
            pending.trial.set_user_attr("seconds", round(pending.seconds, 3))
            self._paused[pending.index] = pending

    def close(self) -> None:
        """The study is over, and what is paused stays unfinished; without any whole candidate it has to go on."""
        if not self._fidelity.active or not self._telling.completed:
            return
        unfinished = [*self._paused.values(), *self._waiting, *self._promoted]
        for pending in sorted(unfinished, key=lambda one: one.index):
            if pending.reported:
                self._telling.prune(pending)
        self._paused, self._waiting, self._promoted = {}, [], []
