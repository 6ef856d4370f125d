"""Every strategy on MnasNet's space inside a window: no trial is wasted, no network is repeated."""

from __future__ import annotations

import optuna
import pytest

from regnas.design_space import make_space
from regnas.images import Images
from regnas.plugins import registry
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.strategy import make_strategy
from regnas.window import Window

TRIALS = 16
OPTIONS = {
    "gp": "[startup=14]",
    "nsga2": "[population=6]",
    "evolution": "[population=6]",
    "predictor": "[init=13]",
}
# `optuna` needs the name of a sampler, NNI's algorithms NNI, and `grid` fewer parameters.
STRATEGIES = sorted(
    point.name
    for point in registry.installed("strategy").values()
    if point.value.startswith("regnas.strategies.")
    and point.name.partition("-")[0] not in ("optuna", "nni", "grid", "pnas", "command")
)
SMALL = Images(28, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_trial_is_a_new_network_of_the_window(strategy: str) -> None:
    space = make_space("mnasnet").on(SMALL).within(Window.parse(flops="3M:3.3M"))
    study = optuna.create_study(sampler=make_strategy(strategy + OPTIONS.get(strategy, ""), space, seed=0))
    keys = set()
    for _ in range(TRIALS):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None, f"{trial.params} is outside the window"
        network = candidate.architecture
        assert isinstance(network, Mobile)
        keys.add(network.key())
        study.tell(trial, 1 / (2 + sum(stage.kernel == 5 for stage in network.stages)))
    assert len(keys) == TRIALS


def test_a_grid_goes_over_the_few_parameters_that_a_spec_leaves() -> None:
    fixed = "op=mb3,kernel=3,se=0,skip=identity,filters=1"
    space = make_space(f"mnasnet[{fixed}]").on(SMALL)
    study = optuna.create_study(sampler=make_strategy("grid", space, seed=0))
    asked = [tuple(study.ask(space.distributions).params.items()) for _ in range(40)]
    assert len(set(asked)) == 40
