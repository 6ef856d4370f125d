"""A candidate: one network of a space, as the stream or a sampler found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regnas.architecture import Architecture
from regnas.window import Complexity


@dataclass(frozen=True)
class Candidate:
    """One network of the stream.

    Attributes:
        index: its place in the stream.
        draws: draws from the law since the candidate before, this one included: the number of candidates over the
            sum of their draws estimates the feasible share of the space.
    """

    params: dict[str, Any]
    architecture: Architecture
    complexity: Complexity
    index: int = 0
    draws: int = 1
