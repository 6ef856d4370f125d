"""The stream of candidates of a space inside its window.

Candidates are iid from the space's law conditioned on the window. Candidate i is a function of (space, window,
seed, i, the space's stream_version) alone: uniforms come in chunks whose sizes and generators depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any

from regnas.candidate import STREAM_VERSION, Candidate
from regnas.errors import InfeasibleWindow, UsageError
from regnas.sampling import keyed
from regnas.sampling.batch import Columns
from regnas.sampling.proposals import count_unproposed, size_of, source_of
from regnas.sampling.screening import Screened, Tally, screen

if TYPE_CHECKING:
    from regnas.design_space import Space

__all__ = ["DUPLICATES", "STREAM_VERSION", "Stream", "Tally", "candidates", "screen", "survey"]

DUPLICATES = ("reject", "reuse", "allow")

# Networks in a row that were measured and lie outside, after which a window counts as impossible.
_OUTSIDE = 2_000
# Networks in a row that a meter expects outside, likewise.
_FORESEEN = 100_000
# Repeats in a row, of networks seen before, after which a window counts as exhausted.
_REPEATS = 20_000
# Draws from the law that tell why a window is out of reach of narrowed proposals.
_EXPLAINED = 400_000


def candidates(
    space: Space,
    *,
    seed: int,
    duplicates: str = "reject",
    tally: Tally | None = None,
    progress: Callable[[Tally], None] | None = None,
    points: Callable[[int], Columns] | None = None,
) -> Iterator[Candidate]:
    """The stream, without end, by the space's `stream_version`.

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
    source = source_of(space, seed, points)
    if source.share == 0:
        raise _infeasible(space, _explained(space), 0, 0, proved=True)
    seen: set[Hashable] = set()
    index = chunk = proposed = repeats = outside = 0
    screened_in_all = 0
    found_at = drawn_at = 0  # the proposal that was the last candidate, and the draw that it stands for
    before, foreseen = tally.drawn, tally.foreseen  # when the last candidate was found
    while True:
        size, rows, columns = source.chunk(chunk)
        screened = Screened(space, columns, tally)
        tally.drawn = before + source.draws(proposed + size)
        screened_in_all += len(next(iter(columns.values())))
        count_unproposed(tally, tally.drawn - before - screened_in_all)
        for number, row in enumerate(screened.rows.tolist() if rows is None else rows[screened.rows].tolist()):
            if duplicates == "reject":
                identity = screened.identity(number)
                if identity in seen:
                    tally.repeats += 1
                    repeats += 1
                    continue
            if screened.measures and not screened.admitted(number):
                outside += 1
                if outside - (tally.foreseen - foreseen) >= _OUTSIDE or outside >= _FORESEEN:
                    raise _infeasible(space, tally, index, 0)
                continue
            if duplicates == "reject":
                seen.add(identity)
            found_at = proposed + row + 1
            drawn, drawn_at = drawn_at, source.draws(found_at)
            yield screened.candidate(number, index, drawn_at - drawn)
            index, repeats, outside, foreseen = index + 1, 0, 0, tally.foreseen
        proposed += size
        chunk += 1
        if progress is not None:
            progress(tally)
        if source.exhausted(proposed - found_at) or repeats >= _REPEATS:
            raise _infeasible(space, tally if source.share == 1 or repeats else _explained(space), index, repeats)


def _explained(space: Space) -> Tally:
    """What plain draws from the law say of a window that narrowed proposals do not reach."""
    return survey(space, draws=min(space.patience, _EXPLAINED))


def _infeasible(space: Space, tally: Tally, found: int, repeats: int, *, proved: bool = False) -> InfeasibleWindow:
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
    if proved:
        where += " holds no network, whatever is drawn"
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
    """Draw a fixed number of points and only count; what is no closed form is not measured."""
    tally = Tally()
    chunk = 0
    while tally.drawn < draws:
        rng = keyed.generator("survey", space.spec, seed, chunk)
        for _ in screen(space, space.draw(rng, min(size_of(chunk + 6), draws - tally.drawn)), tally, measured=False):
            pass
        chunk += 1
    return tally
