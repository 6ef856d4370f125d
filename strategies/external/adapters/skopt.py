"""scikit-optimize: ``Optimizer``, a Gaussian process and three acquisitions in turn (``gp_hedge``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "scikit-optimize"
PIN = "scikit-optimize==0.10.2"
LOSSY = "conditions: parameters that are inactive are proposed like all others"
OPTIONS: dict[str, Any] = {}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`."""

    def __init__(self, problem: Problem) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical, Integer, Real

        self._problem = problem
        dimensions: list[Any] = []
        for law in problem.parameters:
            prior = "log-uniform" if law.log else "uniform"
            if law.kind == "choice":
                dimensions.append(Categorical(list(range(len(law.values)))))
            else:
                dimensions.append((Integer if law.kind == "int" else Real)(law.low, law.high, prior=prior))
        self._inner = Optimizer(dimensions, random_state=problem.seed)
        if problem.told:  # at once: every telling fits the model anew
            known = [problem.numbers(point) for point, _ in problem.told]
            self._inner.tell(known, [error for _, error in problem.told])

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and its coordinates."""
        found = self._inner.ask()
        return found, self._problem.point(found)

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        self._inner.tell(known_by, error)

    def see(self, point: Point, error: float) -> None:
        """The error of any other point."""
        self._inner.tell(self._problem.numbers(point), error)
