"""The contract of networks that begin with what others of their family have learned: where each of their layers is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Place:
    """Where a layer is, in words that all networks of a family share: layers of one place do the same work.

    Attributes:
        part: what it does, such as ``stem conv``; layers of one part read and write channels of the same meaning.
        stage: counted from 0; None outside of stages.
        block: of the stage, counted from 0: those from 1 on are alike. None outside of stages.
        classifies: whether its outputs are the classes.
    """

    part: str
    stage: int | None = None
    block: int | None = None
    classifies: bool = False


@runtime_checkable
class SupportsTransfer(Protocol):
    """A network, as `regnas.architecture.Architecture.build` makes it, that takes what fits of others' weights."""

    def layer_places(self) -> Mapping[str, Place]:
        """The place of every convolution, normalisation and linear layer, by its name among the network's modules; no
        two have the same.
        """
