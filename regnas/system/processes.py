"""Processes that help this one: Python modules that are sent lines and answer in lines; and their environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

# One thread for each: two threads on one small network are many times slower than one.
_THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def start(module: str, log: IO[Any], before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Run a module in a process of one thread: standard input and output are pipes of lines, errors go to ``log``.

    It is in a session of its own, so that Ctrl-C is its parent's to answer, and does not see the folder it starts in as
    a place of modules.

    Args:
        before: words of a command that runs another one, such as ``nice -n 10``.
    """
    return subprocess.Popen(
        [*before, sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        bufsize=1,
        env={**os.environ, **_THREADS},
        start_new_session=True,  # on Windows, which has no sessions, a group of processes does the same for Ctrl-C
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def alive(process: int) -> bool:
    """Whether a process of this number runs on this machine; True where that cannot be known."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Environment variables for what is read, and for the processes that are started, meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
