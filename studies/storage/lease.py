"""One driver per study where several machines share a database: a lease that expires.

A lock on a folder ends with its process; a row in a database does not. So a driver holds a study for a minute at a time
and renews that, and another one may start when the minute is over. Time is the database's own: no two machines need the
same clock.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from optuna.storages import BaseStorage

from regnas.errors import StudyError
from regnas.studies.storage.outage import DatabaseAway
from regnas.system.optuna_internals import database_of

SECONDS = 60.0  # that a lease lasts without being renewed
TABLE = "regnas_leases"
# Seconds since 1970 by the database's clock.
_NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "UNIX_TIMESTAMP(SYSDATE(6))",
    "mariadb": "UNIX_TIMESTAMP(SYSDATE(6))",
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
}


class LeaseLost(StudyError):
    """Another driver has the study now."""


def needs_lease(storage: BaseStorage) -> bool:
    """Whether a storage can be reached from other machines; of a SQLite file or a journal, a file is locked."""
    database = database_of(storage)
    return database is not None and database.engine.dialect.name != "sqlite"


class Lease:
    """A study that is held by this driver alone.

    Args:
        storage: a database; it gets a table of one row for every study that is or was held.
        seconds: that the lease lasts without being renewed.

    Raises:
        StudyError: another driver holds the study; until when, unless it renews.
    """

    def __init__(self, storage: BaseStorage, study: str, seconds: float = SECONDS) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        database = database_of(storage)
        if database is None:
            raise StudyError("only a study in a database can be held; a file is locked")
        dialect = database.engine.dialect
        if dialect.name not in _NOW:
            raise StudyError(f"a study cannot be held in {dialect.name}; use PostgreSQL, MySQL or MariaDB")
        self._now = _NOW[dialect.name]
        # A connection of its own: the thread that renews shares none with the driver.
        self._engine = create_engine(database.engine.url, poolclass=NullPool, connect_args=_brief(dialect))
        self._study = study
        self._seconds = seconds
        self._token = uuid.uuid4().hex
        self._lost = False
        self._until = 0.0  # by this process's clock
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._make_table()
        if not self._take():
            raise StudyError(self._refusal())
        threading.Thread(target=self._keep_renewing, daemon=True).start()

    def check(self) -> None:
        """Called before every write.

        Raises:
            LeaseLost: another driver has taken the study, after this one did not renew in time.
            DatabaseAway: the lease ran out while the database did not answer; nobody knows who has it.
        """
        if time.monotonic() >= self._until and not self._lost:
            self._renew()
        if self._lost:
            raise self._loss()

    def fence(self, connection: Any) -> None:
        """Hold the lease's row until the transaction of a write ends: a driver that was asleep since `check` writes
        nothing after another one has taken the study, and that one waits until this write is there.

        Raises:
            LeaseLost: another driver has taken the study.
        """
        from sqlalchemy import column, select, table

        leases = table(TABLE, column("study"), column("holder"))
        mine = (leases.c.study == self._study, leases.c.holder == self._token)
        if connection.execute(select(leases.c.study).where(*mine).with_for_update(read=True)).first() is None:
            self._lost = True
            raise self._loss()

    def _loss(self) -> LeaseLost:
        return LeaseLost(
            f"another driver has taken over study {self._study!r}: this one did not renew its lease for "
            f"{self._seconds:.0f} s; it has stopped, and what it was evaluating is evaluated there"
        )

    def release(self) -> None:
        """Let the next driver in at once."""
        self._ended.set()
        try:
            self._execute(f"UPDATE {TABLE} SET expires = 0 WHERE study = :study AND holder = :token")
        except Exception:  # it runs out by itself
            pass
        self._engine.dispose()

    # --- the row --------------------------------------------------------------------------------------------

    def _execute(self, statement: str, **values: Any) -> int:
        from sqlalchemy import text
        from sqlalchemy.exc import InterfaceError, OperationalError

        try:
            with self._engine.begin() as connection:
                held = {"study": self._study, "token": self._token, "seconds": self._seconds}
                return connection.execute(text(statement), {**held, **values}).rowcount
        except (InterfaceError, OperationalError) as error:
            raise DatabaseAway(str(error.orig).strip().partition("\n")[0]) from error

    def _make_table(self) -> None:
        from sqlalchemy import inspect
        from sqlalchemy.exc import DBAPIError

        if inspect(self._engine).has_table(TABLE):
            return
        try:
            self._execute(
                f"CREATE TABLE IF NOT EXISTS {TABLE} (study VARCHAR(512) PRIMARY KEY, holder VARCHAR(32) NOT NULL, "
                f"said VARCHAR(255) NOT NULL, expires DOUBLE PRECISION NOT NULL)"
            )
        except DBAPIError:
            if not inspect(self._engine).has_table(TABLE):  # else another driver made it at the same time
                raise

    def _take(self) -> bool:
        from sqlalchemy.exc import IntegrityError

        asked = time.monotonic()
        said = f"process {os.getpid()} on {socket.gethostname()}"[:255]
        taken = self._execute(
            f"UPDATE {TABLE} SET holder = :token, said = :said, expires = {self._now} + :seconds "
            f"WHERE study = :study AND expires < {self._now}",
            said=said,
        )
        if not taken:
            try:
                taken = self._execute(
                    f"INSERT INTO {TABLE} (study, holder, said, expires) "
                    f"VALUES (:study, :token, :said, {self._now} + :seconds)",
                    said=said,
                )
            except IntegrityError:  # it is held
                return False
        self._until = asked + self._seconds
        return True

    def _renew(self) -> None:
        with self._lock:
            asked = time.monotonic()
            renewed = self._execute(
                f"UPDATE {TABLE} SET expires = {self._now} + :seconds WHERE study = :study AND holder = :token"
            )
            if renewed:
                self._until = asked + self._seconds
            else:
                self._lost = True

    def _keep_renewing(self) -> None:
        while not self._ended.wait(self._seconds / 4) and not self._lost:
            try:
                self._renew()
            except Exception:  # the next time, or the driver's own writes, will say
                continue

    def _refusal(self) -> str:
        from sqlalchemy import text

        with self._engine.connect() as connection:
            row = connection.execute(
                text(f"SELECT said, expires - {self._now} FROM {TABLE} WHERE study = :study"), {"study": self._study}
            ).first()
        holder, left = (str(row[0]), max(0.0, float(row[1]))) if row is not None else ("another driver", 0.0)
        end = datetime.now() + timedelta(seconds=left)
        return (
            f"study {self._study!r} is being run by {holder}, whose lease ends in {left:.0f} s, at {end:%H:%M:%S}, "
            f"unless it renews it; wait until then if it is gone, or give --study NAME"
        )


def _brief(dialect: Any) -> dict[str, Any]:
    """Nothing about a lease may take long: who waits for it does not know whether it still has it."""
    if dialect.name == "postgresql" and dialect.driver in ("psycopg2", "psycopg"):
        return {"connect_timeout": 10, "tcp_user_timeout": 10_000, "options": "-c statement_timeout=10000"}
    return {}


@contextmanager
def held(storage: BaseStorage, study: str) -> Iterator[Lease | None]:
    """The lease of a study while it runs; None for a storage that is a file: a lock guards it."""
    if not needs_lease(storage):
        yield None
        return
    lease = Lease(storage, study)
    try:
        yield lease
    finally:
        lease.release()
