"""The time that a study may take, and what it took: of all commands that went on with it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from regnas.system.files import write_json
from regnas.system.reading import fields_if_whole

CLOCK = "time.json"  # in a study's folder
_SECONDS = 5.0  # between two notes of the time
UNLIMITED = 1_000_000_000  # candidates, where the time ends a search


class Clock:
    """Time that goes by while a study's commands run, not between them.

    Args:
        file: where it is kept, so that what was interrupted goes on with what is left.
        limit: seconds; None for as long as it takes.
    """

    def __init__(self, file: Path, limit: float | None = None) -> None:
        self._file = file
        self._began = self._kept = time.monotonic()
        self._before = spent_before(file) if limit is not None else 0.0
        self._took: list[float] = []
        self.limit = limit

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds until the limit; below 0 after it, infinite without one."""
        return float("inf") if self.limit is None else self.limit - self.spent

    @property
    def half_over(self) -> bool:
        """Whether half of the time is spent: what comes before the candidates leaves them the other half."""
        return self.limit is not None and self.spent >= self.limit / 2

    @property
    def usual(self) -> float:
        """Seconds that an evaluation takes: the median of those before; 0 before any."""
        return statistics.median(self._took) if self._took else 0.0

    @property
    def over(self) -> bool:
        """Whether an evaluation that takes as long as usual would not end in time."""
        return self.left < self.usual

    def recall(self, trials: Iterable[FrozenTrial]) -> None:
        """Hear what the evaluations of a study took that goes on."""
        for trial in trials:
            if trial.state == TrialState.COMPLETE and "index" in trial.user_attrs:
                self.took(trial.user_attrs.get("seconds", 0.0))

    def took(self, seconds: float) -> None:
        """An evaluation took so long."""
        self._took.append(seconds)

    def forget(self) -> None:
        """Start anew: what was kept is of another study that had this folder."""
        self._before = 0.0
        with suppress(OSError):  # where nothing can be removed nothing can be written, and that is said elsewhere
            self._file.unlink(missing_ok=True)

    def tick(self) -> None:
        """Remember what is spent, every few seconds: a command that is killed loses no more."""
        if time.monotonic() - self._kept > _SECONDS:
            self.keep()

    def keep(self) -> None:
        """Remember what is spent."""
        self._kept = time.monotonic()
        if self.limit is not None:
            write_json(self._file, {"schema": 1, "seconds": math.ceil(10 * self.spent) / 10})


def spent_before(file: Path) -> float:
    """Seconds that earlier commands kept; 0 where none did."""
    stored = fields_if_whole(file, seconds=float)
    return 0.0 if stored is None else max(0.0, float(stored["seconds"]))
