"""The contracts of networks that grow: a space that has smaller ones of its kind, and a space of several sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from regnas.design_space import Space


@runtime_checkable
class SupportsSizes(Protocol):
    """A space whose networks consist of parts one after the other, such as the nodes of a cell or stages."""

    @property
    def parts(self) -> int:
        """How many parts its networks have."""

    def of_parts(self, count: int) -> Self:
        """The same space with fewer parts, 1 to `parts`: the parameters of the first ones, under the same laws."""


@runtime_checkable
class SupportsGrowth(Protocol):
    """A space with networks of several sizes, which one parameter says; others are active from a size on."""

    @property
    def size_name(self) -> str:
        """The parameter that is the number of parts."""


def sizes_of(space: Space) -> tuple[int, ...]:
    """The sizes that networks of a space can have, ascending; none where it has one size alone."""
    if not isinstance(space, SupportsGrowth) or space.size_name not in space.free:
        return ()
    law = space.free[space.size_name]
    return tuple(sorted(law.levels(law.size)))
