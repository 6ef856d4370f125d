"""How large the blocks of a space's networks can be inside its window: what a supernet has to hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.dimension import values_of
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import MOST_CHANNELS
from regnas.search_spaces.staged.complexity import BLOCKS, Ints, staged_parts

if TYPE_CHECKING:
    from regnas.search_spaces.staged.space import StagedSpace


@dataclass(frozen=True)
class Largest:
    """The largest number of channels of one block of a stage, in any network of the window.

    Attributes:
        wide: it puts out.
        inner: of its bottleneck.
        by_group: of the bottleneck of networks with this group width; groups without a network are left out.
    """

    wide: int
    inner: int
    by_group: dict[int, int]


def largest_blocks(space: StagedSpace) -> list[list[Largest]]:
    """Of every stage, its blocks in order, as many as a network can have.

    A network with block k of a stage has k blocks or more there, so it costs at least what the network does that has k
    such blocks there and one of a single channel in every other stage. Costs grow with widths, so the widest that still
    lies inside is found by halving.

    Raises:
        UsageError: the window limits none of the costs from above.
    """
    highs = {name: space.window[name].high for name in space.known_costs if name in space.window}
    limits = {name: high for name, high in highs.items() if high is not None}
    if not limits:
        raise UsageError(
            f"the supernet of {space.spec} is as large as the window allows, and {space.window} has no upper limit; "
            f"give one, such as --flops :400M"
        )
    return [_of_stage(space, stage, limits) for stage in range(space.stages)]


def group_widths(space: StagedSpace, stage: int) -> tuple[int, ...]:
    """The group widths that a stage, counted from 0, can be asked to have, rising; empty where blocks have none.

    Raises:
        UsageError: the space chooses numbers of groups instead.
    """
    if not BLOCKS[space.block].grouped:
        return ()
    laws = dict(space.laws)
    if not {"group_width", f"group_width_{stage + 1}"} & set(laws):
        raise UsageError(
            f"the supernet of {space.spec} is not defined: networks of one group width share weights, and this space "
            f"chooses numbers of groups"
        )
    return tuple(sorted({int(value) for value in _values(space, "group_width", stage)}))


def _values(space: StagedSpace, kind: str, stage: int) -> Sequence[Any]:
    laws = dict(space.laws)
    return values_of(laws.get(f"{kind}_{stage + 1}", laws.get(kind)))  # type: ignore[arg-type]


def _of_stage(space: StagedSpace, stage: int, limits: dict[str, float]) -> list[Largest]:
    rule = BLOCKS[space.block]
    depths = np.arange(1, int(max(_values(space, "depth", stage))) + 1)
    ratios = np.array(_values(space, "bottleneck_ratio", stage) if rule.bottleneck else (1,), dtype=np.float64)
    groups = np.array(group_widths(space, stage) or (MOST_CHANNELS,))
    shape = (len(depths), len(ratios), len(groups))
    depth, ratio, group = (one.ravel() for one in np.meshgrid(depths, ratios, groups, indexing="ij"))
    low, high = np.zeros(len(depth), dtype=np.int64), np.full(len(depth), MOST_CHANNELS, dtype=np.int64)
    while (low < high).any():
        middle = (low + high + 1) // 2
        inside = _inside(space, stage, depth, middle, ratio, group, limits)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle - 1)
    wide = low.reshape(shape)
    inner = np.where(wide > 0, _inner(low, ratio).reshape(shape), 0)
    found = []
    for of_block, within in zip(wide, inner, strict=True):
        if of_block.max() == 0:
            break  # so many blocks fit into no network
        by_group = {int(group): int(most) for group, most in zip(groups, within.max(0), strict=True) if most}
        found.append(Largest(int(of_block.max()), int(within.max()), by_group if rule.grouped else {}))
    return found


def _inner(wide: Ints, ratio: npt.NDArray[np.float64]) -> Ints:
    """Channels of a bottleneck, rounded up, as no network has more; ``ratio`` is of the same shape."""
    return np.ceil(wide / ratio - 1e-9).astype(np.int64)


def _inside(
    space: StagedSpace,
    stage: int,
    depth: Ints,
    wide: Ints,
    ratio: npt.NDArray[np.float64],
    group: Ints,
    limits: dict[str, float],
) -> npt.NDArray[np.bool_]:
    """Whether the least network with these blocks in a stage lies below the limits, each ``(n,)``."""
    shape = (space.stages, len(wide))
    widths, inner, groups, depths = (np.ones(shape, dtype=np.int64) for _ in range(4))
    within = np.maximum(1, np.floor(wide / ratio + 1e-9).astype(np.int64))
    widths[stage], inner[stage], depths[stage] = wide, within, depth
    groups[stage] = np.minimum(group, within) if BLOCKS[space.block].grouped else within
    if not BLOCKS[space.block].grouped:
        groups = inner.copy()  # one group, as wide as the bottleneck
    parts = staged_parts(space.template(), space.resolution, widths, inner, groups, projects=np.False_)
    inside = np.ones(len(wide), dtype=np.bool_)
    for name, high in limits.items():
        ends, first, further = (
            np.asarray(one[name], dtype=np.float64) for one in (parts.ends, parts.first, parts.further)
        )
        inside &= ends + first.sum(0) + ((depths - 1) * further).sum(0) <= high
    return inside
