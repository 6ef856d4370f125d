"""The contract of spaces whose networks are decided state by state, such as nodes of cells or layers with skips.

A controller walks through these decisions in order: it chooses earlier states by attention, operations by a softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class State:
    """What is decided of a node or a layer, parameters of the space by name.

    Attributes:
        inputs: each the number of an earlier state of its part.
        operations: each one of the part's operations.
        skips: 0 or 1 for every earlier state in turn.
    """

    inputs: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecidedPart:
    """A cell, or a whole network.

    Attributes:
        before: states that are there before the first one that is decided, such as a cell's inputs.
        states: in the order in which they are decided.
        operations: that there are to choose among, in the order of a controller's softmax.
        favoured: operations that a controller begins by preferring.
    """

    before: int
    states: tuple[State, ...]
    operations: tuple[str, ...]
    favoured: tuple[str, ...] = ()


@runtime_checkable
class SupportsStates(Protocol):
    """A space that says what is decided of its networks, state by state."""

    def decided(self) -> Sequence[DecidedPart]:
        """Its parts; parameters that none of them names are none of a controller's.

        Raises:
            UsageError: decisions depend on one another in a way that this does not say, in words.
        """
