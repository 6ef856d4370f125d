"""Hyperopt: ``tpe.suggest``, which draws its first 20 proposals from the space's law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.strategies.external.adapters.serve import Point, Problem

PACKAGE = "hyperopt"
PIN = "hyperopt==0.3.0"
LOSSY = "conditions: parameters that are inactive are proposed like all others"
OPTIONS: dict[str, Any] = {}


class Optimiser:
    """See `regnas.strategies.external.adapters.serve.Adapter`."""

    def __init__(self, problem: Problem) -> None:
        import numpy
        from hyperopt import Domain, Trials, hp

        self._problem = problem
        self._rng = numpy.random.default_rng(problem.seed)
        space = {law.name: _law(hp, numpy, law) for law in problem.parameters}
        self._domain = Domain(lambda config: 0.0, space)
        self._trials = Trials()
        for point, error in problem.told:
            self.see(point, error)

    def ask(self) -> tuple[Any, Point]:
        """A proposal, and hyperopt's document of it."""
        from hyperopt import tpe

        number = self._trials.new_trial_ids(1)
        self._trials.refresh()
        seed = int(self._rng.integers(2**31 - 1))
        document = tpe.suggest(number, self._domain, self._trials, seed)[0]
        drawn = {name: values[0] for name, values in document["misc"]["vals"].items()}
        return document, self._problem.point([drawn[law.name] for law in self._problem.parameters])

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal."""
        from hyperopt import JOB_STATE_DONE, STATUS_OK

        known_by["state"], known_by["result"] = JOB_STATE_DONE, {"loss": error, "status": STATUS_OK}
        self._trials.insert_trial_docs([known_by])
        self._trials.refresh()

    def see(self, point: Point, error: float) -> None:
        """The error of any other point: a trial like those that it proposed."""
        number = self._trials.new_trial_ids(1)[0]
        values = {law.name: [law.number(point[law.name])] for law in self._problem.parameters}
        misc = {"tid": number, "cmd": None, "idxs": {name: [number] for name in values}, "vals": values}
        self.tell(self._trials.new_trial_docs([number], [None], [{}], [misc])[0], error)


def _law(hp: Any, numpy: Any, law: Any) -> Any:
    if law.kind == "choice":
        return hp.choice(law.name, list(range(len(law.values))))
    ends = (law.low - 0.5, law.high + 0.5) if law.kind == "int" else (law.low, law.high)
    if law.log:
        ends = (float(numpy.log(ends[0])), float(numpy.log(ends[1])))
    name = ("q" if law.kind == "int" else "") + ("loguniform" if law.log else "uniform")
    return getattr(hp, name)(law.name, *ends, *((1,) if law.kind == "int" else ()))
