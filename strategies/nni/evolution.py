"""NNI's regularised evolution (Real et al. 2019), over a model space whose mutations stay inside the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.space import RegnasSpace
from regnas.sampling.batch import Params
from regnas.strategies.nni.engine import OneProposal, proposal, sample_of
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.population import KeepsMembers
from regnas.strategy import own_options


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """NNI's regularised evolution inside the window.

    Options, with NNI's defaults:
        population: newest members that can be parents; so many candidates are random at first.
        tournament: members of which the best is the parent.
        mutation: probability that a parameter of the child is drawn anew.
        crossover: whether a child has two parents.
    """
    known: dict[str, Any] = {"population": 100, "tournament": 25, "mutation": 0.05, "crossover": False}
    chosen = own_options(options, "nni-evolution", known)
    if "tournament" not in options:
        chosen["tournament"] = min(chosen["tournament"], chosen["population"])
    inner = Evolved(space, **chosen)
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=16)


class Evolved(KeepsMembers):
    """The inner sampler: NNI's ``RegularizedEvolution``, made anew for every candidate, with the population so far.

    So its proposals are a function of the seed, the index and the results, in whatever process. The first members are
    the random candidates of the seed, as of every strategy.

    Raises:
        UsageError: a tournament of none or of more than the population, or a mutation outside (0, 1].
    """

    def __init__(self, space: Space, *, population: int, tournament: int, mutation: float, crossover: bool) -> None:
        if not (1 <= tournament <= population and 0 < mutation <= 1):
            raise UsageError(
                f"nni-evolution needs a tournament of 1 to the population and a mutation above 0 and up to 1, got "
                f"{tournament}, {population} and {mutation}"
            )
        super().__init__(space)
        module = load("nni.nas.strategy.evolution")
        self._kind: Any = module.RegularizedEvolution
        self._individual: Any = module.Individual
        self._arguments = {
            "population_size": population,
            "sample_size": tournament,
            "mutation_prob": mutation,
            "crossover": crossover,
        }
        self._model_space = RegnasSpace(space)
        self._names = tuple(space.distributions)
        self._alive: deque[tuple[float, Params]] = deque(maxlen=population)
        self._known: set[frozenset[tuple[str, Any]]] = set()

    def _child(self) -> Params | None:
        if len(self._alive) < (self._alive.maxlen or 0):
            return None
        model = proposal(self._with_population())
        return None if model is None else sample_of(model, self._names)

    def _take(self, error: float, point: Params) -> None:
        free = {name: point[name] for name in self._names}
        self._alive.append((error, free))
        self._known.add(frozenset(free.items()))

    def _with_population(self) -> Any:
        """NNI's strategy in the state of one that has run so far: its own checkpoint, written by us."""
        strategy = self._kind(**self._arguments)
        strategy.initialize(self._model_space, OneProposal())
        numbers = np.random.RandomState(int(self._rng.integers(2**32)))
        strategy.load_state_dict(
            {
                "population": [self._individual(point, -error) for error, point in self._alive],  # NNI maximises
                "individual_counter": len(self._known),
                "random_state": numbers.get_state(),
                "dedup_history": list(self._known),
            }
        )
        return strategy
