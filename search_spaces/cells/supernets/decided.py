"""What ENAS's controller decides of cells, and the supernet that its networks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from regnas.dimension import values_of
from regnas.errors import UsageError
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.operations import NAMES, OPERATIONS
from regnas.states import DecidedPart, State

if TYPE_CHECKING:
    from regnas.search_spaces.cells.space import CellSpace
    from regnas.search_spaces.cells.supernets.shared import SharedCells

_FIRST = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")  # as the authors number them


def shared_child(space: CellSpace, sizes: Mapping[str, int]) -> SharedCells:
    """A new supernet of a space whose cells put out their loose ends.

    Raises:
        UsageError: cells stacked otherwise, or no such size.
    """
    from regnas.search_spaces.cells.supernets.mixed import sizes_of
    from regnas.search_spaces.cells.supernets.shared import SharedCells

    found = sizes_of(sizes, {"channels": 20, "cells": 8}, {"channels": 2, "cells": 3}, space.spec)
    if space.slim:
        raise UsageError(
            f"the supernet of {space.spec} is not defined: it stacks cells as NDS does; leave stacking out"
        )
    if found["channels"] % 2:
        raise UsageError(f"channels of a supernet of cells are even: reductions halve them; got {found['channels']}")
    return SharedCells(
        _operations(space),
        nodes=space.nodes,
        width=found["channels"],
        depth=found["cells"],
        stem=space.stem_of_images,
        classes=space.classes,
    )


def parts_of(space: CellSpace) -> Sequence[DecidedPart]:
    """The cells that have parameters, node by node: both inputs, then both operations.

    Raises:
        UsageError: see `regnas.search_spaces.cells.space.CellSpace.decided`.
    """
    if space.ties or space.slim or space.inputs == "distinct":
        raise UsageError(
            f"the decisions of {space.spec} depend on one another, or its cells are stacked otherwise; leave ties, "
            f"inputs=distinct and stacking out"
        )
    operations = _operations(space)
    favoured = tuple(name for name in operations if OPERATIONS[name].kind == "separable")
    found = []
    for cell in space.cells:
        ops, inputs = (tuple(names) for names in space.names(cell))
        states = [State(inputs[at : at + 2], ops[at : at + 2]) for at in range(0, len(ops), 2)]
        found.append(DecidedPart(INPUTS, tuple(states), operations, favoured))
    return found


def _operations(space: CellSpace) -> tuple[str, ...]:
    """Those that any edge can have: the authors' in their order, and the others."""
    laws = space.dimensions
    there = {str(value) for cell in space.cells for name in space.names(cell)[0] for value in values_of(laws[name])}
    return tuple(name for name in dict.fromkeys([*_FIRST, *NAMES]) if name in there)
