"""Every strategy on spaces of cells inside a window: no trial is wasted, no network is repeated."""

from __future__ import annotations

import optuna
import pytest

from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.plugins import registry
from regnas.search_spaces.cells.architecture import Cells
from regnas.strategy import make_strategy
from regnas.window import Window

TRIALS = 16
# So that some proposals are the strategy's own.
OPTIONS = {
    "gp": "[startup=14]",
    "nsga2": "[population=6]",
    "evolution": "[population=6]",
    "predictor": "[init=13]",
}
# `optuna` needs the name of a sampler, NNI's algorithms NNI, `grid` fewer parameters, and `pnas` cells that grow.
STRATEGIES = sorted(
    point.name
    for point in registry.installed("strategy").values()
    if point.value.startswith("regnas.strategies.")
    and point.name.partition("-")[0] not in ("optuna", "nni", "grid", "pnas", "command")
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("spec", "flops"), [("darts", "100M:110M"), ("nasnet", "200M:220M")])
def test_every_trial_is_a_new_network_of_the_window(strategy: str, spec: str, flops: str) -> None:
    space = make_space(spec).within(Window.parse(flops=flops))
    study = optuna.create_study(sampler=make_strategy(strategy + OPTIONS.get(strategy, ""), space, seed=0))
    keys = set()
    for _ in range(TRIALS):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None, f"{trial.params} is outside the window"
        network = candidate.architecture
        assert isinstance(network, Cells)
        keys.add(network.key())
        separable = sum("sep" in name for cell in (network.normal, network.reduce) for name, _ in cell.edges)
        study.tell(trial, 1 / (2 + separable))
    assert len(keys) == TRIALS


def test_a_grid_asks_for_fewer_parameters() -> None:
    space = make_space("darts")
    with pytest.raises(UsageError, match="a grid has at most 100,000 points, .*; fix some parameters"):
        make_strategy("grid[levels=2]", space, seed=0)
    line = {name: value for name, value in space.sample(1)[0].params.items() if not name.startswith("normal_0_op")}
    fixed = space.fix(**line)
    study = optuna.create_study(sampler=make_strategy("grid", fixed, seed=0))
    assert len({study.ask(fixed.distributions).params["normal_0_op_x"] for _ in range(20)}) > 1
