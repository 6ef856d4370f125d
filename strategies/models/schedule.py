"""Networks that grow as a search goes on: so many candidates of the smallest size, then as many of a larger one.

Source: Zoph & Le 2017 (arXiv 1611.01578), section 4.1: 6 layers at first, 2 more for every 1,600 networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.growth import SupportsGrowth, sizes_of
from regnas.sampling.costing import closed


@dataclass(frozen=True)
class Schedule:
    """Which part of a space a candidate is of, by its index alone.

    Attributes:
        name: the parameter that is the size.
        sizes: ascending; the last one is that of all candidates that are left.
        parts: the space of each size.
        every: candidates of each size before the last.
    """

    name: str
    sizes: tuple[int, ...]
    parts: tuple[Space, ...]
    every: int

    def place(self, index: int) -> int:
        """Of the size of a candidate among `sizes`."""
        return min(index // self.every, len(self.sizes) - 1)


def schedule_of(space: Space, strategy: str, *, every: int, by: int, seed: int) -> Schedule | None:
    """The schedule of a space; None where ``every`` is 0.

    Args:
        by: parts by which each size is larger than the one before, or more where the space has none between; the
            largest size is always the last one.
        seed: of the candidate by which is seen that a part has one.

    Raises:
        UsageError: the networks of the space have one size, or its window holds none of a size.
    """
    if every == 0:
        return None
    known = sizes_of(space)
    if not isinstance(space, SupportsGrowth) or len(known) < 2:
        raise UsageError(
            f"grow of strategy {strategy} is for networks of several sizes, and those of {space.spec} have one; search "
            f"chain or growing:SPACE, or leave grow out"
        )
    sizes = [known[0]]
    while sizes[-1] < known[-1]:
        sizes.append(next((size for size in known if size >= sizes[-1] + by), known[-1]))
    name = space.size_name
    parts = [space.derive({name: str(size)}) for size in sizes]
    for size, part in zip(sizes, parts, strict=True):
        try:
            next(closed(part).stream(seed=seed))  # nothing is measured for it
        except InfeasibleWindow as error:
            raise UsageError(
                f"grow of strategy {strategy} comes to networks with {name}={size}, and the window holds none; limit "
                f"the sizes, as in {space.name}[{name}={known[0]}:{known[-1]}]: {error}"
            ) from error
    return Schedule(name, tuple(sizes), tuple(parts), every)
