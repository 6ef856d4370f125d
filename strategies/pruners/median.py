"""The median stopping rule (Golovin et al. 2017, Google Vizier, section 3.2; Optuna's MedianPruner)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from regnas.errors import UsageError
from regnas.pruner import Verdict, whole_options


def make(*, epochs: int, options: Mapping[str, Any]) -> Median:
    """Stops what is worse than half of the whole trainings were at the same epoch.

    Options:
        startup: whole trainings before any is stopped.
        warmup: epochs in which none is stopped.
    """
    return Median(epochs, **whole_options(options, "median", {"startup": 5, "warmup": 0}))


class Median:
    """Stops a candidate whose best error so far is above the median of the running averages of whole trainings.

    Args:
        epochs: of a whole training; one that ended earlier, diverged, is no measure for others.

    Raises:
        UsageError: a startup below 1, or a warmup that is no number of epochs below all of them.
    """

    def __init__(self, epochs: int, *, startup: int, warmup: int) -> None:
        if startup < 1:
            raise UsageError(f"startup of pruner median is at least 1, got {startup}")
        if not 0 <= warmup < epochs:
            raise UsageError(f"warmup of pruner median is from 0 to less than the {epochs} epochs, got {warmup}")
        self._epochs = epochs
        self._startup = startup
        self._warmup = warmup
        self._errors: dict[int, dict[int, float]] = {}
        self._averages: dict[int, list[float]] = {}

    def report(self, index: int, epoch: int, error: float) -> Verdict:
        """``STOP`` or ``GO``; a whole training is never stopped."""
        errors = self._errors.setdefault(index, {})
        errors.setdefault(epoch, error)
        if epoch >= self._epochs:
            sums = accumulate(value for _, value in sorted(errors.items()))
            self._averages[index] = [total / number for number, total in enumerate(sums, 1)]
            return Verdict.GO
        if epoch <= self._warmup or len(self._averages) < self._startup:
            return Verdict.GO
        middle = statistics.median(curve[epoch - 1] for curve in self._averages.values())
        return Verdict.STOP if min(errors.values()) > middle else Verdict.GO

    def promoted(self) -> int | None:
        """Nothing is ever paused."""
        return None
