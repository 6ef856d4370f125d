"""Quasi-random search: scrambled Sobol points (Sobol 1967; Owen 1998) through the space's own law.

They fill the law more evenly than independent draws. Inside a narrow window most points are rejected, and what is
left is about as even as random candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.sampling.batch import Columns
from regnas.sampling.stream import Stream
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options

# Enough for any search, and every point is a double below 1.
_BITS = 48


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Candidate i is the i-th point of the sequence that is new and lies inside the window."""
    own_options(options, "qmc", {})
    duplicates = options.get("duplicates", "reject")
    stream = Stream(space, seed=seed, duplicates=duplicates, points=sobol_points(space, seed))
    return FeasibleSampler(space, seed=seed, duplicates=duplicates, stream=stream)


def sobol_points(space: Space, seed: int) -> Callable[[int], Columns]:
    """A function that returns the next ``count`` points of the space's scrambled sequence."""
    from scipy.stats import qmc  # slow to import

    free = len(space.distributions)
    sequence = qmc.Sobol(max(free, 1), scramble=True, bits=_BITS, seed=keyed.integer("qmc", space.spec, seed))

    def points(count: int) -> Columns:
        uniforms = sequence.random(count).T[:free]
        return space.at(np.ascontiguousarray(uniforms))

    return points
