"""What a predictor knows of a network before it is trained, as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regnas.candidate import Candidate
from regnas.describe import features, log_costs
from regnas.design_space import Space
from regnas.measure import BUILT_IN, ordered
from regnas.tables.encoding import unit_cube

Floats = npt.NDArray[np.float64]


class Features:
    """The features of a space's networks: parameters in the unit cube, and what `regnas.describe` says of a network:
    logarithms of its costs, and its own features.

    Source: costs and encodings together, as in White et al. 2021 (arXiv 2104.01177).
    """

    def __init__(self, space: Space) -> None:
        self._laws = space.distributions
        # The built-in measures are columns even where they are not known: what was learned before stays the same.
        self._measures = ordered({*BUILT_IN, *space.known_costs, *space.window})

    def rows(self, candidates: Sequence[Candidate]) -> Floats:
        """``(n, d)``, with the same columns in every call."""
        if not candidates:
            return np.zeros((0, 0))
        cube = unit_cube([one.params for one in candidates], self._laws)
        said = [
            [*log_costs(one.complexity, self._measures).values(), *features(one.architecture).values()]
            for one in candidates
        ]
        return np.concatenate([cube, np.array(said)], axis=1)
