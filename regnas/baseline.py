"""Baselines: networks of textbooks that a search must beat, of the kind and the size that it looks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.design_space import Space
from regnas.errors import InvalidArchitecture, PluginBroken, UsageError
from regnas.sampling.batch import Params


@dataclass(frozen=True)
class Baseline:
    """A network that needs no search.

    Attributes:
        name: as a textbook calls it, such as ``thin ResNet-8``; no two of a space have the same.
        params: the point of the space that it is, from which strategies that learn then start; None where it is none.
    """

    name: str
    architecture: Architecture
    params: Params | None = None


@runtime_checkable
class SupportsBaselines(Protocol):
    """A space that knows textbook networks of its family; they need not be points of it."""

    def baselines(self) -> Sequence[Baseline]:
        """A few networks for the space's images, the simplest first, as large as its window's upper ends allow."""


def baselines_of(space: Space) -> tuple[Baseline, ...]:
    """The baselines of a space that lie inside its window, each network once; none where it knows none.

    Raises:
        PluginBroken: the space gives something else, two of one name, or says of one that it is a point that it is not.
        UsageError: a cost that the window limits cannot be measured.
    """
    if not isinstance(space, SupportsBaselines):
        return ()
    found: dict[str, Baseline] = {}
    names: set[str] = set()
    for one in space.baselines():
        if not isinstance(one, Baseline) or one.name in names:
            what = f"two named {one.name!r}" if isinstance(one, Baseline) else repr(one)
            raise PluginBroken(
                f"baselines() of the space {space.name} gives Baselines with names of their own; got {what}"
            )
        if one.params is not None and not _same(space, one):
            raise PluginBroken(
                f"baselines() of the space {space.name} says of {one.name!r} that it is the point {one.params}, "
                f"which is another network or none of the space: the field params may be left out"
            )
        names.add(one.name)
        if inside(space, one.architecture):
            found.setdefault(one.architecture.key(), one)
    return tuple(found.values())


def _same(space: Space, one: Baseline) -> bool:
    """Whether a baseline is the point of the space that it says it is."""
    try:
        point = space.canonical(one.params or {})
        return space.contains(point) and space.decode(point).key() == one.architecture.key()
    except (UsageError, InvalidArchitecture):
        return False


def inside(space: Space, architecture: Architecture) -> bool:
    """Whether a network lies inside the window of a space, whose point it need not be.

    Raises:
        UsageError: a cost that the window limits cannot be measured.
    """
    cost = complexity_of(architecture, space.resolution)
    return not space.window.broken(cost) and not space.measured(architecture, cost)[1]
