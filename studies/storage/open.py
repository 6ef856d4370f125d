"""Where studies are kept: an Optuna URL, a journal file, or a SQLite file in the output folder."""

from __future__ import annotations

import importlib.util
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from regnas.errors import RegnasError, StudyError
from regnas.studies.storage.address import DATABASE, Address, address_of, sqlite_url
from regnas.studies.storage.compatibility import check_writable
from regnas.studies.storage.locks import making
from regnas.studies.storage.outage import hear_outages
from regnas.studies.storage.secrets import scrubbed, without_password
from regnas.system.optuna_internals import JOURNAL_ENTRY, counted_trials, database_of, study_id
from regnas.system.reading import no_file

METRIC = "val_top1_err"
DEFAULT_OUT = "regnas-runs"
_GRACE = 5  # seconds without a write after which the lock of a journal counts as left behind by a kill -9
_ATTEMPTS = 5  # at making tables that other processes make at the same time


def storage_url(storage: str | None, out: Path) -> str:
    """The URL or the journal file that a storage option names; the default is a SQLite file in ``out``."""
    return storage if storage else sqlite_url(out / DATABASE)


def open_storage(text: str) -> BaseStorage:
    """Open an Optuna URL or, without ``://``, a journal file, to write to it; what is not there is made.

    Raises:
        UsageError: it is no storage's name, or one in memory.
        StudyError: unreadable, damaged, or not writable.
    """
    address = address_of(text)
    check_regular(address, text)
    try:
        if address.kind == "journal":
            return _journal(Path(text))
        if address.file is None:
            storage = _database(text)
            hear_outages(storage)
            return storage
        address.file.parent.mkdir(parents=True, exist_ok=True)
        with making(address.file):
            return RDBStorage(text, engine_kwargs=engine_options(text))
    except StudyError:
        raise
    except ImportError as error:
        raise StudyError(without_driver(text)) from error
    except Exception as error:  # SQLAlchemy, its drivers, the file system and JSON: all mean the same to a user
        raise unusable(text, error) from error


def _database(text: str) -> RDBStorage:
    """A database with its tables, which other processes may be making, too."""
    from sqlalchemy.exc import DBAPIError

    for attempt in range(1, _ATTEMPTS):
        try:
            return RDBStorage(with_driver(text), engine_kwargs=engine_options(text))
        except DBAPIError as error:
            if not made_meanwhile(error):
                raise
            time.sleep(0.2 * attempt)
    return RDBStorage(with_driver(text), engine_kwargs=engine_options(text))


def made_meanwhile(error: Exception) -> bool:
    """Whether what could not be made is there because another process made it."""
    from sqlalchemy.exc import IntegrityError

    return isinstance(error, IntegrityError) or "already exists" in str(error)


def with_driver(text: str) -> str:
    """A URL of PostgreSQL that names no Python driver, with the one that is installed; which is the default depends on
    the release of SQLAlchemy.
    """
    kind, _, rest = text.partition("://")
    if kind in ("postgresql", "postgres"):
        for driver in ("psycopg", "psycopg2"):
            if importlib.util.find_spec(driver) is not None:
                return f"postgresql+{driver}://{rest}"
    return text


def check_regular(address: Address, text: str) -> None:
    """Refuse a storage that is there and is no regular file: a pipe would be waited for.

    Raises:
        StudyError: it is none.
    """
    file = address.file
    if file is not None and file.exists() and (kind := no_file(file.stat().st_mode)):
        raise unusable(text, ValueError(f"it is {kind}, and a file is asked"))


def engine_options(text: str) -> dict[str, Any]:
    """How a database is connected to: what waits for how long."""
    if text.startswith("sqlite"):
        return {"connect_args": {"timeout": 60}}
    found: dict[str, Any] = {"pool_pre_ping": True}  # a connection may be gone since it was last used
    if text.startswith(("postgresql:", "postgres:", "postgresql+psycopg")):
        # Without these, a machine that vanishes is waited for for hours.
        found["connect_args"] = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
    return found


def without_driver(text: str) -> str:
    """What to install for a storage's URL."""
    kind = text.partition("://")[0]
    way = (
        "pip install 'regnas[postgres]'"
        if kind in ("postgresql", "postgres")
        else f"install a Python driver for {kind}"
    )
    return f"the storage {without_password(text)} needs a package that is not installed: {way}"


def unusable(text: str, error: Exception) -> StudyError:
    """What is said of a storage that does not work, whatever it raised."""
    return StudyError(
        f"cannot use the storage {without_password(text)}: {scrubbed(_first_line(error), [text])}; check it, or name "
        f"another with --storage"
    )


def _first_line(error: BaseException) -> str:
    """What an exception says, without the driver's name for it in front."""
    if isinstance(error, LookupError | AttributeError):  # these say a name, or that one is missing
        return "what it holds is damaged, or of another kind"
    lines = re.sub(r"^\([\w.]+\) ", "", str(error).strip()).splitlines()
    return lines[0] if lines else "it is damaged"


@contextmanager
def readable(text: str) -> Iterator[None]:
    """While a storage is read: what is wrong with its content is said of it.

    Raises:
        StudyError: a table, a text or JSON in it is damaged.
    """
    try:
        yield
    except RegnasError:
        raise
    except Exception as error:  # as in open_storage
        raise unusable(text, error) from error


def _journal(path: Path) -> JournalStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    mend_journal(path)
    with quiet():
        return JournalStorage(JournalFileBackend(str(path.resolve()), journal_lock(path)))


def journal_lock(path: Path) -> JournalFileSymlinkLock:
    # Optuna's lock is a link to the path as given: after a kill -9, a relative one is waited for without end.
    return JournalFileSymlinkLock(str(path.resolve()), grace_period=_GRACE)


def mend_journal(path: Path) -> None:
    """Drop a last line that was cut off while it was written.

    A journal cut in mid-line opens once, then the next entry is glued to the rest and it never opens again. The
    cut-off rest is kept beside the journal.

    Raises:
        StudyError: it is no journal of Optuna.
    """
    data = path.read_bytes() if path.exists() else b""
    if not data or data.endswith(b"\n"):
        return
    if not data.startswith(JOURNAL_ENTRY) and not JOURNAL_ENTRY.startswith(data):  # a user's own file: not to be cut
        raise StudyError(f"{path} is not an Optuna journal; name another file with --storage")
    lock = journal_lock(path)
    lock.acquire()  # a search may be in the middle of this very line
    try:
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            path.with_name(path.name + ".cut").write_bytes(data[len(whole) :])
            with path.open("r+b") as file:
                file.truncate(len(whole))
    finally:
        lock.release()


def open_study(text: str, name: str, sampler: Any) -> optuna.Study:
    """Load or create a study in a storage, minimising ``val_top1_err``.

    Raises:
        StudyError: the storage cannot be opened, holds something else, or is another Optuna's.
    """
    storage = open_storage(text)
    try:
        check_writable(storage, text)
        with quiet():
            study = optuna.create_study(
                storage=storage, study_name=name, direction="minimize", load_if_exists=True, sampler=sampler
            )
            if study.metric_names is None:
                study.set_metric_names([METRIC])
    except StudyError:
        raise
    except Exception as error:  # as in open_storage: a storage that opens need not be one
        raise unusable(text, error) from error
    return study


def find_study(text: str, name: str) -> optuna.Study | None:
    """A study of a storage; None where there is no such study, or no storage yet.

    Raises:
        StudyError: the storage cannot be opened, or holds something else.
    """
    if address_of(text).missing:
        return None
    storage = open_storage(text)
    try:
        with quiet():
            return optuna.load_study(study_name=name, storage=storage) if name in stored_names(storage) else None
    except Exception as error:  # as in open_storage: a storage that opens need not be one
        raise unusable(text, error) from error


def stored_names(storage: BaseStorage) -> list[str]:
    """Names of all studies in a storage."""
    return sorted(optuna.get_all_study_names(storage))


def trial_states(storage: BaseStorage) -> dict[int, str]:
    """How many trials of every study are in which state, as text such as ``COMPLETE 12, FAIL 1``, by the identity of
    the study.

    A database counts them itself: Optuna would load every trial of every study.
    """
    if (database := database_of(storage)) is not None:
        return {study: counted_states(states) for study, states in counted_trials(database).items()}
    identities = [study_id(one) for one in storage.get_all_studies()]
    loaded = {one: storage.get_all_trials(one, deepcopy=False) for one in identities}
    return {study: counted_states(Counter(trial.state.name for trial in trials)) for study, trials in loaded.items()}


def counted_states(states: Counter[str]) -> str:
    """``COMPLETE 12, FAIL 1``."""
    return ", ".join(f"{state} {count}" for state, count in sorted(states.items()))


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's log lines and its warnings about experimental features that regnas relies on."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
