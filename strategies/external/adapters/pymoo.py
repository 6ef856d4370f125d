"""pymoo: ``MixedVariableGA``, its genetic algorithm for spaces of mixed kinds, with its population of 50."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "pymoo"
PIN = "pymoo==0.6.2"
LOSSY = (
    "logarithms: reals as ranges of the logarithm, whole numbers without it; networks evaluated in place of its own "
    "are not shown to it; conditions: inactive ones are proposed"
)
OPTIONS: dict[str, Any] = {"population": 50}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    A generation is handed out one by one, and advanced by those of it that are told when the next one is wanted.
    """

    def __init__(self, problem: Problem) -> None:
        from pymoo.core.mixed import MixedVariableGA
        from pymoo.core.problem import Problem as Mixed
        from pymoo.core.termination import NoTermination
        from pymoo.core.variable import Choice, Integer, Real

        self._problem = problem
        variables: dict[str, Any] = {}
        for law in problem.parameters:
            if law.kind == "choice":
                variables[law.name] = Choice(options=list(range(len(law.values))))
            elif law.kind == "int":
                variables[law.name] = Integer(bounds=(law.low, law.high))
            else:
                variables[law.name] = Real(bounds=(law.place(law.low), law.place(law.high)))
        self._inner = MixedVariableGA(pop_size=problem.options["population"])
        self._inner.setup(Mixed(vars=variables, n_obj=1), seed=problem.seed, termination=NoTermination(), verbose=False)
        self._generation: Any = None
        self._given = 0
        self._told: list[Any] = []

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and pymoo's individual."""
        from pymoo.core.population import Population

        if self._generation is None or self._given == len(self._generation):
            if self._generation is not None:
                self._inner.tell(infills=Population.create(*self._told))
            self._generation, self._given, self._told = self._inner.ask(), 0, []
        one = self._generation[self._given]
        self._given += 1
        numbers = [
            law.at(one.X[law.name]) if law.kind == "float" else one.X[law.name] for law in self._problem.parameters
        ]
        return one, self._problem.point(numbers)

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        known_by.set("F", [error])
        self._told.append(known_by)

    def see(self, point: Point, error: float) -> None:
        """Nothing: a generation is the algorithm's own."""
