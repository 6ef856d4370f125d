"""Which of many points a space and its window admit, and what is counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from regnas.candidate import Candidate
from regnas.dimension import Array
from regnas.sampling.batch import Columns, SupportsIdentities
from regnas.window import Complexities, Complexity, human

if TYPE_CHECKING:
    from regnas.design_space import Space


@dataclass
class Tally:
    """What happened to the draws: how many were accepted, and why the others were not."""

    drawn: int = 0
    accepted: int = 0
    repeats: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    lowest: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)

    def see(self, cost: Complexities) -> None:
        """Widen the range of complexities seen, window or not."""
        for name in ("flops", "params", "activations"):
            values = getattr(cost, name)
            if len(values):
                self.lowest[name] = min(int(values.min()), self.lowest.get(name, int(values.min())))
                self.highest[name] = max(int(values.max()), self.highest.get(name, int(values.max())))

    @property
    def rate(self) -> float:
        """Share of the draws that were accepted."""
        return self.accepted / self.drawn if self.drawn else 0.0

    def attainable(self) -> str:
        """The range of every complexity seen."""
        if not self.lowest:
            return "no draw was a network of the space"
        names = (("flops", "flops"), ("params", "params"), ("activations", "acts"))
        return ", ".join(
            f"{shown} {human(_round(self.lowest[name]))}:{human(_round(self.highest[name]))}" for name, shown in names
        )

    def reasons(self) -> str:
        """Shares of the draws that each reason rejected; a draw can break several bounds."""
        return ", ".join(f"{reason} {count / self.drawn:.2%}" for reason, count in self.rejected.most_common())


def _round(number: int) -> float:
    return float(f"{number:.3g}")


class Screened:
    """Those of many points that a space and its window admit, in order.

    Attributes:
        rows: their rows among the points, ``(k,)``.
    """

    def __init__(self, space: Space, columns: Columns, tally: Tally) -> None:
        batch = space.batch(columns)
        cost = batch.complexity(space.resolution)
        tally.rejected.update(batch.rejected)
        kept = np.flatnonzero(_admitted(space, cost, tally))
        tally.accepted += len(kept)
        self._batch, self._kept = batch, kept
        self.rows: Array = np.asarray(batch.rows)[kept]
        points = space.ordered_columns({name: values[self.rows] for name, values in columns.items()})
        self._names = tuple(points)
        self._points = list(zip(*(values.tolist() for values in points.values()), strict=True))
        chosen = cost[kept]
        self._costs = list(zip(chosen.flops.tolist(), chosen.params.tolist(), chosen.activations.tolist(), strict=True))
        self._identities = batch.identities(kept) if isinstance(batch, SupportsIdentities) else None

    def __len__(self) -> int:
        return len(self.rows)

    def identity(self, number: int) -> Hashable:
        """Equal where, and only where, the networks are equal."""
        if self._identities is not None:
            return self._identities[number]
        return self._batch.architecture(int(self._kept[number])).key()

    def candidate(self, number: int, index: int = 0, draws: int = 1) -> Candidate:
        """One of the k; its architecture is made when it is looked at, where the batch can wait."""
        params = dict(zip(self._names, self._points[number], strict=True))
        cost = Complexity(*self._costs[number])
        if self._identities is not None and isinstance(self._batch, SupportsIdentities):
            return Candidate.deferred(params, self._batch.maker(self._identities[number]), cost, index, draws)
        return Candidate(params, self._batch.architecture(int(self._kept[number])), cost, index, draws)


def _admitted(space: Space, cost: Complexities, tally: Tally) -> Array:
    keep = space.admits(cost)
    tally.see(cost)
    if not keep.all():
        tally.rejected["limits of the space"] += int((~keep).sum())
    for reason, broken in space.window.tests(cost).items():
        tally.rejected.update({reason: int(broken.sum())} if broken.any() else {})
        keep = keep & ~broken
    return keep


def screen(space: Space, columns: Columns, tally: Tally) -> Iterator[tuple[int, Candidate]]:
    """Yield those of many points that the space and its window admit, with their row, in order."""
    tally.drawn += len(next(iter(columns.values())))
    found = Screened(space, columns, tally)
    for number, row in enumerate(found.rows.tolist()):
        yield row, found.candidate(number)
