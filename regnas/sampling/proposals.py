"""Where a stream's points come from: the law, the law narrowed to where the window can be met, or elsewhere.

Rejection from the law restricted to a region is exact as long as every network of the window lies in the region: with
p the law, W its mass in the region and A the window's networks, a proposal is accepted with probability p(A) / W, and
what is accepted has the law p(. | A).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from regnas.dimension import Array
from regnas.sampling import keyed
from regnas.sampling.batch import Columns, Narrowing
from regnas.sampling.costing import limiting
from regnas.sampling.screening import Tally

if TYPE_CHECKING:
    from regnas.design_space import Space

_FIRST_CHUNK, _LARGEST_CHUNK = 256, 16_384
# Narrowed proposals without a candidate after which a window counts as impossible: they stand for many draws each.
_PATIENCE = 200_000
NEVER = "cannot meet the window, not proposed"


class ProposalSource(Protocol):
    """Chunks of points. Sizes and generators depend on the chunk's number alone."""

    @property
    def share(self) -> float:
        """Law probability of what is proposed at all; 0 where the window is proved to be empty."""

    def chunk(self, number: int) -> tuple[int, Array | None, Columns]:
        """How many proposals, which of them are points, and these as columns of ``(m,)``.

        The places of the points are ``(m,)``, ascending; None for all.
        """

    def draws(self, proposals: int) -> int:
        """Draws from the law that the first ``proposals`` stand for."""

    def exhausted(self, since: int) -> bool:
        """Whether this many proposals without a new candidate are too many."""


def size_of(chunk: int) -> int:
    """Proposals of a chunk: 256, 512, ... 16,384."""
    return min(_FIRST_CHUNK << min(chunk, 30), _LARGEST_CHUNK)


class FromLaw:
    """Draws from the space's law: the same in every version of the stream so far."""

    share = 1.0
    drawn_as = 1  # the version whose draws these are

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    def chunk(self, number: int) -> tuple[int, Array | None, Columns]:
        space, size = self._space, size_of(number)
        rng = keyed.generator("stream", self.drawn_as, space.spec, self._seed, number)
        return size, None, space.draw(rng, size)

    def draws(self, proposals: int) -> int:
        return proposals

    def exhausted(self, since: int) -> bool:
        return since >= self._space.patience


class FromElsewhere(FromLaw):
    """Points that a function gives."""

    def __init__(self, space: Space, points: Callable[[int], Columns]) -> None:
        super().__init__(space, 0)
        self._points = points

    def chunk(self, number: int) -> tuple[int, Array | None, Columns]:
        columns = self._points(size_of(number))
        return len(next(iter(columns.values()))), None, columns


class Narrowed:
    """Draws from the law restricted to a region that holds every network of the window."""

    def __init__(self, space: Space, seed: int, narrowing: Narrowing) -> None:
        self._space, self._seed, self._narrowing = space, seed, narrowing
        self._window = str(limiting(space.window))  # networks are the same ones whether they are measured or not
        self.share = narrowing.share

    def chunk(self, number: int) -> tuple[int, Array | None, Columns]:
        space, size = self._space, size_of(number)
        rng = keyed.generator("stream", space.stream_version, space.spec, self._window, self._seed, number)
        rows, columns = self._narrowing.propose(rng, size)
        return size, rows, columns

    def draws(self, proposals: int) -> int:
        """Rounded in sum: a proposal is a draw that fell into the region, and one draw in 1 / share does."""
        return math.floor(proposals / self.share + 0.5)

    def exhausted(self, since: int) -> bool:
        return since >= _PATIENCE and self.draws(since) >= self._space.patience


def source_of(space: Space, seed: int, points: Callable[[int], Columns] | None) -> ProposalSource:
    """What the space's stream of this seed draws from."""
    if points is not None:
        return FromElsewhere(space, points)
    narrowing = space.narrowing if space.stream_version > 1 else None
    return FromLaw(space, seed) if narrowing is None else Narrowed(space, seed, narrowing)


def count_unproposed(tally: Tally, unproposed: int) -> None:
    """Write down how many draws of the law were not even proposed."""
    if unproposed > 0:
        tally.rejected[NEVER] = unproposed
