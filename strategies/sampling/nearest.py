"""The feasible candidate nearest to proposals that cannot be taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow
from regnas.sampling import keyed
from regnas.sampling.batch import Params
from regnas.sampling.moves import into_window
from regnas.tables.encoding import unit_cube

# Feasible candidates among which the one nearest to an infeasible proposal is sought.
_POOL = 256
# Proposals that are moved into the window by a change of one parameter before that pool is drawn.
_REPAIRED = 4


def nearest(
    space: Space, proposals: Sequence[Params], seed: int, index: int, seen: Collection[str]
) -> tuple[Candidate, int] | None:
    """A new candidate inside the window, one parameter away from a proposal, or else the nearest of a pool.

    Args:
        proposals: canonical points, at least one.
        seed, index: what the search depends on, beside the proposals.
        seen: keys of architectures that are not new.

    Returns:
        The candidate, and which of the proposals it is near to; None where the pool is empty.
    """
    rng = keyed.generator("nearest", seed, index)
    different = {tuple(point.items()): number for number, point in reversed(list(enumerate(proposals)))}
    for number in sorted(different.values())[:_REPAIRED]:
        found = into_window(space, proposals[number], rng, seen)
        if found is not None:
            return found, number
    pool = _pool(space, keyed.integer("pool", seed, index), seen)
    if not pool:
        return None
    here = unit_cube([one.params for one in pool], space.distributions)
    there = unit_cube(proposals, space.distributions)
    distances = np.linalg.norm(here[:, None] - there[None], axis=2)
    best, proposal = np.unravel_index(int(np.argmin(distances)), distances.shape)
    return pool[int(best)], int(proposal)


def _pool(space: Space, seed: int, seen: Collection[str]) -> list[Candidate]:
    pool: list[Candidate] = []
    stream = space.stream(seed=seed, duplicates="allow")
    for _ in range(100 * _POOL):
        try:
            candidate = next(stream)
        except InfeasibleWindow:
            break  # the law finds nothing, and what there is was found before
        if candidate.architecture.key() not in seen:
            pool.append(candidate)
        if len(pool) == _POOL:
            break
    return pool
