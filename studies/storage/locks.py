"""Locks that end with their process, however it ends: of a folder, of a study in a file, of the making of tables.

A lock is a file that is held; its text is the process that holds it. What is locked is a thing, not a name: the file
lies beside what links lead to, and a storage that has several names of its own (hard links) is held by its inode, too.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from regnas.errors import StudyError
from regnas.studies.storage.address import Address

NAME = "lock"
_STUDY = ("this study", "give --study NAME")
_FAR = 1 << 30  # a byte behind any text
_PATIENCE = 60.0  # seconds that another process may take to make tables


class FileLock:
    """A file that one process holds at a time.

    Args:
        path: of the file, made with its folder.
        what: is locked, and what else its user may give: of the error.
        lasting: whether the file stays when it is let go.

    Raises:
        StudyError: another process holds it.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, what: tuple[str, str] = _STUDY, *, lasting: bool = True) -> None:
        self._path = path
        self._lasting = lasting
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self._file = path.open("a+")
            if not _lock(self._file):
                self._file.seek(0)
                holder = self._file.read().strip()
                self._file.close()
                raise _held(what, holder)
            if _is(path, self._file):
                break
            self._file.close()  # who held it has removed it: it locks nothing any more
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the next one in."""
        if self._file.closed:
            return
        if not self._lasting:
            try:
                self._path.unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone
            except OSError:
                pass  # Windows removes no file that is open
        self._file.close()


class FolderLock(FileLock):
    """A folder with one writer at a time.

    Raises:
        StudyError: another process holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path, what: tuple[str, str] = _STUDY, *, lasting: bool = True) -> None:
        try:
            super().__init__(folder / NAME, what, lasting=lasting)
        except OSError as error:
            raise StudyError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def refuse_if_held(folder: Path, what: tuple[str, str]) -> None:
    """Say early, before anything is loaded, that a folder has a writer; nothing is made.

    Raises:
        StudyError: it has.
    """
    if (folder / NAME).exists():
        FolderLock(folder, what).release()


@contextmanager
def locked(folder: Path, what: tuple[str, str], *, lasting: bool = False) -> Iterator[None]:
    """While a folder has no other writer; arguments and errors as of `FolderLock`."""
    lock = FolderLock(folder, what, lasting=lasting)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def making(file: Path) -> Iterator[None]:
    """While no other process makes the tables of a SQLite file.

    Raises:
        StudyError: another one has been at it for a minute.
    """
    place, end = file.resolve(), time.monotonic() + _PATIENCE
    while True:
        try:
            lock = FileLock(_beside(place, "making"), ("the making of its tables", "try again"), lasting=False)
            break
        except StudyError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.release()


class StudyLock:
    """One driver of a study in a file, by whatever name the file goes.

    Args:
        where: the storage; nothing is locked of one that is no file.

    Raises:
        StudyError: another process drives the study.
        OSError: the lock cannot be made.
    """

    def __init__(self, where: Address, study: str) -> None:
        self._where = where
        self._study = study
        self._held = ExitStack()
        if where.file is not None:
            lock = FileLock(_beside(where.file.resolve(), study), lasting=False)
            self._held.callback(lock.release)

    def hold_inode(self) -> None:
        """Hold the file itself as well, once it is there: hard links to it lie in other places.

        Raises:
            StudyError: another process drives the study.
        """
        if self._where.file is None or sys.platform != "linux":
            return
        found = self._where.file.stat()
        # A name in the kernel's own table of sockets: gone with its process, and nobody's file. Containers with
        # networks of their own have tables of their own.
        name = f"\0regnas-{_hash(f'{found.st_dev}:{found.st_ino}:{self._study}')}"
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind(name)
            held.listen()
        except OSError as error:
            held.close()
            if error.errno != errno.EADDRINUSE:
                return  # a sandbox without sockets: the lock beside the file has to do
            self.release()
            raise _held(_STUDY, _listener(name)) from error
        self._held.callback(held.close)

    def release(self) -> None:
        """Let the next driver in."""
        self._held.close()


def _beside(file: Path, what: str) -> Path:
    """The lock of a part of a file: a name of bounded length, of its own for every part."""
    return file.with_name(f"{file.name[:100]}.{_hash(f'{file.name}:{what}')}.lock")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _held(what: tuple[str, str], holder: str) -> StudyError:
    by = f"process {holder}" if holder else "another process"
    return StudyError(f"{what[0]} is being run by {by}; wait for it, or {what[1]}")


def _listener(name: str) -> str:
    """The process behind a socket, in digits; empty where it does not say."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.settimeout(1)
            asked.connect(name)
            process, *_ = struct.unpack("3i", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except OSError:
        return ""
    return str(process or "")


def _is(path: Path, file: IO[str]) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _lock(file: Any) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            file.seek(_FAR)  # a locked byte cannot be read, and who waits for the file reads its text
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
