"""Networks among which a model chooses the next one: mutations of good networks, and random ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

import numpy as np

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.sampling.batch import Columns, Params
from regnas.sampling.moves import feasible_mutant
from regnas.sampling.stream import Tally, screen

# Draws after which a narrow window has yielded enough random candidates, whatever was asked for.
_DRAWS = 4096
# Mutations moved into the window for each parent that has too few neighbours inside; one costs milliseconds.
_REPAIRED = 8
# Parents whose neighbours are kept.
_KEPT = 256


class CandidateSource:
    """Finds candidates inside the window.

    Args:
        mutants: of each parent, at most.
    """

    def __init__(self, space: Space, mutants: int) -> None:
        self._space = space
        self._mutants = mutants
        self._near: dict[str, list[Candidate]] = {}

    def find(
        self, parents: Sequence[Candidate], random: int, seen: Collection[str], rng: np.random.Generator
    ) -> list[Candidate]:
        """Different networks that are not in ``seen``: mutations of every parent, then random ones."""
        found: dict[str, Candidate] = {}
        for parent in parents:
            mutants = self._mutants_of(parent, seen, rng)
            found |= {one.architecture.key(): one for one in mutants}
        for one in self._random(random, rng):
            key = one.architecture.key()
            if key not in seen:
                found.setdefault(key, one)
        return list(found.values())

    def _mutants_of(self, parent: Candidate, seen: Collection[str], rng: np.random.Generator) -> list[Candidate]:
        """Neighbours that are new, and where these are too few, networks two steps away."""
        near = [one for one in self._neighbours(parent) if one.architecture.key() not in seen]
        missing = self._mutants - len(near)
        if missing <= 0:
            return [near[at] for at in rng.choice(len(near), self._mutants, replace=False).tolist()]
        steps = [self._space.mutate(parent.params, rng) for _ in range(missing)]
        further = self._inside([self._space.mutate(step, rng) for step in steps])
        return near + [one for one in further if one.architecture.key() not in seen]

    def _neighbours(self, parent: Candidate) -> list[Candidate]:
        """Neighbours inside the window and, where few are, mutations moved into it: always the same of one parent."""
        key = parent.architecture.key()
        if key not in self._near:
            inside = self._inside(self._space.neighbours(parent.params))
            if len(self._near) >= _KEPT:
                self._near.pop(next(iter(self._near)))
            self._near[key] = inside + list(self._repaired(parent, self._mutants - len(inside)))
        return self._near[key]

    def _inside(self, points: Sequence[Params]) -> list[Candidate]:
        """Those of some canonical points that the space and its window admit, decoded as one batch."""
        if not points:
            return []
        columns: Columns = {}
        for name in points[0]:
            source = dict(self._space.ties).get(name, name)
            kind = self._space.dimensions[source].draw(np.zeros(1)).dtype
            columns[name] = np.array([point[name] for point in points], dtype=kind)
        return [one for _, one in screen(self._space, columns, Tally())]

    def _repaired(self, parent: Candidate, missing: int) -> Iterator[Candidate]:
        rng = keyed.generator("mutants", parent.architecture.key())
        taken = {parent.architecture.key()}
        for _ in range(min(missing, _REPAIRED)):
            made = feasible_mutant(self._space, parent.params, rng, taken, tries=2)
            if made is not None:
                taken.add(made.architecture.key())
                yield made

    def _random(self, count: int, rng: np.random.Generator) -> list[Candidate]:
        found: list[Candidate] = []
        drawn, size = 0, count
        while len(found) < count and drawn < _DRAWS:
            inside = screen(self._space, self._space.draw(rng, size), Tally())
            found += [one for _, one in islice(inside, count - len(found))]
            drawn += size
            size = min(2 * size, _DRAWS)
        return found
