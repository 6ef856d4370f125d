"""A candidate: one network of a space, as the stream or a sampler found it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from regnas.architecture import Architecture
from regnas.costs import Complexity

# How a seed becomes candidates: raised whenever they change. 1 draws from the law and rejects; 2 narrows the proposals
# of spaces that can, and is 1 elsewhere.
STREAM_VERSION = 2
STREAM_VERSIONS = (1, 2)


@dataclass(frozen=True)
class Candidate:
    """One network of the stream.

    Attributes:
        architecture: made when it is first looked at, where the stream left it out.
        complexity: what it costs, by the names of measures: in closed form, and what was measured for the window.
        index: its place in the stream.
        draws: draws from the law since the candidate before, this one included: the number of candidates over the
            sum of their draws estimates the feasible share of the space. Where proposals are narrowed (version 2 of
            the stream), the draws that their number stands for.
    """

    params: dict[str, Any]
    architecture: Architecture
    complexity: Complexity
    index: int = 0
    draws: int = 1

    @classmethod
    def deferred(
        cls,
        params: dict[str, Any],
        make: Callable[[], Architecture],
        complexity: Complexity,
        index: int = 0,
        draws: int = 1,
    ) -> Candidate:
        """A candidate whose architecture ``make`` returns, asked once and when it is needed."""
        one: Candidate = object.__new__(cls)
        one.__dict__.update(params=params, complexity=complexity, index=index, draws=draws, _make=make)
        return one

    def __getattr__(self, name: str) -> Any:
        make = self.__dict__.get("_make")  # only what is missing comes here
        if name != "architecture" or make is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        made = self.__dict__.setdefault("architecture", make())
        return made

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: whole, and without what makes it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
