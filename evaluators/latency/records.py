"""What was measured, on disk: one file of JSON lines for each set-up on each machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regnas.errors import StudyError
from regnas.system.files import append_json

_Place = tuple[str, int]


@dataclass(frozen=True)
class Reading:
    """One measured network.

    Attributes:
        key: of the architecture.
        resolution: pixels of a side.
        median, spread: seconds of a pass, and how far rounds lie apart, as a fraction.
        samples, dropped: that nothing interrupted, and that something did.
        probe: seconds of the fixed network beside it.
        load: processes of the machine that wanted to run, a mean of a minute; None where the system does not say.
    """

    key: str
    resolution: int
    median: float
    spread: float
    samples: int
    dropped: int
    probe: float
    load: float | None = None


class Records:
    """Readings of one set-up on one machine; several processes can read and add.

    Args:
        folder: of the files; None keeps nothing on disk.
        machine: what the numbers are of, JSON values: another machine or version, another file.
    """

    def __init__(self, folder: Path | None, machine: Mapping[str, Any]) -> None:
        self._machine = dict(machine)
        self._known: dict[_Place, Reading] = {}
        self._read = 0  # bytes of the file that are known
        self.path = None if folder is None else folder / f"{_name(self._machine)}.jsonl"

    def find(self, key: str, resolution: int) -> Reading | None:
        """What is on record of a network, by whatever process; the first reading counts."""
        if (key, resolution) not in self._known:
            self._catch_up()
        return self._known.get((key, resolution))

    def fastest_probe(self) -> float | None:
        """The fixed network at its fastest."""
        self._catch_up()
        return min((one.probe for one in self._known.values()), default=None)

    def add(self, one: Reading) -> Reading:
        """Keep a reading; returns the one that counts, which another process may have added before.

        Raises:
            StudyError: it cannot be written.
        """
        if self.path is not None:
            try:
                if not self.path.exists():
                    append_json(self.path, {"machine": self._machine})
                append_json(self.path, asdict(one))
            except OSError as error:
                raise StudyError(f"cannot keep latencies in {self.path}: {error.strerror}") from error
            self._catch_up()
        return self._known.setdefault((one.key, one.resolution), one)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process measures for this folder: two at a time would disturb each other.

        Raises:
            StudyError: the folder cannot be written to.
        """
        if self.path is None:
            yield
            return
        try:
            import fcntl
        except ImportError:  # not a Unix: nothing is locked
            yield
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = (self.path.parent / "measuring.lock").open("w")
        except OSError as error:
            raise StudyError(f"cannot keep latencies in {self.path.parent}: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _catch_up(self) -> None:
        """Read what was added to the file since; a line that is cut off is nobody's reading."""
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self._read += end
        for line in text[:end].splitlines():
            one = _reading(line)
            if one is not None:
                self._known.setdefault((one.key, one.resolution), one)


def _reading(line: bytes) -> Reading | None:
    try:
        found = json.loads(line)
        one = Reading(**found)
        good = isinstance(one.key, str) and isinstance(one.resolution, int)
        return one if good and float(one.median) > 0 and float(one.probe) > 0 else None
    except (ValueError, TypeError):
        return None


def _name(machine: Mapping[str, Any]) -> str:
    text = json.dumps(machine, sort_keys=True)
    words = re.sub(r"[^\w.]+", "-", f"{machine.get('runtime')}-{machine.get('threads')}-threads")
    return f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
