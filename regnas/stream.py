"""The stream of candidates of a space inside its window.

Candidates are iid from the space's law conditioned on the window. Candidate i is a function of (space, window,
seed, i, STREAM_VERSION) alone: uniforms come in chunks whose sizes and generators depend on nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regnas import keyed
from regnas.batch import Columns
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.window import Complexities, human

STREAM_VERSION = 1
DUPLICATES = ("reject", "reuse", "allow")

_FIRST_CHUNK, _LARGEST_CHUNK = 256, 16_384
# Repeats in a row, of networks seen before, after which a window counts as exhausted.
_REPEATS = 20_000


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


def screen(space: Space, columns: Columns, tally: Tally) -> Iterator[tuple[int, Candidate]]:
    """Yield those of many points that the space and its window admit, with their row, in order."""
    count = len(next(iter(columns.values())))
    batch = space.batch(columns)
    cost = batch.complexity(space.resolution)
    keep = space.admits(cost)
    tally.drawn += count
    tally.rejected.update(batch.rejected)
    tally.see(cost)
    if not keep.all():
        tally.rejected["limits of the space"] += int((~keep).sum())
    for reason, broken in space.window.tests(cost).items():
        tally.rejected.update({reason: int(broken.sum())} if broken.any() else {})
        keep &= ~broken
    kept = np.flatnonzero(keep)
    tally.accepted += len(kept)
    for index in kept.tolist():
        row = int(batch.rows[index])
        params = space.ordered({name: values[row : row + 1].tolist()[0] for name, values in columns.items()})
        yield row, Candidate(params, batch.architecture(index), cost.row(index))


def candidates(
    space: Space,
    *,
    seed: int,
    duplicates: str = "reject",
    tally: Tally | None = None,
    progress: Callable[[Tally], None] | None = None,
    points: Callable[[int], Columns] | None = None,
) -> Iterator[Candidate]:
    """The stream, without end.

    Args:
        duplicates: ``reject`` drops later repeats of an architecture; ``reuse`` and ``allow`` keep every draw.
        tally: is kept up to date; ``progress`` is called with it after every chunk.
        points: the next points, at most as many as it is asked for, in place of draws from the law.

    Raises:
        InfeasibleWindow: too many draws in a row found nothing (new).
    """
    if duplicates not in DUPLICATES:
        raise UsageError(f"duplicates is one of {', '.join(DUPLICATES)}, got {duplicates!r}")
    tally = Tally() if tally is None else tally
    seen: set[str] = set()
    index = chunk = draws = repeats = 0
    while True:
        size = min(_FIRST_CHUNK << min(chunk, 30), _LARGEST_CHUNK)
        if points is None:
            columns = space.draw(keyed.generator("stream", STREAM_VERSION, space.spec, seed, chunk), size)
        else:
            columns = points(size)
            size = len(next(iter(columns.values())))
        last = -1
        for row, candidate in screen(space, columns, tally):
            draws += row - last
            last = row
            if duplicates == "reject":
                key = candidate.architecture.key()
                if key in seen:
                    tally.repeats += 1
                    repeats += 1
                    continue
                seen.add(key)
            yield Candidate(candidate.params, candidate.architecture, candidate.complexity, index, draws)
            index, draws, repeats = index + 1, 0, 0
        draws += size - 1 - last
        chunk += 1
        if progress is not None:
            progress(tally)
        if draws >= space.patience or repeats >= _REPEATS:
            raise _infeasible(space, tally, index, repeats)


def _infeasible(space: Space, tally: Tally, found: int, repeats: int) -> InfeasibleWindow:
    inside = "" if space.window.open else f" inside {space.window}"
    where = f"{space.spec} at {space.resolution} px{inside}"
    if repeats:
        return InfeasibleWindow(
            f"{where} seems to hold only {found} different networks: the last {repeats} accepted draws repeated "
            f"them; ask for fewer, widen the window, or allow repeats with --duplicates allow"
        )
    if not tally.lowest:
        return InfeasibleWindow(
            f"none of {tally.drawn:,} draws is a network of {space.spec}, window or not: rejected by "
            f"{tally.reasons()}; relax the options of the space"
        )
    return InfeasibleWindow(
        f"{where}: {tally.accepted} of {tally.drawn:,} draws accepted; rejected by {tally.reasons()}; attainable: "
        f"{tally.attainable()}; widen the window or change --resolution"
    )


class Stream:
    """The stream as a sequence that grows as it is asked; options as of `candidates`."""

    def __init__(self, space: Space, *, seed: int, duplicates: str = "reject", **options: Any) -> None:
        self._source = candidates(space, seed=seed, duplicates=duplicates, **options)
        self._known: list[Candidate] = []
        self._end: InfeasibleWindow | None = None

    def __getitem__(self, index: int) -> Candidate:
        while len(self._known) <= index:
            if self._end is not None:
                raise self._end
            try:
                self._known.append(next(self._source))
            except InfeasibleWindow as end:
                self._end = end  # a generator that raised says nothing more
                raise
        return self._known[index]


def survey(space: Space, *, draws: int = 200_000, seed: int = 0) -> Tally:
    """Draw a fixed number of points and only count."""
    tally = Tally()
    chunk = 0
    while tally.drawn < draws:
        rng = keyed.generator("survey", space.spec, seed, chunk)
        for _ in screen(space, space.draw(rng, min(_LARGEST_CHUNK, draws - tally.drawn)), tally):
            pass
        chunk += 1
    return tally
