"""A program that is sent lines and answers in lines, however it behaves."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import IO

_GRACE = 2.0  # seconds to end in, once its input has ended
_LONGEST = 1 << 20  # characters of a line


class ProgramFailed(Exception):
    """It has ended, or did not answer in time: it is to be started anew."""


class Program:
    """Runs in a session of its own: Ctrl-C is answered by whoever started it. It ends with this process.

    Args:
        words: the command.
        environment: variables that it sees beside those of this process.

    Raises:
        ProgramFailed: it cannot be started.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        try:
            self._process = subprocess.Popen(
                list(words),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                # Unbuffered: else the answers of a Python program stay in its buffer.
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )
        except OSError as error:
            raise ProgramFailed(f"it cannot be started: {error.strerror}") from error
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        self._end = weakref.finalize(self, _end, self._process)

    def send(self, line: str) -> None:
        """Say one line.

        Raises:
            ProgramFailed: it has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ProgramFailed(self._how_it_ended()) from error

    def forget(self) -> None:
        """What it said without being asked is no answer to what comes next."""
        with contextlib.suppress(queue.Empty):
            while self._lines.get_nowait() is not None:
                pass
            self._lines.put(None)  # it has ended, which is still to be heard

    def hear(self, seconds: float) -> str:
        """Its next line.

        Raises:
            ProgramFailed: there is none in so many seconds, or it has ended.
        """
        deadline = time.monotonic() + seconds
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise ProgramFailed(f"it did not answer within {seconds:g} s") from None
        if line is None:
            raise ProgramFailed(self._how_it_ended())
        return line

    def close(self) -> None:
        """End it: its input ends, and where that does not move it, it is killed."""
        self._end()

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return f"it ended with exit code {self._process.wait(timeout=_GRACE)}"
        return "it closed its input or output"


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    with stream, contextlib.suppress(OSError, ValueError):
        while line := stream.readline(_LONGEST):
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
