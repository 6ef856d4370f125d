"""NSGA-II: the trade-off of error against complexity (Deb, Pratap, Agarwal and Meyarivan 2002, section III).

Complexity is known before a training, so the study has one objective, the error, and the others come from the
space. After every result the worst member leaves (the steady-state form, Durillo et al. 2009), so that proposals need
not wait for the rest of a generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.measure import find, installed
from regnas.sampling.batch import Params
from regnas.sampling.moves import feasible_mutant
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.population import KeepsMembers
from regnas.strategy import own_options

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """NSGA-II inside the window.

    Options:
        objectives: measures that are traded off against the error, such as ``flops`` or ``flops|params``: those that
            the space knows in closed form, or that its window limits.
        population: members that can be parents; the first ones are random candidates.
        crossover: probability that a child has two parents; the paper's is 0.9.
    """
    given = dict(options)
    if type(given.get("crossover")) is int:  # crossover=1 is a probability too
        given["crossover"] = float(given["crossover"])
    chosen = own_options(given, "nsga2", {"objectives": "flops", "population": 20, "crossover": 0.9})
    inner = NSGA2(
        space,
        objectives=tuple(chosen["objectives"].split("|")),
        population=chosen["population"],
        crossover=chosen["crossover"],
    )
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=64)


def non_dominated_sort(values: Floats) -> Ints:
    """The rank of every point: 0 on the first front, 1 on the front without that one, and so on, ``(n,)``.

    Args:
        values: ``(n, objectives)``, smaller is better.

    Source: section III-A, fast non-dominated sort.
    """
    one, other = values[:, None], values[None]
    dominates = np.logical_and((one <= other).all(axis=2), (one < other).any(axis=2))  # (n, n): row over column
    count: Ints = dominates.sum(axis=0)
    ranks = np.full(len(values), -1, dtype=np.int64)
    rank = 0
    while (ranks < 0).any():
        front = (ranks < 0) & (count == 0)
        ranks[front] = rank
        count = count - dominates[front].sum(axis=0)
        rank += 1
    return ranks


def crowding_distance(values: Floats) -> Floats:
    """How far the neighbours of every point of one front lie apart, ``(n,)``; infinite at the ends.

    Args:
        values: ``(n, objectives)``.

    Source: section III-B, crowding-distance-assignment.
    """
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        distance[order[[0, -1]]] = np.inf
        span = column[order[-1]] - column[order[0]]
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def crowded_order(values: Floats) -> Ints:
    """Numbers of the points from the best to the worst: by rank, then by crowding, ``(n,)``.

    Source: section III-B, crowded-comparison operator. Equals stay in their order.
    """
    ranks = non_dominated_sort(values)
    distance = np.zeros(len(values))
    for rank in range(int(ranks.max(initial=-1)) + 1):
        front = np.flatnonzero(ranks == rank)
        distance[front] = crowding_distance(values[front])
    return np.lexsort((-distance, ranks))


def _measures(names: tuple[str, ...]) -> tuple[str, ...]:
    """The measures of these names, as files have them."""
    try:
        found = tuple(find(name).name for name in names if name)
    except UsageError as error:
        raise UsageError(f"objectives of nsga2 are measures: {error}") from error
    if not found or len(set(found)) < len(names):
        raise UsageError(f"objectives of nsga2 are one or more of {', '.join(installed())}, got {'|'.join(names)!r}")
    return found


class NSGA2(KeepsMembers):
    """The inner sampler. Members are kept from the best to the worst; until there are enough it has no opinion.

    Raises:
        UsageError: no objectives, unknown or twice the same ones, costs that the space does not know, a population
            below 2, or a crossover that is no probability.
    """

    def __init__(self, space: Space, *, objectives: tuple[str, ...], population: int, crossover: float) -> None:
        objectives = _measures(objectives)
        some = next(space.stream(duplicates="allow"))
        unknown = [name for name in objectives if not some.complexity.get(name)]
        if unknown:
            raise UsageError(
                f"nsga2 weighs the error against {', '.join(objectives)}, and {space.spec} does not know the "
                f"{', '.join(unknown)} of its networks; name others with objectives="
            )
        if population < 2 or not 0 <= crossover <= 1:
            raise UsageError(
                f"nsga2 needs a population of at least 2 and a crossover in 0..1, got {population} and {crossover}"
            )
        super().__init__(space)
        self._objectives = objectives
        self._size = population
        self._crossover = crossover
        self._members: list[tuple[tuple[float, ...], str, Params]] = []  # objectives, key of the network, point

    def _child(self) -> Params | None:
        if len(self._members) < self._size:
            return None
        child = self._parent()
        if self._rng.random() < self._crossover:
            child = self._cross(child, self._parent())
        found = feasible_mutant(self._space, child, self._rng)
        return child if found is None else found.params

    def _parent(self) -> Params:
        """Binary tournament: members are in the crowded order, so the smaller number wins."""
        return self._members[int(self._rng.integers(len(self._members), size=2).min())][2]

    def _cross(self, one: Params, other: Params) -> Params:
        """Uniform crossover: every parameter from either parent, or from the one in which alone it is active."""
        free = list(self._space.free)
        from_other = dict(zip(free, (self._rng.random(len(free)) < 0.5).tolist(), strict=True))
        here, there = self._space.active(one), self._space.active(other)
        taken = [name for name in free if (from_other[name] and name in there) or name not in here]
        return self._space.canonical({**one, **{name: other[name] for name in taken}})

    def _take(self, error: float, point: Params) -> None:
        """A new member; the worst one leaves where there are too many (section III-C, the main loop)."""
        candidate = self._space.judge(point)
        if candidate is None or candidate.architecture.key() in {key for _, key, _ in self._members}:
            return
        costs = (float(candidate.complexity[name]) for name in self._objectives)
        self._members.append(((error, *costs), candidate.architecture.key(), candidate.params))
        order = crowded_order(np.array([values for values, _, _ in self._members]))
        self._members = [self._members[number] for number in order.tolist()][: self._size]
