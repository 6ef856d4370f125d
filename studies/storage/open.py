"""Where studies are kept: an Optuna URL, a journal file, or a SQLite file in the output folder."""

from __future__ import annotations

import importlib.util
import os
import re
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
from regnas.studies.storage.compatibility import check_writable, without_password
from regnas.studies.storage.outage import hear_outages
from regnas.system.optuna_internals import JOURNAL_ENTRY, counted_trials, database_of, study_id
from regnas.system.reading import no_file

METRIC = "val_top1_err"
DATABASE = "regnas.db"
DEFAULT_OUT = "regnas-runs"
_GRACE = 5  # seconds without a write after which the lock of a journal counts as left behind by a kill -9


def storage_url(storage: str | None, out: Path) -> str:
    """The URL or the journal file that a storage option names; the default is a SQLite file in ``out``."""
    return storage if storage else f"sqlite:///{out / DATABASE}"


def open_storage(text: str) -> BaseStorage:
    """Open an Optuna URL or, without ``://``, a journal file.

    Raises:
        StudyError: unreadable, damaged, or not writable.
    """
    file = storage_file(text)
    if file is not None and file.exists() and not file.is_dir() and (kind := no_file(file.stat().st_mode)):
        raise _unusable(text, ValueError(f"it is {kind}, and a file is asked"))
    try:
        if "://" not in text:
            return _journal(Path(text))
        if text.startswith("sqlite:///"):
            Path(text.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        storage = RDBStorage(with_driver(text), engine_kwargs=_engine(text))
        hear_outages(storage)
        return storage
    except StudyError:
        raise
    except ImportError as error:
        raise StudyError(_without_driver(text)) from error
    except Exception as error:  # SQLAlchemy, its drivers, the file system and JSON: all mean the same to a user
        raise _unusable(text, error) from error


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


def _engine(text: str) -> dict[str, Any]:
    """How a database is connected to: what waits for how long."""
    if text.startswith("sqlite"):
        return {"connect_args": {"timeout": 60}}
    found: dict[str, Any] = {"pool_pre_ping": True}  # a connection may be gone since it was last used
    if text.startswith(("postgresql:", "postgres:", "postgresql+psycopg")):
        # Without these, a machine that vanishes is waited for for hours.
        found["connect_args"] = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
    return found


def _without_driver(text: str) -> str:
    kind = text.partition("://")[0]
    way = (
        "pip install 'regnas[postgres]'"
        if kind in ("postgresql", "postgres")
        else f"install a Python driver for {kind}"
    )
    return f"the storage {without_password(text)} needs a package that is not installed: {way}"


def _unusable(text: str, error: Exception) -> StudyError:
    return StudyError(
        f"cannot use the storage {without_password(text)}: {_first_line(error)}; check it, or name another with "
        f"--storage"
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
        raise _unusable(text, error) from error


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
        raise _unusable(text, error) from error
    return study


def find_study(text: str, name: str) -> optuna.Study | None:
    """A study of a storage; None where there is no such study, or no storage yet.

    Raises:
        StudyError: the storage cannot be opened, or holds something else.
    """
    file = text.removeprefix("sqlite:///")
    if "://" not in file and not Path(file).exists():
        return None
    storage = open_storage(text)
    try:
        with quiet():
            return optuna.load_study(study_name=name, storage=storage) if name in stored_names(storage) else None
    except Exception as error:  # as in open_storage: a storage that opens need not be one
        raise _unusable(text, error) from error


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


def storage_file(text: str) -> Path | None:
    """The file of a SQLite URL or a journal; None where the storage is no file of this machine."""
    path = text.removeprefix("sqlite:///")
    return None if "://" in path or path in ("", ":memory:") else Path(path)


class FolderLock:
    """One driver per study: a lock in a folder that ends with the process, however it ends.

    Args:
        folder: the study's, or that of its storage.
        name: of the file that is locked.
        storage: as given, where it is its folder: an error then speaks of it.

    Raises:
        StudyError: another process holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str = "lock", storage: str | None = None) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / name).open("a+")
        except OSError as error:
            if storage is not None:
                raise _unusable(storage, error) from error
            raise StudyError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error
        if not _lock(self._file):
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StudyError(f"this study is being run by process {holder}; wait for it, or give --study NAME")
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the next driver in."""
        self._file.close()


def _lock(file: Any) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
