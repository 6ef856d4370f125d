"""Refinements: restrictions of a space that its family knows, beside those that every parameter allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Protocol, runtime_checkable

from regnas.design_space import Space
from regnas.errors import PluginBroken


@dataclass(frozen=True)
class Refinement:
    """A space that lies in another one, and how far networks are from it.

    Attributes:
        name: what it is called, such as ``order of width``; no two of a space have the same.
        about: parameters of the larger space that it restricts.
        options: of a spec, that derive it; with ``base`` from the space of that name, else from the space itself.
        rising: these parameters never decrease in this order: how far a network is from it is how far they fall.
        quantity: the number of `regnas.describe.quantities` that says how far a network is from it, 0 inside.
    """

    name: str
    about: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    rising: tuple[str, ...] = ()
    quantity: str = ""


@runtime_checkable
class SupportsRefinements(Protocol):
    """A space that knows more of its family than the kinds of its parameters say."""

    def refinements(self) -> Sequence[Refinement]:
        """Spaces that lie in this one, in the order in which they are worth trying."""


@runtime_checkable
class SupportsCardinality(Protocol):
    """A space that knows how many points it has, where rules leave out some of the products of its values."""

    def cardinality(self) -> int:
        """Number of points."""


def points_of(space: Space) -> int:
    """Number of points of a space, its window aside: what it says itself, or the product of its free values."""
    return (
        space.cardinality() if isinstance(space, SupportsCardinality) else prod(law.size for law in space.free.values())
    )


def refinements_of(space: Space) -> tuple[Refinement, ...]:
    """The refinements of a space; none where it knows none.

    Raises:
        PluginBroken: the space gives something else, or two of one name.
    """
    if not isinstance(space, SupportsRefinements):
        return ()
    found = tuple(space.refinements())
    names = [one.name if isinstance(one, Refinement) else None for one in found]
    if None in names or len(set(names)) < len(names):
        raise PluginBroken(f"refinements() of the space {space.name} gives Refinements with names of their own")
    return found
