"""The candidate of a trial for which a user fixed parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow
from regnas.sampling import keyed

_TRIED = 256  # networks with the values that a user fixed, among which one that is new is sought


def of_enqueued(space: Space, given: Mapping[str, Any], seed: int, index: int, seen: Collection[str]) -> Candidate:
    """A candidate with the parameters that ``study.enqueue_trial`` fixed; a new one where there is any.

    Args:
        given: parameters of the space with their values.
        seed, index: what the rest depends on.
        seen: keys of architectures that are not new.

    Raises:
        InfeasibleWindow: no network of the window has these values.
    """
    laws = space.dimensions
    # As `Space.suggest` will read them: Optuna hands out what was enqueued, on the grid or not.
    fixed = {name: laws[name].snap(value) for name, value in given.items()}
    point = space.read(fixed)
    whole = None if point is None else space.judge(point)  # it needs no draw
    if whole is not None:
        return replace(whole, index=index)
    stream = space.fix(**fixed).stream(seed=keyed.integer("enqueued", seed, index))
    found = next(stream)
    new = found
    try:
        for _ in range(_TRIED):
            if new.architecture.key() not in seen:
                found = new
                break
            new = next(stream)
    except InfeasibleWindow:
        pass  # there are no others: the user asked for this one
    if space.conditions:  # what was fixed and is inactive was pinned to the value given
        found = replace(found, params=space.canonical(found.params))
    return replace(found, index=index)
