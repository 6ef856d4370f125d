"""Which of many points a space and its window admit, and what is counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from regnas.candidate import Candidate
from regnas.costs import Complexities, Complexity
from regnas.dimension import Array
from regnas.errors import PluginBroken
from regnas.measure import ordered, short_of
from regnas.sampling import costing
from regnas.sampling.batch import NO_NETWORK, Columns, DecodedOneByOne, SupportsIdentities, SupportsOrder
from regnas.window import human

if TYPE_CHECKING:
    from regnas.design_space import Space


@dataclass
class Tally:
    """What happened to the draws: how many were accepted, and why the others were not.

    Attributes:
        waiting: those that closed forms admit and that are not measured yet, where the window asks for it: they count
            neither as accepted nor as rejected.
        outside: those that were measured and lie outside.
        foreseen: those that were not measured, as they are expected outside.
        refusal: what the space's `decode` said of the first draw that it refused.
    """

    drawn: int = 0
    accepted: int = 0
    repeats: int = 0
    waiting: int = 0
    outside: int = 0
    foreseen: int = 0
    refusal: str = ""
    rejected: Counter[str] = field(default_factory=Counter)
    lowest: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)

    def see(self, cost: Complexities) -> None:
        """Widen the range of complexities seen, window or not."""
        for name, values in cost.items():
            if values.dtype.kind == "f":
                values = values[~np.isnan(values)]
            if len(values):
                self.lowest[name] = min(values.min().item(), self.lowest.get(name, values.min().item()))
                self.highest[name] = max(values.max().item(), self.highest.get(name, values.max().item()))

    @property
    def rate(self) -> float:
        """Share of the draws that were accepted; of those that wait, as many as of those that were measured."""
        if not self.accepted:
            return 0.0
        judged = self.accepted + self.outside + self.foreseen
        return self.accepted / self.drawn * (1 + self.waiting / judged)

    def attainable(self) -> str:
        """The range of every complexity seen."""
        if not self.lowest:
            return "no draw was a network of the space"
        return ", ".join(
            f"{short_of(name)} {human(_round(self.lowest[name]), name)}:{human(_round(self.highest[name]), name)}"
            for name in ordered(self.lowest)
        )

    def reasons(self) -> str:
        """Shares of the draws that each reason rejected; a draw can break several bounds."""
        return ", ".join(
            f"{reason} {count / self.drawn:.2%}{self.example(reason)}" for reason, count in self.rejected.most_common()
        )

    def example(self, reason: str) -> str:
        """Of values that most draws were refused for, what was said of the first; else nothing."""
        most = self.rejected[NO_NETWORK] > self.drawn / 2
        return f" (the first: {self.refusal})" if reason == NO_NETWORK and self.refusal and most else ""


def _round(number: float) -> float:
    return float(f"{number:.3g}")


class Screened:
    """Those of many points that a space and its window admit in closed form, in order.

    What else the window limits is measured when a network is asked for, one at a time (`admitted`).

    Attributes:
        rows: their rows among the points, ``(k,)``.
        measures: whether the window limits what is to be measured.
    """

    def __init__(self, space: Space, columns: Columns, tally: Tally) -> None:
        batch = space.batch(columns)
        cost = space.costs_of(batch)
        tally.rejected.update(batch.rejected)
        if isinstance(batch, DecodedOneByOne):
            tally.refusal = tally.refusal or batch.refusal
        kept = np.flatnonzero(_admitted(space, cost, tally))
        self._space, self._tally = space, tally
        self.measures = bool(space.window.missing(cost))
        if self.measures:
            tally.waiting += len(kept)
        else:
            tally.accepted += len(kept)
        self._batch, self._kept = batch, kept
        self.rows: Array = np.asarray(batch.rows)[kept]
        points = {name: values[self.rows] for name, values in columns.items()}
        points = batch.ordered(kept, points) if isinstance(batch, SupportsOrder) else space.ordered_columns(points)
        self._names = tuple(points)
        self._points = list(zip(*(values.tolist() for values in points.values()), strict=True))
        self._cost = cost.take(kept).reader()
        self._measured: dict[int, Complexity] = {}
        # Asked once: it takes longer than to make a candidate.
        self._lazy = batch if isinstance(batch, SupportsIdentities) else None
        self._identities = [] if self._lazy is None else self._lazy.identities(kept)

    def __len__(self) -> int:
        return len(self.rows)

    def identity(self, number: int) -> Hashable:
        """Equal where, and only where, the networks are equal."""
        if self._lazy is not None:
            return self._identities[number]
        return self._batch.architecture(int(self._kept[number])).key()

    def admitted(self, number: int) -> bool:
        """Whether the window admits one of the k by what is measured, too; asked once before its `candidate`."""
        if not self.measures:
            return True
        tally = self._tally
        architecture = self._batch.architecture(int(self._kept[number]))
        if expected := costing.foreseen(self._space, architecture, self._cost(number)):
            tally.rejected.update(expected)
            tally.waiting -= 1
            tally.foreseen += 1
            return False
        cost, broken = self._space.measured(architecture, self._cost(number))
        self._measured[number] = cost
        further = {name: np.array([value]) for name, value in cost.items() if name in self._space.window}
        tally.see(Complexities(**further))
        tally.rejected.update(broken)
        tally.waiting -= 1
        tally.outside += bool(broken)
        tally.accepted += not broken
        return not broken

    def candidate(self, number: int, index: int = 0, draws: int = 1) -> Candidate:
        """One of the k; its architecture is made when it is looked at, where the batch can wait."""
        params = dict(zip(self._names, self._points[number], strict=True))
        cost = self._measured.get(number) or self._cost(number)
        if self._lazy is not None:
            return Candidate.deferred(params, self._lazy.maker(self._identities[number]), cost, index, draws)
        return Candidate(params, self._batch.architecture(int(self._kept[number])), cost, index, draws)


def _admitted(space: Space, cost: Complexities, tally: Tally) -> Array:
    keep = space.admits(cost)
    if np.shape(keep) != (cost.networks,):
        raise PluginBroken(
            f"admits() of the space {space.name!r} says yes or no to each of {cost.networks} networks, got the shape "
            f"{np.shape(keep)}; of complexities, cost.networks is their number and len(cost) that of their measures"
        )
    tally.see(cost)
    if not keep.all():
        tally.rejected["limits of the space"] += int((~keep).sum())
    for reason, broken in space.window.tests(cost).items():
        tally.rejected.update({reason: int(broken.sum())} if broken.any() else {})
        keep = keep & ~broken
    return keep


def screen(space: Space, columns: Columns, tally: Tally, *, measured: bool = True) -> Iterator[tuple[int, Candidate]]:
    """Yield those of many points that the space and its window admit, with their row, in order.

    Args:
        measured: whether they are measured, where the window asks for it; else closed forms decide.
    """
    tally.drawn += len(next(iter(columns.values())))
    found = Screened(space, columns, tally)
    if not measured:
        tally.accepted, tally.waiting = tally.accepted + tally.waiting, 0
    for number, row in enumerate(found.rows.tolist()):
        if not measured or found.admitted(number):
            yield row, found.candidate(number)
