"""Regularised evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampling.batch import Params
from regnas.sampling.moves import Mutate, cell_mutation, feasible_mutant
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.population import KeepsMembers
from regnas.strategy import own_options

# Population and tournament as Real et al. ran them; 0.05 as the paper's probability of no mutation.
PAPERS: Mapping[str, Mapping[str, Any]] = {"amoebanet": {"population": 100, "tournament": 25, "identity": 0.05}}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Ageing evolution inside the window.

    Options:
        population: newest members that can be parents. The paper's 100 is random search for the first 100 trials; 10
            is NATS-Bench's number for small budgets (Dong et al. 2021).
        tournament: members of which the best is the parent, 5 unless the population is smaller. NATS-Bench has 3; of
            these two, 5 found better networks on made-up errors over RegNetX and AnyNetX and on NAS-Bench-201's
            CIFAR-100.
        identity: share of children that are their parent. No network is evaluated twice unless ``--duplicates`` allows
            it: such a child is then drawn again.
        paper: ``amoebanet`` has a population of 100, a tournament of 25, 0.05 identities, and on spaces of cells
            AmoebaNet's two mutations alone.

    Raises:
        UsageError: an unknown paper, or an option that makes no sense.
    """
    known = {"population": 10, "tournament": 5, "identity": 0.0, "paper": ""}
    chosen = own_options(options, "evolution", known)
    paper = chosen.pop("paper")
    if paper not in ("", *PAPERS):
        raise UsageError(f"paper of strategy evolution is one of {', '.join(PAPERS)}, got {paper!r}")
    chosen |= {name: value for name, value in PAPERS.get(paper, {}).items() if name not in options}
    if "tournament" not in options:
        chosen["tournament"] = min(chosen["tournament"], chosen["population"])
    chosen["mutate"] = cell_mutation(space) if paper else space.mutate
    inner = AgeingEvolution(space, **chosen)
    duplicates = options.get("duplicates", "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=64)


class AgeingEvolution(KeepsMembers):
    """The inner sampler: mutates the best of a tournament among the newest members.

    The population is a queue in the order of completion: a new member drops the oldest. Until it is full, the
    sampler has no opinion. A child always differs from its parent: in one parameter, and where that left the window
    in a second one that makes up for it (`regnas.sampling.moves`).

    Args:
        identity: chance of a child that is its parent.
        mutate: how a point is mutated, the space's own way unless said.

    Raises:
        UsageError: a population below 2, a tournament of none or of more than the population, or a chance of 1.
    """

    def __init__(
        self, space: Space, *, population: int, tournament: int, identity: float = 0.0, mutate: Mutate | None = None
    ) -> None:
        if not 0 <= identity < 1:
            raise UsageError(f"identity of strategy evolution is a share from 0 and below 1, got {identity:g}")
        if population < 2 or not 1 <= tournament <= population:
            raise UsageError(
                f"evolution needs a population of at least 2 and a tournament of 1 to the population, "
                f"got {population} and {tournament}"
            )
        super().__init__(space)
        self._tournament = tournament
        self._identity = identity
        self._mutate = mutate
        self._alive: deque[tuple[float, Params]] = deque(maxlen=population)

    def _child(self) -> Params | None:
        if len(self._alive) < (self._alive.maxlen or 0):
            return None
        rivals = self._rng.integers(len(self._alive), size=self._tournament)  # with replacement, as the paper
        _, parent = min((self._alive[rival] for rival in rivals.tolist()), key=lambda member: member[0])
        if self._identity and self._rng.random() < self._identity:
            return parent
        child = feasible_mutant(self._space, parent, self._rng, mutate=self._mutate)
        return parent if child is None else child.params

    def _take(self, error: float, point: Params) -> None:
        self._alive.append((error, point))
