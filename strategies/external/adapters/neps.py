"""NePS: what its ``auto`` chooses, Bayesian optimisation by BoTorch, asked and told by its ``AskAndTell``."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "neural-pipeline-search"
PIN = "neural-pipeline-search==0.17.0"
LOSSY = "conditions: parameters that are inactive are proposed like all others"
OPTIONS: dict[str, Any] = {"optimizer": "auto"}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    ``optimizer`` is a name of ``neps.algorithms``. NePS draws from the process's generators, which are seeded here.
    """

    def __init__(self, problem: Problem) -> None:
        import neps
        import numpy
        import torch
        from neps.optimizers import load_optimizer
        from neps.space import HPOCategorical, HPOFloat, HPOInteger, SearchSpace

        random.seed(problem.seed)
        numpy.random.seed(problem.seed % 2**32)
        torch.manual_seed(problem.seed)
        torch.set_num_threads(1)
        self._problem = problem
        space: dict[str, Any] = {}
        for law in problem.parameters:
            if law.kind == "choice":
                space[law.name] = HPOCategorical(list(range(len(law.values))))
            else:
                kind = HPOInteger if law.kind == "int" else HPOFloat
                space[law.name] = kind(law.low, law.high, log=law.log)
        self._inner = neps.AskAndTell(load_optimizer(problem.options["optimizer"], SearchSpace(space))[0])
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and the name of its trial."""
        found = self._inner.ask()
        return found.id, self._problem.point([found.config[law.name] for law in self._problem.parameters])

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        self._inner.tell(known_by, error)

    def see(self, point: Point, error: float) -> None:
        """The error of any other point."""
        names = [law.name for law in self._problem.parameters]
        number = 1 + max((int(one) for one in self._inner.trials), default=0)
        self._inner.tell_custom(
            config_id=str(number),
            config=dict(zip(names, self._problem.numbers(point), strict=True)),
            result=error,
        )
