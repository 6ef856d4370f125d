"""Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

from regnas.errors import UsageError
from regnas.pruner import Verdict, whole_options


def make(*, epochs: int, options: Mapping[str, Any]) -> Asha:
    """Successive halving that never waits.

    Options:
        eta: one of so many candidates of a rung goes on to the next.
        first: epochs of the first rung.
    """
    chosen = whole_options(options, "asha", {"eta": 3, "first": 1})
    return Asha(rungs(epochs, name="asha", **chosen), chosen["eta"])


def rungs(epochs: int, *, eta: int, first: int, name: str) -> tuple[int, ...]:
    """Epochs at which candidates are compared, rising, the last of them ``epochs``.

    Raises:
        UsageError: no such rungs.
    """
    if eta < 2:
        raise UsageError(f"eta of pruner {name} is at least 2, got {eta}")
    if not 1 <= first < epochs:
        raise UsageError(
            f"first of pruner {name} is from 1 to less than the {epochs} epochs of a training, got {first}; "
            f"lower it, or train longer with --epochs"
        )
    found, rung = [], first
    while rung < epochs:
        found.append(rung)
        rung *= eta
    return (*found, epochs)


class Asha:
    """Every candidate pauses at every rung; the best floor(n / eta) of the n that reached a rung may go on.

    Unlike Optuna's SuccessiveHalvingPruner, a candidate that is not good enough when it arrives is promoted later,
    when it is: nothing is lost by being early. The last rung is a whole training, which ends by itself.

    Args:
        ladder: the rungs in epochs, rising, whole trainings last.
        eta: one of so many goes on.

    Attributes:
        first: epochs before the first rung.
        least: epochs of all candidates, after which one is whole at the earliest by promotions alone.
    """

    def __init__(self, ladder: tuple[int, ...], eta: int) -> None:
        self.first = ladder[0]
        self._rungs = [_Rung(epoch, eta) for epoch in ladder[:-1]]
        steps = [to - start for start, to in pairwise((0, *ladder))]
        self.least = sum(eta**above * epochs for above, epochs in zip(range(len(steps))[::-1], steps, strict=True))

    def report(self, index: int, epoch: int, error: float) -> Verdict:
        """``PAUSE`` at a rung; a candidate that trains beyond a rung was promoted from it."""
        for rung in self._rungs:
            if epoch == rung.epoch:
                rung.add(index, error)
                return Verdict.PAUSE
            if epoch > rung.epoch:
                rung.left.add(index)
        return Verdict.GO

    def promoted(self) -> int | None:
        """The best candidate of the highest rung from which one may go on; equal errors in the order of the index."""
        found = (rung.promoted() for rung in reversed(self._rungs))
        return next((index for index in found if index is not None), None)


class _Rung:
    """Who reached a number of epochs, and who of them went on."""

    def __init__(self, epoch: int, eta: int) -> None:
        self.epoch = epoch
        self.left: set[int] = set()
        self._eta = eta
        self._there: set[int] = set()
        self._ranked: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []  # a heap; those that left are dropped when they come up

    def add(self, index: int, error: float) -> None:
        if index not in self._there:
            self._there.add(index)
            insort(self._ranked, (error, index))
            heappush(self._waiting, (error, index))

    def promoted(self) -> int | None:
        while self._waiting and self._waiting[0][1] in self.left:
            heappop(self._waiting)
        # If the best that waits is not good enough, none is.
        if not self._waiting or bisect_left(self._ranked, self._waiting[0]) >= len(self._ranked) // self._eta:
            return None
        _, index = heappop(self._waiting)
        self.left.add(index)
        return index
