"""Messages through files that two machines share: lines that are only added, and beats that say "I am here".

Nothing relies on clocks of two machines, on locks, or on seeing a change at once. A file is opened anew for every look:
network file systems promise fresh contents then.
"""

from __future__ import annotations

import time
from pathlib import Path


class Outbox:
    """Lines of text, added to the end of a file by one writer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, line: str) -> None:
        """Add a line, given without its end, in one write.

        Raises:
            OSError: the folder is gone, or full.
        """
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")


class Inbox:
    """The reader of an `Outbox`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""

    def take(self) -> list[str]:
        """The lines that are new and whole; none while there is no file."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return []
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class Beat:
    """A file whose content changes while its writer lives."""

    def __init__(self, path: Path, every: float = 1.0) -> None:
        self._path = path
        self._every = every
        self._count = 0
        self._last = -every

    def beat(self) -> None:
        """Change the content, if it is time.

        Raises:
            OSError: the folder is gone, or full.
        """
        now = time.monotonic()
        if now - self._last >= self._every:
            self._count, self._last = self._count + 1, now
            self._path.write_text(str(self._count))


class Pulse:
    """Whether somebody else's beat goes on, by this machine's clock alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = ""
        self._since = time.monotonic()

    def silent(self) -> float:
        """Seconds since the content was last seen to change."""
        try:
            content = self._path.read_text()
        except OSError:
            content = self._seen
        if content != self._seen:
            self._seen, self._since = content, time.monotonic()
        return time.monotonic() - self._since
