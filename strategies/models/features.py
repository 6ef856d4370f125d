"""What a predictor knows of a network before it is trained, as rows of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regnas.architecture import Architecture, SupportsFeatures
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.tables.encoding import unit_cube

Floats = npt.NDArray[np.float64]

_COSTS = ("flops", "params", "activations")


class Features:
    """The features of a space's networks: parameters in the unit cube, logarithms of the costs, and what the network
    says of itself (`SupportsFeatures`).

    Source: costs and encodings together, as in White et al. 2021 (arXiv 2104.01177).
    """

    def __init__(self, space: Space) -> None:
        self._laws = space.distributions

    def rows(self, candidates: Sequence[Candidate]) -> Floats:
        """``(n, d)``, with the same columns in every call."""
        if not candidates:
            return np.zeros((0, 0))
        cube = unit_cube([one.params for one in candidates], self._laws)
        costs = [[math.log1p(getattr(one.complexity, name)) for name in _COSTS] for one in candidates]
        own = [_own(one.architecture) for one in candidates]
        return np.concatenate([cube, np.array(costs), np.array(own, dtype=np.float64)], axis=1)


def _own(architecture: Architecture) -> list[float]:
    return list(architecture.features().values()) if isinstance(architecture, SupportsFeatures) else []
