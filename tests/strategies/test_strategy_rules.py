"""The built-in strategies keep the rules of their contract, on a toy space and on RegNetX inside a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from optuna.samplers import BaseSampler

from regnas.design_space import Space, make_space
from regnas.plugins import registry, spec
from regnas.testing import StrategyRules
from regnas.window import Window

BUILT_IN = ("random", "tpe[startup=5]", "evolution[population=5,tournament=2]")
OF_OPTUNA = (
    "optuna:RandomSampler",
    "optuna:QMCSampler[scramble=true]",
    "optuna:CmaEsSampler",
    "optuna:NSGAIISampler[population_size=6]",
    "optuna:TPESampler[n_startup_trials=5]",
)


class TestOnToy(StrategyRules):
    @pytest.fixture(autouse=True, params=[*BUILT_IN, *OF_OPTUNA])
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param

    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        name, argument, own = spec.parse(self._spec, "strategy")
        made: BaseSampler = registry.load("strategy", name)(
            space, seed=seed, options={**options, "argument": argument, **spec.json_options(own)}
        )
        return made


class TestOnRegNetX(TestOnToy):
    @pytest.fixture(autouse=True, params=[BUILT_IN[0], BUILT_IN[2]])
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param

    def space(self) -> Space:
        return make_space("regnetx").within(Window.parse(flops="200M:1G"))
