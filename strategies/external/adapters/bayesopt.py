"""bayesian-optimization: five random proposals, then ``suggest``, a Gaussian process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "bayesian-optimization"
PIN = "bayesian-optimization==3.4.0"
LOSSY = "logarithms: given as ranges of the logarithm, whole numbers rounded; conditions: inactive ones are proposed"
OPTIONS: dict[str, Any] = {"random": 5}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`."""

    def __init__(self, problem: Problem) -> None:
        from bayes_opt import BayesianOptimization

        self._problem = problem
        self._left = problem.options["random"] - len(problem.told)
        bounds = {law.name: _bounds(law) for law in problem.parameters}
        self._inner = BayesianOptimization(
            None, bounds, random_state=problem.seed, verbose=0, allow_duplicate_points=True
        )
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and the library's own words for it."""
        self._left -= 1
        if self._left >= 0 or not len(self._inner.space):
            found = self._inner.random_sample(1)[0]
        else:
            found = self._inner.suggest()
        return found, self._problem.point([_number(law, found[law.name]) for law in self._problem.parameters])

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        self._inner.register(params=known_by, target=-error)

    def see(self, point: Point, error: float) -> None:
        """The error of any other point."""
        self.tell({law.name: _said(law, law.number(point[law.name])) for law in self._problem.parameters}, error)


def _bounds(law: Any) -> tuple[Any, ...]:
    if law.kind == "choice":
        return tuple(map(str, range(len(law.values))))
    if law.log:
        return math.log(law.low), math.log(law.high)
    return (law.low, law.high, int) if law.kind == "int" else (law.low, law.high)


def _said(law: Any, number: float) -> Any:
    return str(number) if law.kind == "choice" else math.log(number) if law.log else number


def _number(law: Any, said: Any) -> float:
    return math.exp(said) if law.log else float(said)
