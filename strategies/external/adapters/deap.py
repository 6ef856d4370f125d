"""DEAP: the genetic algorithm ``eaSimple`` of its first tutorial, tournaments of 3, crossover 0.5 and mutation 0.2."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "deap"
PIN = "deap==1.4.4"
LOSSY = (
    "all parameters are places between 0 and 1, drawn anew where they mutate; networks evaluated in place of its own "
    "are not shown to it; conditions: inactive ones are proposed"
)
OPTIONS: dict[str, Any] = {"population": 20, "crossover": 0.5, "mutation": 0.2, "gene": 0.2}


class _Individual(list):  # type: ignore[type-arg]
    """Places between 0 and 1, with DEAP's fitness."""

    fitness: Any


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    DEAP has no algorithm of its own choice: its parts are put together here as ``eaSimple`` does, a generation handed
    out one by one, of which only those that were changed are evaluated.
    """

    def __init__(self, problem: Problem) -> None:
        from deap import base

        self._fitness = type("Fitness", (base.Fitness,), {"weights": (-1.0,)})
        self._problem, self._options = problem, problem.options
        self._size: int = self._options["population"]
        random.seed(problem.seed)
        self._population = [self._new(random.random() for _ in problem.parameters) for _ in range(self._size)]
        for place, (point, error) in enumerate(problem.told[-self._size :]):
            self._population[place] = self._new(problem.places(point))
            self._population[place].fitness.values = (error,)
        self._waiting = [one for one in self._population if not one.fitness.valid]

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and DEAP's individual."""
        while not self._waiting:
            self._population = self._offspring()
            self._waiting = [one for one in self._population if not one.fitness.valid]
        one = self._waiting.pop(0)
        return one, self._problem.at(one)

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        known_by.fitness.values = (error,)

    def see(self, point: Point, error: float) -> None:
        """Nothing: a generation is the algorithm's own."""

    def _new(self, genes: Any) -> _Individual:
        one = _Individual(genes)
        one.fitness = self._fitness()
        return one

    def _offspring(self) -> list[_Individual]:
        from deap import tools

        options = self._options
        known = [one for one in self._population if one.fitness.valid]
        children: list[Any] = []
        for parent in tools.selTournament(known, self._size, tournsize=3):
            children.append(self._new(parent))
            children[-1].fitness.values = parent.fitness.values
        for first, second in zip(children[::2], children[1::2], strict=False):
            if random.random() < options["crossover"]:
                tools.cxTwoPoint(first, second)
                del first.fitness.values, second.fitness.values
        for child in children:
            if random.random() < options["mutation"]:
                for place in range(len(child)):
                    if random.random() < options["gene"]:
                        child[place] = random.random()
                del child.fitness.values
        return children
