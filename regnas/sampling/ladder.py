"""A law of numbers as a table: from uniform numbers to places, between any two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ladder:
    """A law as a table.

    Attributes:
        values: ascending, ``(n,)``.
        edges: probability of all values before each, and 1: ``(n + 1,)``.
    """

    values: Array
    edges: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def find(self, share: Array, first: Array, last: Array) -> Array:
        """Places ``(n,)`` of the values at this cumulated probability, between ``first`` and before ``last``."""
        places = np.searchsorted(self.edges, share, side="right") - 1
        return np.clip(places, first, last - 1)

    def draw(self, uniforms: Array, first: Array, last: Array) -> Array:
        """Places ``(n,)`` drawn from the law between two places, ``last`` not included."""
        low = self.edges[first]
        return self.find(low + uniforms * (self.edges[last] - low), first, last)
