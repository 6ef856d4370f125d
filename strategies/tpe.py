"""Tree-structured Parzen estimator (Bergstra et al. 2011), Optuna's, over all parameters jointly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.samplers import TPESampler

from regnas.design_space import Space
from regnas.strategies.sampling.feasible import FeasibleSampler, KeyedSampler
from regnas.strategy import own_options


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """TPE inside the window.

    Options:
        startup: random candidates before the first model.
        candidates: draws from the good density of which the best expected improvement is proposed.
    """
    chosen = own_options(options, "tpe", {"startup": 10, "candidates": 24}, {"candidates": 1})

    def inner(key: int) -> TPESampler:
        return TPESampler(
            seed=key,
            n_startup_trials=chosen["startup"],
            n_ei_candidates=chosen["candidates"],
            multivariate=True,
            constant_liar=bool(options.get("parallel", False)),
        )

    duplicates = options.get("duplicates", "reject")
    # Every try fits the model again, and a proposal moved into the window by one parameter is as good as further tries.
    return FeasibleSampler(space, KeyedSampler(inner), seed=seed, duplicates=duplicates, max_tries=4)
