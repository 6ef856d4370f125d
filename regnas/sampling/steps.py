"""Steps from a point of a space to the next, heedless of the window, and the points that Optuna suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.dimension import Dimension
from regnas.errors import UsageError
from regnas.sampling.batch import Params

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from regnas.design_space import Space


def movable(space: Space, params: Params) -> Mapping[str, Dimension]:
    """The free parameters that are active at a point."""
    if not space.conditions:
        return space.free
    return {name: space.free[name] for name in space.hierarchy.active(params) if name in space.free}


def mutated(space: Space, params: Params, rng: np.random.Generator) -> Params:
    """See `Space.mutate`."""
    free = list(movable(space, params))
    if not free:
        return params
    name = free[int(rng.integers(len(free)))]
    law = space.dimensions[name]
    near = rng.random() < 0.5
    moved = {**params, name: law.neighbour(params[name], rng) if near else law.draw(rng.random(1)).tolist()[0]}
    while new := [name for name in movable(space, moved) if name not in free]:
        moved |= {name: space.dimensions[name].draw(rng.random(1)).tolist()[0] for name in new}
        free += new
    return space.canonical(moved)


def neighbours(space: Space, params: Params) -> list[Params]:
    """See `Space.neighbours`."""
    laws = movable(space, params)
    moves = [(name, value) for name, law in laws.items() for value in law.neighbours(params[name])]
    points = [space.canonical({**params, name: value}) for name, value in moves]
    # Two moves may be one canonical point, and one may lead back.
    different = {tuple(point.items()): point for point in points if point != params}
    return list(different.values())


def suggested(space: Space, trial: optuna.trial.Trial) -> Params:
    """The active parameters of a space as a trial suggests them, a conditional one after its parent."""
    found: Params = {}
    laws = space.distributions
    while left := [name for name in space.hierarchy.active(found) if name in laws and name not in found]:
        found |= {name: _suggested(trial, name, laws[name]) for name in left}
    return found


def _suggested(trial: optuna.trial.Trial, name: str, law: BaseDistribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(law, IntDistribution):
        return trial.suggest_int(name, law.low, law.high, step=law.step, log=law.log)
    if isinstance(law, FloatDistribution):
        return trial.suggest_float(name, law.low, law.high, step=law.step, log=law.log)
    if not isinstance(law, CategoricalDistribution):
        raise UsageError(f"{name} has a distribution regnas does not know, {law}")
    return trial.suggest_categorical(name, law.choices)
