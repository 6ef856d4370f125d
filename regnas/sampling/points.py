"""Points of a space as people and files write them: completed, and judged whether they are points at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regnas.costs import Complexities, complexity_of
from regnas.errors import UsageError
from regnas.sampling.batch import Params, decoded, plain
from regnas.system.text import some

if TYPE_CHECKING:
    from regnas.design_space import Space


def complete(space: Space, params: Mapping[str, Any]) -> Params:
    """Fill in what is fixed, tied, inactive or has a default.

    Raises:
        UsageError: an unknown or a missing parameter, or a value that is no number.
    """
    ties = dict(space.ties)
    names = [*space.dimensions, *ties]
    if unknown := sorted(set(params) - set(names)):
        raise UsageError(f"{space.spec} has no parameter {some(unknown)}; it has {some(names)}")
    whole = {**space.defaults, **params}
    for name, source in ties.items():
        if name not in whole and source in whole:
            whole[name] = whole[source]
    if len(whole) < len(names):
        whole = space.hierarchy.filled(whole)
    if missing := [name for name in names if name not in whole]:
        raise UsageError(f"{space.spec} needs a value for {some(missing)}")
    return {name: plain(name, whole[name]) for name in names}


def contained(space: Space, params: Mapping[str, Any]) -> bool:
    """Whether a point lies in the space's ranges, rules and limits; the window does not matter.

    Raises:
        UsageError: as of `complete`.
    """
    whole = space.complete(params)
    inside = all(law.contains(whole[name]) for name, law in space.dimensions.items())
    tied = all(whole[name] == whole[source] for name, source in space.ties)
    if not (inside and tied) or space.ordered(whole) != whole or space.member(whole) is not None:
        return False
    cost = complexity_of(decoded(space, whole), space.resolution)
    return bool(space.admits(Complexities.of([cost])).all())
