"""A database that goes away for a while: what is heard of it, and waiting for it to come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from optuna.storages import BaseStorage

from regnas.errors import StudyError
from regnas.system.optuna_internals import database_of

T = TypeVar("T")

LIMIT = 300.0  # seconds that a database may be away
_FIRST, _MOST = 0.5, 10.0  # seconds between two attempts


class DatabaseAway(StudyError):
    """The database does not answer, or hung up. What was asked of it last was done, or was not."""


def hear_outages(storage: BaseStorage) -> None:
    """Let a lost connection raise `DatabaseAway`.

    Optuna makes one error of all that a database says, and writes a new trial again without looking whether it is
    there; this error passes through Optuna as it is. A SQLite file does not go away.
    """
    database = database_of(storage)
    if database is None or database.engine.dialect.name == "sqlite":
        return
    from sqlalchemy import event

    @event.listens_for(database.engine, "handle_error")
    def heard(context: Any) -> None:
        if context.is_pre_ping:
            return  # the pool is about to connect again
        if context.is_disconnect or context.connection is None:
            raise DatabaseAway(_first_line(context.original_exception)) from context.original_exception


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class Patience:
    """Tries again while a database is away, for a limited time.

    Args:
        limit: seconds from the first failure to the last attempt.
        clock, sleep: seconds; of a test, not the real ones.

    Attributes:
        say: told in one line of every outage and its end.
        stopped: whether the user does not want to wait any longer.
    """

    def __init__(
        self,
        limit: float = LIMIT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self.say: Callable[[str], None] = lambda line: None
        self.stopped: Callable[[], bool] = lambda: False

    def through(self, attempt: Callable[[], T], found: Callable[[], T | None] | None = None) -> T:
        """What ``attempt`` returns, as soon as the database answers.

        Args:
            found: looks whether a lost attempt did its work, and returns what it would have; None where it did not.
                Without, an attempt can be made twice.

        Raises:
            StudyError: it was away for too long, or the user does not want to wait.
        """
        try:
            return attempt()
        except DatabaseAway as error:
            lost = error
        begun, delay = self._clock(), _FIRST
        self.say(f"the database is away, waiting up to {self._limit:.0f} s for it: {lost}")
        while True:
            if self.stopped() or self._clock() - begun + delay > self._limit:
                raise StudyError(
                    f"the database was away for {self._clock() - begun:.0f} s ({lost}); nothing that is finished is "
                    f"lost, and the same command goes on when it is back"
                ) from lost
            self._sleep(delay)
            delay = min(2 * delay, _MOST)
            try:
                there = None if found is None else found()
                done = attempt() if there is None else there
            except DatabaseAway as error:
                lost = error
                continue
            self.say(f"the database is back after {self._clock() - begun:.0f} s")
            return done
