"""The grid of a space with conditional parameters: a tree, not a product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from regnas.design_space import Space
from regnas.sampling.batch import Params


def tree_points(space: Space, values: Mapping[str, Sequence[Any]], limit: int) -> list[Params] | None:
    """Every combination of values of the free parameters, each point without what is inactive there; None if there are
    more than ``limit``.

    Args:
        values: of every free parameter.
    """
    ties = dict(space.ties)
    parents = {ties.get(condition.parent, condition.parent) for condition in space.conditions.values()}

    def grown(point: Params) -> Iterator[Params]:
        left = [name for name in space.hierarchy.active(point) if name in values and name not in point]
        parent = next((name for name in left if name in parents), None)
        if parent is None:  # nothing that is left makes anything active
            for row in product(*(values[name] for name in left)):
                yield {**point, **dict(zip(left, row, strict=True))}
            return
        for value in values[parent]:
            yield from grown({**point, parent: value})

    found = list(islice(grown({}), limit + 1))
    return None if len(found) > limit else found
