"""The folders in which evaluators leave weights: of the best networks they are kept."""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = 5  # best networks whose weights are kept


class Checkpoints:
    """The checkpoints of one study, a folder for each candidate that left any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "checkpoints"
        self._kept: list[tuple[float, int]] = []

    def of(self, index: int) -> Path:
        """The folder of a candidate, there or not."""
        return self._folder / str(index)

    def remove(self, index: int) -> None:
        """Remove what a candidate left, if it left anything."""
        shutil.rmtree(self.of(index), ignore_errors=True)

    def rank(self, error: float, index: int, diverged: bool = False) -> None:
        """A candidate is whole: keep its weights while it is one of the best, and remove those it drives out; weights
        that diverged are of no use.
        """
        if diverged:
            self.remove(index)
        if not self.of(index).is_dir():
            return
        self._kept = sorted([*self._kept, (error, index)])
        for _, dropped in self._kept[KEPT:]:
            self.remove(dropped)
        self._kept = self._kept[:KEPT]
