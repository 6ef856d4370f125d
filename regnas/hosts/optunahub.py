"""Benchmark problems of OptunaHub's kind on recorded trainings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from regnas.architecture import Architecture
from regnas.costs import Complexity, complexity_of
from regnas.design_space import make_space
from regnas.errors import InvalidArchitecture, UsageError
from regnas.evaluator import Context, Evaluator, SupportsTable, Task, make_evaluator
from regnas.measure import load, measured
from regnas.system.optional import require
from regnas.tables.table import Table
from regnas.window import Window

require("optunahub", "hub", low="0.5", below="1")

from optunahub.benchmarks import BaseProblem  # noqa: E402  (where it is missing, the line above says what to install)


class Problem(BaseProblem):
    """A search space of networks whose errors were recorded, to be minimised.

    The error of a network is that of one recorded training, the same for equal seeds; of a network that a sample of a
    space does not hold, a prediction. Bounds on complexity, and that a point is a network at all, are constraints: soft
    ones, as Optuna has them. `regnas.strategies.FeasibleSampler` keeps a sampler inside them.

    Args:
        table: of ``regnas list tables``, such as ``nasbench201/cifar10`` (extra ``bench``), or a file.
        space: whose networks they are; the table's own unless said, where it says one.
        flops, params, acts: windows, such as ``1M:2M``.
        limits: windows on any measures that the space knows in closed form, by name.
        seed: of the recorded training that is seen.

    Raises:
        UsageError: no such table, space or window.
    """

    def __init__(
        self,
        table: str = "recorded:fashion-mnist/regnetx",
        space: str | None = None,
        *,
        flops: str | None = None,
        params: str | None = None,
        acts: str | None = None,
        limits: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        self._evaluate, known = _lookup(table)
        named = space or known.space
        if named is None:
            raise UsageError(f"the table {table} does not say which space its networks are from; say it with space=")
        self.space = make_space(named).on(known.images).within(Window.parse(flops, params, acts, limits or {}))
        self._seed = seed

    @property
    def search_space(self) -> dict[str, BaseDistribution]:
        """The free parameters of the space."""
        return self.space.distributions

    @property
    def directions(self) -> list[optuna.study.StudyDirection]:
        """One objective, minimised."""
        return [optuna.study.StudyDirection.MINIMIZE]

    def evaluate(self, params: Mapping[str, Any]) -> float:
        """The validation error of a point, a fraction; 1 where it is no network."""
        network = self._network(params)
        if network is None:
            return 1.0
        return self._evaluate(network, seed=self._seed, context=Context()).error

    def evaluate_constraints(self, params: Mapping[str, Any]) -> dict[str, float]:
        """How far a point is outside, by constraint: millions for whole costs, 1 where it is no network."""
        network = self._network(params)
        cost = None if network is None else self._cost(network)
        return {"network": -1.0 if network is not None else 1.0, **self._window(cost)}

    def _cost(self, network: Architecture) -> Complexity:
        """In closed form, and measured for the window what is none."""
        cost, space = complexity_of(network, self.space.resolution), self.space
        further = {name: measured(name, network, space.images, space.device) for name in space.window.missing(cost)}
        return cost | further

    def _network(self, params: Mapping[str, Any]) -> Architecture | None:
        point = self.space.canonical(params)
        if self.space.member(point) is not None:
            return None
        try:
            return self.space.decode(point)
        except InvalidArchitecture:
            return None

    def _window(self, cost: Complexity | None) -> dict[str, float]:
        found = {}
        for name, bounds in self.space.window.items():
            scale = 1e6 if load(name).whole else 1.0
            for side, limit, sign in (("low", bounds.low, -1), ("high", bounds.high, 1)):
                if limit is not None:
                    found[f"{name}_{side}"] = 1.0 if cost is None else sign * (cost[name] - limit) / scale
        return found


def _lookup(name: str) -> tuple[Evaluator, Table]:
    """What answers for a table's networks, and the table; networks that a sample does not hold are predicted."""
    for spec in (f"table:{name}", f"table:{name}[surrogate=true]"):
        found = make_evaluator(spec, Task(data=spec))
        if isinstance(found, SupportsTable) and (found.table.exhaustive or found.surrogate):
            return found, found.table
    raise UsageError(f"the evaluator table:{name} is one of another plug-in, which has no table")
