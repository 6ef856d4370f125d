"""Every strategy on spaces of every family inside a narrow window: no trial is wasted, no network is repeated."""

from __future__ import annotations

import optuna
import pytest

from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.plugins import registry
from regnas.strategy import make_strategy
from regnas.window import Window

TRIALS = 16
# So that some proposals are the strategy's own; `grid` takes no more than 8 levels in regnetx.
OPTIONS = {
    "gp": "[startup=13]",
    "grid": "[levels=8]",
    "nsga2": "[population=6]",
    "evolution": "[population=6]",
    "predictor": "[init=13]",
    "tpe": "[startup=6]",
}
# `optuna`, `command` and `ext` need a name, NNI's algorithms NNI (tests/strategies/nni), `pnas` networks that grow, and
# `darts` and `enas` a fit before them (tests/one_shot).
STRATEGIES = sorted(
    point.name
    for point in registry.installed("strategy").values()
    if point.value.startswith("regnas.strategies.")
    and point.name.partition("-")[0] not in ("optuna", "nni", "pnas", "command", "ext", "darts", "enas")
)
SMALL = Images(28, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2))
# Of RegNetX's draws 0.07 % lie in its window. An LSTM goes over 291 decisions of a whole chain, ten seconds in all.
SPACES = (
    ("regnetx", None, "388M:400M"),
    ("resnext-b", None, "97M:100M"),
    ("darts", None, "100M:110M"),
    ("nasnet", None, "200M:220M"),
    ("mnasnet", SMALL, "3M:3.3M"),
    ("chain", SMALL, "20M:24M"),
    ("enas-macro", SMALL, "38M:40M"),
)
CASES = [
    pytest.param(strategy, *space, id=f"{strategy}-{space[0]}", marks=[pytest.mark.slow] if slow else [])
    for space in SPACES
    for strategy in STRATEGIES
    for slow in [space[0] == "chain" or (strategy, space[0]) == ("gp", "enas-macro")]
    if strategy != "grid" or space[0] == "regnetx"  # it wants few parameters
] + [  # from short chains to long ones
    pytest.param(strategy, "chain", SMALL, "20M:24M", id=f"{strategy}-chain", marks=pytest.mark.slow)
    for strategy in ("pnas[first=6,keep=5,pool=50]", "reinforce[grow=3]")
]


@pytest.mark.parametrize(("strategy", "text", "images", "flops"), CASES)
def test_every_trial_is_a_new_network_of_the_window(
    strategy: str, text: str, images: Images | None, flops: str
) -> None:
    if (strategy, text) == ("ppo", "chain"):
        text = "chain[layers=6:8]"
    space = make_space(text).within(Window.parse(flops=flops))
    space = space if images is None else space.on(images)
    study = optuna.create_study(sampler=make_strategy(strategy + OPTIONS.get(strategy, ""), space, seed=0))
    keys = set()
    for _ in range(TRIALS):
        trial = study.ask(space.distributions)
        candidate = space.judge(space.canonical(trial.params))
        assert candidate is not None, f"{trial.params} is outside the window"
        keys.add(candidate.architecture.key())
        study.tell(trial, candidate.complexity.params % 1000 / 1000)
    assert len(keys) == TRIALS


def test_a_grid_asks_for_fewer_parameters() -> None:
    space = make_space("darts")
    with pytest.raises(UsageError, match="a grid has at most 100,000 points, .*; fix some parameters"):
        make_strategy("grid[levels=2]", space, seed=0)
    line = {name: value for name, value in space.sample(1)[0].params.items() if not name.startswith("normal_0_op")}
    fixed = space.fix(**line)
    study = optuna.create_study(sampler=make_strategy("grid", fixed, seed=0))
    assert len({study.ask(fixed.distributions).params["normal_0_op_x"] for _ in range(20)}) > 1


def test_a_grid_goes_over_the_few_parameters_that_a_spec_leaves() -> None:
    fixed = "op=mb3,kernel=3,se=0,skip=identity,filters=1"
    space = make_space(f"mnasnet[{fixed}]").on(SMALL)
    study = optuna.create_study(sampler=make_strategy("grid", space, seed=0))
    asked = [tuple(study.ask(space.distributions).params.items()) for _ in range(40)]
    assert len(set(asked)) == 40
