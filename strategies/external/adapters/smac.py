"""SMAC: ``HyperparameterOptimizationFacade``, random forests after a Sobol design, asked and told from outside."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "smac"
PIN = "smac==2.4.1"
LOSSY = ""
OPTIONS: dict[str, Any] = {"budget": 100}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`.

    Errors are said to be deterministic: otherwise SMAC asks for its incumbent again under other seeds, which is no new
    evaluation here. What it writes goes into a folder that ends with it.
    """

    def __init__(self, problem: Problem) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._problem = problem
        self._space = ConfigurationSpace(seed=problem.seed % 2**32)
        _fill(self._space, problem)
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            self._space,
            output_directory=self._folder.name,
            deterministic=True,
            n_trials=problem.options["budget"],
            seed=problem.seed % 2**32,
        )
        self._inner = HyperparameterOptimizationFacade(scenario, None, logging_level=50, overwrite=True)
        self._trial_seed = 0  # SMAC's own, as soon as it has proposed with one
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and SMAC's trial; what is inactive is at its lowest."""
        found = self._inner.ask()
        self._trial_seed = found.seed
        chosen = dict(found.config)
        return found, self._problem.point([chosen.get(law.name, law.low) for law in self._problem.parameters])

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        from smac.runhistory.dataclasses import TrialValue

        self._inner.tell(known_by, TrialValue(cost=error), save=False)

    def see(self, point: Point, error: float) -> None:
        """The error of any other point."""
        from ConfigSpace.util import deactivate_inactive_hyperparameters
        from smac.runhistory.dataclasses import TrialInfo

        laws = self._problem.parameters
        values = {law.name: law.number(point[law.name]) for law in laws}
        config = deactivate_inactive_hyperparameters(values, self._space)
        self.tell(TrialInfo(config, seed=self._trial_seed), error)


def _fill(space: Any, problem: Problem) -> None:
    from ConfigSpace import Categorical, Float, InCondition, Integer

    for law in problem.parameters:
        if law.kind == "choice":
            space.add(Categorical(law.name, list(range(len(law.values)))))
        else:
            kind = Integer if law.kind == "int" else Float
            space.add(kind(law.name, (law.low, law.high), log=law.log))
    of = {law.name: law for law in problem.parameters}
    for name, said in problem.conditions.items():
        parent = of[said["of"]]
        space.add(InCondition(space[name], space[parent.name], [parent.number(value) for value in said["in"]]))
