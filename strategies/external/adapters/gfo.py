"""gradient-free-optimizers: its hill climbing after ten random points; ``optimizer=`` names another of its classes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "gradient-free-optimizers"
PIN = "gradient-free-optimizers==1.13.0"
LOSSY = (
    "logarithms: reals as ranges of the logarithm, whole numbers as lists without it; after its random points it is "
    "not shown networks evaluated in place of its own; conditions: inactive ones are proposed"
)
OPTIONS: dict[str, Any] = {"optimizer": "HillClimbingOptimizer", "random": 10}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._known = list(problem.told)
        self._inner: Any = None
        random.seed(problem.seed)

    def ask(self) -> tuple[Any, Point]:
        """A proposal; of a random one, the point itself."""
        if len(self._known) < self._problem.options["random"]:
            point = self._problem.at([random.random() for _ in self._problem.parameters])
            return point, point
        if self._inner is None:
            self._inner = self._made()
        found = self._inner.ask()[0]
        laws = self._problem.parameters
        numbers = [law.at(found[law.name]) if law.kind == "float" else float(found[law.name]) for law in laws]
        return None, self._problem.point(numbers)

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        if known_by is None:
            self._inner.tell([-error])
        else:
            self._known.append((known_by, error))

    def see(self, point: Point, error: float) -> None:
        """The error of any other point, as long as the optimiser has not begun."""
        self._known.append((point, error))

    def _made(self) -> Any:
        import numpy
        from gradient_free_optimizers import ask_tell

        space: dict[str, Any] = {}
        for law in self._problem.parameters:
            if law.kind == "choice":
                space[law.name] = [str(place) for place in range(len(law.values))]
            elif law.kind == "int":
                space[law.name] = numpy.arange(law.low, law.high + 1)
            else:
                space[law.name] = (0.0, 1.0)
        known = [(self._said(point), -error) for point, error in self._known]
        kind = getattr(ask_tell, self._problem.options["optimizer"])
        return kind(space, initial_evaluations=known, random_state=self._problem.seed)

    def _said(self, point: Point) -> dict[str, Any]:
        laws = self._problem.parameters
        return {law.name: _in_words(law, law.number(point[law.name])) for law in laws}


def _in_words(law: Any, number: float) -> Any:
    return str(number) if law.kind == "choice" else law.place(number) if law.kind == "float" else number
