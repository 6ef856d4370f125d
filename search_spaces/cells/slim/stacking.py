"""How TensorFlow-slim stacks cells: which cell stands where, how wide it is, and what its inputs are.

Source: tensorflow/models ``slim/nets/nasnet/nasnet.py`` and ``pnasnet.py``, the networks of Zoph et al. 2018 (arXiv
1707.07012, appendix A.4) and Liu et al. 2018 (arXiv 1712.00559). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.complexity import reductions

if TYPE_CHECKING:
    from regnas.search_spaces.cells.slim.architecture import SlimCells

REDUCTIONS = ("extra", "replace")
LEAST_DEPTH = 3  # with fewer cells a reduction follows the stem at once, and inputs differ by two halvings


@dataclass(frozen=True)
class Output:
    """What a cell, or the stem, puts out: its channels, and how often its maps were halved behind the stem."""

    channels: int
    level: int


@dataclass(frozen=True)
class Place:
    """A cell of the network.

    Attributes:
        cell: which of the two.
        reduced: whether it is the reduction cell, whose edges from the inputs have stride 2.
        wide: channels of its edges.
        source: whose output is input 0, by its number, the stem's being 0; None where there is none before, so that
            input 0 is the raw output that input 1 is made of.
        before, last: what inputs 0 and 1 are made of.
    """

    cell: Cell
    reduced: bool
    wide: int
    source: int | None
    before: Output
    last: Output

    @property
    def stride(self) -> int:
        """Of edges from the inputs."""
        return 2 if self.reduced else 1

    @property
    def preprocessing(self) -> str:
        """What input 0 goes through: ``halve``, ``project`` to the width, or ``pass``."""
        if self.source is None:
            return "pass"
        if self.before.level != self.last.level:
            return "halve"
        return "project" if self.before.channels != self.wide else "pass"

    @property
    def inputs(self) -> tuple[int, int]:
        """Channels of both inputs behind their preprocessing."""
        return (self.before.channels if self.preprocessing == "pass" else self.wide, self.wide)

    def channels(self, number: int) -> int:
        """Channels of an input or a node."""
        return self.inputs[number] if number < INPUTS else self.wide

    def joined(self) -> Iterator[tuple[int, str]]:
        """Inputs and nodes of the output, each with what brings it to the others' size and width, as in
        `preprocessing`.
        """
        for number in self.cell.concat:
            if number < INPUTS and self.reduced:
                yield number, "halve"
            else:
                yield number, "pass" if self.channels(number) == self.wide else "project"

    @property
    def output(self) -> Output:
        return Output(len(self.cell.concat) * self.wide, self.last.level + self.reduced)


def places(network: SlimCells) -> list[Place]:
    """All cells of a network, in the order in which they are computed, those of the stem included."""
    found: list[Place] = []
    outputs = [Output(network.stem_width, 0)]

    def put(wide: int, source: int | None, *, reduced: bool) -> None:
        cell = network.reduce if reduced else network.normal
        before = outputs[-1 if source is None else source]
        found.append(Place(cell, reduced, wide, source, before, outputs[-1]))
        outputs.append(found[-1].output)

    def earlier() -> int | None:
        return len(outputs) - 2 if len(outputs) > 1 else None

    if network.stem == "imagenet":
        for divisor in (4, 2):
            put(network.width // divisor, earlier(), reduced=True)
    wide = network.width
    for index in range(network.depth):
        source = earlier()
        halves = index in reductions(network.depth)
        wide *= 1 + halves
        if halves and network.reductions == "extra":
            put(wide, earlier(), reduced=True)
            source = source if network.skip_reduction else earlier()
        put(wide, source, reduced=halves and network.reductions == "replace")
    return found
