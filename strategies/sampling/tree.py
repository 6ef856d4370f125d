"""The grid of a space with conditional parameters: a tree, not a product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from regnas.design_space import Space
from regnas.sampling.batch import Params


def tree_points(space: Space, values: Mapping[str, Sequence[Any]], limit: int) -> list[Params] | None:
    """Every combination of values of the free parameters, of inactive ones none, as canonical points, in the order of
    counting; None if there are more than ``limit``.

    Args:
        values: of every free parameter.
    """
    found = list(islice(_grown(space, values, {}), limit + 1))
    return None if len(found) > limit else [space.canonical(point) for point in found]


def _grown(space: Space, values: Mapping[str, Sequence[Any]], point: Params) -> Iterator[Params]:
    left = [name for name in space.hierarchy.active(point) if name in values and name not in point]
    if not left:
        yield point
        return
    for value in values[left[0]]:
        yield from _grown(space, values, {**point, left[0]: value})
