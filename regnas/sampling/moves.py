"""Moves inside a window: a point changed as little as it takes to be a network of the space and of its window.

In a narrow window a random change of one parameter seldom stays inside. What brings it back is a change of a second
one: the search for it tries every other parameter along its whole range, as one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension
from regnas.sampling.batch import Columns, Params

Mutate = Callable[[Params, np.random.Generator], Params]

# Values of one parameter that are tried. Flops go with the square of a width, so a window of 3 % of the flops is a
# step of 1.5 % of a width; on the widest range of the built-in spaces, 8 to 256, 256 values lie 1.4 % apart.
_VALUES = 256


@runtime_checkable
class SupportsCellMutations(Protocol):
    """A space of cells that knows the mutations of cells alone, as evolution in the literature has them."""

    def mutate_cells(self, params: Params, rng: np.random.Generator) -> Params:
        """One mutation of one cell, as a canonical point; what is beside the cells stays."""


def cell_mutation(space: Space) -> Mutate:
    """The mutations of cells where a space knows them, else all that the space has."""
    return space.mutate_cells if isinstance(space, SupportsCellMutations) else space.mutate


def feasible_mutant(
    space: Space,
    parent: Params,
    rng: np.random.Generator,
    seen: Collection[str] = (),
    tries: int = 16,
    mutate: Mutate | None = None,
) -> Candidate | None:
    """A new network inside the window: one mutation of a parent, and where that leaves the window, the smallest
    change of another parameter that makes up for it.

    Args:
        parent: a canonical point; it need not be inside the window.
        seen: keys of architectures that are not new.
        tries: mutations.
        mutate: how a point is mutated, the space's own way unless said.

    Returns:
        None where no mutation led to a new network.
    """
    for _ in range(tries):
        child = (mutate or space.mutate)(parent, rng)
        changed = [name for name in child if child[name] != parent[name]]
        found = into_window(space, child, rng, seen, keep=changed) if changed else None
        if found is not None and found.params != parent:
            return found
    return None


def into_window(
    space: Space,
    point: Params,
    rng: np.random.Generator,
    seen: Collection[str] = (),
    keep: Collection[str] = (),
    levels: Mapping[str, Sequence[Any]] | None = None,
) -> Candidate | None:
    """A point itself, if it is a new network inside the window, or else the nearest such point that differs in one
    parameter.

    Args:
        point: canonical.
        rng: where between two values of a wide range the search looks, and which of equally near points is taken.
        seen: keys of architectures that are not new.
        keep: parameters that stay as they are.
        levels: of each free parameter the only values it may take, at equal steps of its law; any unless said.

    Returns:
        None where every such point is outside the window, or seen.
    """
    itself = space.judge(point)
    if itself is not None and itself.architecture.key() not in seen:
        return itself
    columns, distance = _along(space, point, rng, keep, levels)
    inside = _inside(space, columns, distance) if len(distance) else iter(())
    return next((candidate for candidate in inside if candidate.architecture.key() not in seen), None)


def _inside(space: Space, columns: Columns, distance: npt.NDArray[np.float64]) -> Iterator[Candidate]:
    """The candidates among some points, nearest first."""
    batch = space.batch(columns)
    cost = space.costs_of(batch)
    keep = space.admits(cost)
    for broken in space.window.tests(cost).values():
        keep = keep & ~broken
    kept = np.flatnonzero(keep)
    for index in kept[np.argsort(distance[batch.rows[kept]], kind="stable")].tolist():
        architecture = batch.architecture(index)
        whole, beyond = space.measured(architecture, cost.row(index))
        if not beyond:
            row = int(batch.rows[index])
            params = space.ordered({name: values[row : row + 1].tolist()[0] for name, values in columns.items()})
            yield Candidate(params, architecture, whole)


def _along(
    space: Space,
    point: Params,
    rng: np.random.Generator,
    keep: Collection[str],
    levels: Mapping[str, Sequence[Any]] | None,
) -> tuple[Columns, npt.NDArray[np.float64]]:
    """The points that differ from ``point`` in one parameter that is free and active, and how far each is.

    Returns:
        Columns ``(n,)``; distances ``(n,)``, in shares of the law of the parameter that differs. Unordered choices
        lie 1 apart.
    """
    lines = {}
    active = space.active(point)
    for name, law in space.free.items():
        if name in active and name not in keep:
            values = _tried(law, rng) if levels is None else _array(levels[name], law)
            lines[name] = values, _distances(values, point[name], law)
    columns: Columns = {}
    for name, law in space.dimensions.items():
        kind = law.draw(np.zeros(1)).dtype
        parts = [
            values if varied == name else np.full(len(values), point[name], dtype=kind)
            for varied, (values, _) in lines.items()
        ]
        columns[name] = np.concatenate([np.zeros(0, dtype=kind), *parts])
    far = np.concatenate([np.zeros(0), *(distances for _, distances in lines.values())])
    ties = {name: columns[source] for name, source in space.ties}
    return {**columns, **ties}, far + 1e-9 * rng.random(len(far))


def _tried(law: Dimension, rng: np.random.Generator) -> npt.NDArray[Any]:
    count = min(_VALUES, law.size)
    return law.draw((np.arange(count) + rng.random(count)) / count)


def _array(values: Sequence[Any], law: Dimension) -> npt.NDArray[Any]:
    made = np.empty(len(values), dtype=law.draw(np.zeros(1)).dtype)
    made[:] = values
    return made


def _distances(values: npt.NDArray[Any], value: Any, law: Dimension) -> npt.NDArray[np.float64]:
    """How far values of a law, at equal steps of its probability, are from one value; all ``(n,)``."""
    if values.dtype == object or (isinstance(law, Choice) and law.labels):
        return np.array([float(other != value) for other in values])
    here = int(np.argmin(np.abs(values - value)))
    return np.abs(np.arange(len(values)) - here) / len(values)
