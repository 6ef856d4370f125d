"""The results of a study that lie on disk: a file for every candidate, or a line of one file.

A file of its own is what a worker anywhere can write whole. Making one is most of what a fast evaluation costs, so an
evaluator in the driver's own process adds a line instead.
"""

from __future__ import annotations

import json
from pathlib import Path

from regnas.evaluator import Result
from regnas.studies.executors.worker import read_result, result_name
from regnas.system.reading import open_file

LOG = "results.jsonl"


class Results:
    """Where workers leave results, and what lies there.

    Args:
        folder: of the study.
        log: whether results are lines of one file.
    """

    def __init__(self, folder: Path, *, log: bool) -> None:
        self._folder = folder / "results"
        self._log = folder / LOG
        self._logs = log
        self._read = 0  # bytes of the log
        self._found: dict[tuple[str, int], Result] = {}

    def place(self, index: int) -> Path:
        """Where the result of a candidate is left."""
        return self._log if self._logs else self._folder / result_name(index)

    def clear(self, first: int) -> None:
        """Remove what was left of candidates that this study has not asked for yet: another study lay here.

        Args:
            first: index of the next new candidate.
        """
        if first == 0:
            self._log.unlink(missing_ok=True)
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            if path.stem.isdecimal() and int(path.stem) >= first:
                path.unlink(missing_ok=True)

    def find(self, index: int, key: str, seed: int) -> Result | None:
        """The result of a candidate, if it is there whole and of this architecture and seed."""
        if (key, seed) in self._found:
            return self._found[key, seed]
        self._read_on()
        return self._found.get((key, seed)) or read_result(self._folder / result_name(index), key, seed)

    def forget(self, key: str, seed: int) -> None:
        """A result is stored, and need not be kept in memory."""
        self._found.pop((key, seed), None)

    def _read_on(self) -> None:
        """Take up the lines that were added since the last time."""
        try:
            with open_file(self._log) as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                stored = json.loads(line)
                self._found[stored["key"], stored["seed"]] = Result.from_json(stored["result"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # an empty line, or one that was cut off
