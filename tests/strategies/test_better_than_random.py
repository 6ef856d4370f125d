"""Strategies that learn find better networks than random search does, on a made-up smooth error over RegNetX."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import optuna
import pytest

from regnas.design_space import Params, Space, make_space
from regnas.strategy import make_strategy
from regnas.window import Window

pytestmark = pytest.mark.usefixtures("quiet_optuna")

SEEDS = 20
TRIALS = 60
# Student's t with 19 degrees of freedom is above this in 1 of 1,000 experiments where there is no difference.
CRITICAL = 3.58


def error(params: Params) -> float:
    """Best, 0.3, at a point inside the windows; logarithms as networks' errors go with them."""
    best = {"depth": 20, "w0": 48, "wa": 40, "wm": 2.4, "bottleneck_ratio": 1, "group_width": 16}
    weights = {"depth": 0.05, "w0": 0.03, "wa": 0.05, "wm": 0.1, "bottleneck_ratio": 0.03, "group_width": 0.02}
    return 0.3 + sum(weights[name] * math.log(params[name] / best[name]) ** 2 for name in best)


def best_errors(strategy: str, space: Space) -> npt.NDArray[np.float64]:
    """The best of the trials of each seed, ``(SEEDS,)``."""
    found = []
    for seed in range(SEEDS):
        study = optuna.create_study(sampler=make_strategy(strategy, space, seed=seed))
        for _ in range(TRIALS):
            trial = study.ask(space.distributions)
            study.tell(trial, error(trial.params))
        found.append(study.best_value)
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "spec", "flops"),
    [
        ("evolution", "regnetx", "100M:4G"),
        ("evolution", "regnetx", "388M:400M"),
        ("tpe[candidates=8]", "regnetx[depth=12:30,wm=2:3,w0=16:96,wa=16:80]", "200M:1G"),
    ],
)
def test_it_beats_random_search(strategy: str, spec: str, flops: str) -> None:
    """Seeds are paired, as both begin with the same random candidates. One-sided t-test, false alarms 0.1 %."""
    space = make_space(spec).within(Window.parse(flops=flops))
    gain = best_errors("random", space) - best_errors(strategy, space)
    assert gain.mean() / (gain.std(ddof=1) / SEEDS**0.5) > CRITICAL
