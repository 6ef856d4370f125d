"""Regularised evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampling.batch import Params
from regnas.sampling.moves import feasible_mutant
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.population import KeepsMembers
from regnas.strategy import own_options


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Ageing evolution inside the window.

    Options:
        population: newest members that can be parents. The paper's 100 is random search for the first 100 trials; 10
            is NATS-Bench's number for small budgets (Dong et al. 2021).
        tournament: members of which the best is the parent, 5 unless the population is smaller. NATS-Bench has 3; of
            these two, 5 found better networks on made-up errors over RegNetX and AnyNetX and on NAS-Bench-201's
            CIFAR-100.
    """
    chosen = own_options(options, "evolution", {"population": 10, "tournament": 5})
    if "tournament" not in options:
        chosen["tournament"] = min(chosen["tournament"], chosen["population"])
    inner = AgeingEvolution(space, **chosen)
    duplicates = options.get("duplicates", "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=64)


class AgeingEvolution(KeepsMembers):
    """The inner sampler: mutates the best of a tournament among the newest members.

    The population is a queue in the order of completion: a new member drops the oldest. Until it is full, the
    sampler has no opinion. A child always differs from its parent: in one parameter, and where that left the window
    in a second one that makes up for it (`regnas.sampling.moves`).

    Raises:
        UsageError: a population below 2, or a tournament of none or of more than the population.
    """

    def __init__(self, space: Space, *, population: int, tournament: int) -> None:
        if population < 2 or not 1 <= tournament <= population:
            raise UsageError(
                f"evolution needs a population of at least 2 and a tournament of 1 to the population, "
                f"got {population} and {tournament}"
            )
        super().__init__(space)
        self._tournament = tournament
        self._alive: deque[tuple[float, Params]] = deque(maxlen=population)

    def _child(self) -> Params | None:
        if len(self._alive) < (self._alive.maxlen or 0):
            return None
        rivals = self._rng.integers(len(self._alive), size=self._tournament)  # with replacement, as the paper
        _, parent = min((self._alive[rival] for rival in rivals.tolist()), key=lambda member: member[0])
        child = feasible_mutant(self._space, parent, self._rng)
        return parent if child is None else child.params

    def _take(self, error: float, point: Params) -> None:
        self._alive.append((error, point))
