"""Nevergrad: ``NGOpt``, which chooses an algorithm by the space and the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "nevergrad"
PIN = "nevergrad==1.0.12"
LOSSY = "conditions: parameters that are inactive are proposed like all others"
OPTIONS: dict[str, Any] = {"optimizer": "NGOpt", "budget": 100}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`."""

    def __init__(self, problem: Problem) -> None:
        import nevergrad

        self._problem = problem
        parameters: list[Any] = []
        for law in problem.parameters:
            if law.kind == "choice":
                parameters.append(nevergrad.p.Choice(list(range(len(law.values)))))
                continue
            kind = nevergrad.p.Log if law.log else nevergrad.p.Scalar
            one = kind(lower=law.low, upper=law.high)
            parameters.append(one.set_integer_casting() if law.kind == "int" else one)
        whole = nevergrad.p.Tuple(*parameters)
        whole.random_state.seed(problem.seed % 2**32)
        made = nevergrad.optimizers.registry[problem.options["optimizer"]]
        self._inner = made(parametrization=whole, budget=problem.options["budget"], num_workers=1)
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and nevergrad's own candidate."""
        found = self._inner.ask()
        return found, self._problem.point(found.value)

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        self._inner.tell(known_by, error)

    def see(self, point: Point, error: float) -> None:
        """The error of any other point, which nevergrad counts as one that was not asked for."""
        numbers = tuple(self._problem.numbers(point))
        self._inner.tell(self._inner.parametrization.spawn_child(new_value=numbers), error)
