"""Asynchronous Hyperband (Li et al. 2018, arXiv 1603.06560, algorithm 1, with the brackets of arXiv 1810.05934)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from regnas.pruner import Verdict, whole_options
from regnas.strategies.pruners.asha import Asha, rungs


def make(*, epochs: int, options: Mapping[str, Any]) -> Hyperband:
    """Successive halving at several speeds, for when it is unknown how early a good network shows.

    Options:
        eta: one of so many candidates of a rung goes on to the next.
        first: epochs of the first rung of the fastest bracket.
    """
    chosen = whole_options(options, "hyperband", {"eta": 3, "first": 1})
    return Hyperband(rungs(epochs, name="hyperband", **chosen), chosen["eta"])


class Hyperband:
    """One `Asha` for every bracket: the first has all rungs, every further one a rung less, the last one whole
    trainings only.

    Args:
        ladder: the rungs in epochs, rising, whole trainings last.
        eta: as in `Asha`.

    Attributes:
        first: epochs before the first rung of all.
        least: as of `Asha`, in the bracket that needs fewest.
    """

    def __init__(self, ladder: tuple[int, ...], eta: int) -> None:
        self.first = ladder[0]
        self._brackets = [Asha(ladder[start:], eta) for start in range(len(ladder))]
        self.least = min(bracket.least for bracket in self._brackets)
        self._order = spread(candidates_of(len(ladder), eta))

    def bracket(self, index: int) -> int:
        """The bracket of a candidate, a function of its index alone."""
        return self._order[index % len(self._order)]

    def report(self, index: int, epoch: int, error: float) -> Verdict:
        """The verdict of the candidate's own bracket."""
        return self._brackets[self.bracket(index)].report(index, epoch, error)

    def promoted(self) -> int | None:
        """A promotion of the first bracket that has one."""
        found = (bracket.promoted() for bracket in self._brackets)
        return next((index for index in found if index is not None), None)


def candidates_of(brackets: int, eta: int) -> list[int]:
    """How many candidates start in each bracket, so that every bracket trains about as many epochs.

    With s halvings in a bracket of S at most, they are ceil((S + 1) / (s + 1) eta^s): line 2 of the algorithm.
    """
    return [math.ceil(brackets / (halvings + 1) * eta**halvings) for halvings in reversed(range(brackets))]


def spread(counts: Sequence[int]) -> list[int]:
    """Each place as often as its count, evenly mixed: any first part holds about its share of each."""
    total, order = sum(counts), list[int]()
    had = [0] * len(counts)
    for number in range(1, total + 1):
        owed = [count * number - total * got for count, got in zip(counts, had, strict=True)]
        place = owed.index(max(owed))
        had[place] += 1
        order.append(place)
    return order
