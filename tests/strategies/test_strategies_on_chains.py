"""Every strategy on chains of layers inside a window: no trial is wasted, no network is repeated."""

from __future__ import annotations

import optuna
import pytest

from regnas.design_space import make_space
from regnas.images import Images
from regnas.plugins import registry
from regnas.search_spaces.chain.architecture import LayerChain
from regnas.strategy import make_strategy
from regnas.window import Window

TRIALS = 14
# So that some proposals are the strategy's own.
OPTIONS = {
    "gp": "[startup=11]",
    "nsga2": "[population=5]",
    "evolution": "[population=5]",
    "predictor": "[init=11]",
    "tpe": "[startup=6]",
}
# `optuna` needs the name of a sampler, NNI's algorithms NNI, and `grid` fewer parameters.
STRATEGIES = sorted(
    point.name
    for point in registry.installed("strategy").values()
    if point.value.startswith("regnas.strategies.")
    and point.name.partition("-")[0] not in ("optuna", "nni", "grid", "pnas", "command")
)
# A controller takes seconds for each of a whole chain's 291 decisions inside a window.
SPACES = dict.fromkeys(("ppo", "reinforce"), "chain[layers=6:8]")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_trial_is_a_new_network_of_the_window(strategy: str) -> None:
    space = (
        make_space(SPACES.get(strategy, "chain"))
        .on(Images(resolution=28, classes=10))
        .within(Window.parse(flops="20M:24M"))
    )
    study = optuna.create_study(sampler=make_strategy(strategy + OPTIONS.get(strategy, ""), space, seed=0))
    keys = set()
    for _ in range(TRIALS):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None, f"{trial.params} is outside the window"
        network = candidate.architecture
        assert isinstance(network, LayerChain) and 6 <= len(network.layers) <= 20
        keys.add(network.key())
        study.tell(trial, 1 / (2 + sum(map(len, network.inputs))))
    assert len(keys) == TRIALS
