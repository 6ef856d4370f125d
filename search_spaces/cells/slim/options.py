"""Options of spaces of cells whose networks are stacked as TensorFlow-slim does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from regnas.errors import UsageError
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.slim.architecture import BOUNDS, SlimCells
from regnas.search_spaces.cells.slim.stacking import REDUCTIONS

STACKINGS = ("nds", "tf")
_NO_YES = ("no", "yes")
_REPLACE = ("pnas",)  # spaces whose authors' reductions replace a cell
_STEM_WIDTH, _CIFAR_STEM = 32, 3  # of both papers' smallest networks: channels for ImageNet, times the width for CIFAR


@dataclass(frozen=True)
class Slim:
    """How the cells of a space are stacked.

    Attributes:
        normal_output, reduce_output: inputs and nodes that a cell puts out; none leaves it to the rule of the space.
        reductions, skip_reduction: as of `SlimCells`.
        stem_width: channels of the first convolution; None is the papers' smallest.
    """

    normal_output: tuple[int, ...] = ()
    reduce_output: tuple[int, ...] = ()
    reductions: str = "extra"
    skip_reduction: bool = False
    stem_width: int | None = None

    def output(self, cell: str) -> tuple[int, ...]:
        """What a cell is said to put out; nothing where the rule of the space says it."""
        return self.normal_output if cell == "normal" else self.reduce_output

    def network(self, normal: Cell, reduce: Cell, width: int, depth: int, stem: str, classes: int) -> SlimCells:
        """The network of two cells."""
        usual = _STEM_WIDTH if stem == "imagenet" else _CIFAR_STEM * width
        return SlimCells(
            normal=normal,
            reduce=reduce,
            width=width,
            depth=depth,
            stem=stem,
            stem_width=self.stem_width or usual,
            reductions=self.reductions,
            skip_reduction=self.skip_reduction,
            classes=classes,
        )


def slim_option(slim: Slim | None, key: str, value: str, space: str, nodes: int) -> Slim | Literal[False] | None:
    """The stacking with an option of a spec; False where it is NDS's, None where there is no such option.

    Options of the stacking alone mean it: ``nasnet[stem_width=96]`` is stacked so.

    Args:
        slim: the stacking so far; None is NDS's.
        space: name of the space.
        nodes: of its cells.

    Raises:
        UsageError: it has the option, and not this value of it.
    """
    made = slim or Slim(reductions="replace" if space in _REPLACE else "extra")
    if key == "stacking":
        if _among(key, value, STACKINGS) == "tf":
            return made
        if slim:
            raise UsageError("stacking=nds has no output, reductions, skip_reduction or stem_width; leave these out")
        return False
    if key in ("normal_output", "reduce_output"):
        return replace(made, **{key: _output(key, value, nodes)})  # type: ignore[arg-type]
    if key == "reductions":
        return replace(made, reductions=_among(key, value, REDUCTIONS))
    if key == "skip_reduction":
        return replace(made, skip_reduction=_among(key, value, _NO_YES) == "yes")
    if key == "stem_width":
        low, high = BOUNDS[key]
        if not (value.isascii() and value.isdecimal() and len(value) <= 9 and low <= int(value) <= high):
            raise UsageError(f"{key} is a whole number from {low} to {high:,}, got {value!r}")
        return replace(made, stem_width=int(value))
    return None


def _among(key: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(f"{key} is one of {', '.join(known)}, got {value!r}")
    return value


def _output(key: str, value: str, nodes: int) -> tuple[int, ...]:
    words = value.split("-")
    if all(word.isascii() and word.isdecimal() and len(word) <= 2 for word in words):
        found = tuple(sorted({int(word) for word in words}))
        if len(found) == len(words) and found[-1] <= nodes + 1:
            return found
    raise UsageError(f"{key} is inputs and nodes from 0 to {nodes + 1}, each once, such as 0-2-4; got {value!r}")
