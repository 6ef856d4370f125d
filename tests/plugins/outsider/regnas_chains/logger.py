"""A logger: what a search tells, as lines of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regnas.logger import LoggedStudy, own_options


class Diary:
    """A line for every candidate."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def epoch(self, index: int, epoch: int, error: float) -> None:
        pass

    def candidate(self, index: int, params: Mapping[str, Any], values: Mapping[str, float]) -> None:
        with self._file.open("a") as lines:
            lines.write(f"{index} {values['error']:.4f} {values['flops']:.0f}\n")

    def close(self) -> None:
        pass


def diary(study: LoggedStudy, options: Mapping[str, Any]) -> Diary:
    """``diary[name=FILE]``, in the folder of the study."""
    return Diary(study.folder / own_options(options, "diary", {"name": "diary.txt"})["name"])
