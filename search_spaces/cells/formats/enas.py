"""Cells as ENAS writes them: ``fixed_arc``, four whole numbers a node, of the normal cell and then of the reduction.

Source: melodyguan/enas ``src/cifar10/micro_child.py`` and ``scripts/cifar10_micro_final.sh``: input, operation, input,
operation, inputs numbered as here. The numbers say the cells alone, whose output is their loose ends. How they are
stacked stands behind them in a comment; where there is none, it is ENAS's width and depth in the stacking of NDS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import MOST_NODES, Cell, loose_ends
from regnas.search_spaces.cells.formats.shared import network, reading, text_of

OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")
_CODES = {name: code for code, name in enumerate(OPERATIONS)}
_SHAPE = re.compile(r"#\s*width (\d+), depth (\d+), stem (\w+), classes (\d+)\s*$", re.MULTILINE)
_USUAL = {"width": 36, "depth": 17, "stem": "cifar", "classes": 10}  # its script's: 15 normal cells, and 2 reductions
_OF_NODE = 4  # numbers
_LONGEST = 10_000  # characters


class FixedArcs:
    """The numbers of one network, as text or in a file."""

    kinds = ("cells",)
    sources = "enas:0 2 0 0 ... (40 numbers, or a file of such)"

    def write(self, architecture: Cells, params: Mapping[str, Any]) -> str:
        one = architecture
        if one.normal.nodes != one.reduce.nodes:
            raise UsageError("cells of ENAS have equally many nodes, and these have not; json says any")
        numbers = [*_numbers("normal", one.normal), *_numbers("reduce", one.reduce)]
        shape = f"width {one.width}, depth {one.depth}, stem {one.stem}, classes {one.classes}"
        return f"{' '.join(map(str, numbers))}  # {shape}\n"

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Cells]:
        text = text_of(source)
        said = _SHAPE.search(text)
        words = (text[: said.start()] if said else text).strip().strip("\"'").split()
        if len(text) > _LONGEST or not words or not all(word.isascii() and word.isdecimal() for word in words):
            raise UsageError(f"a network of ENAS is {self.sources}, got {source[:60]!r}")
        nodes, left = divmod(len(words), 2 * _OF_NODE)
        if left or not 1 <= nodes <= MOST_NODES:
            raise UsageError(
                f"a network of ENAS has {2 * _OF_NODE} numbers for each of 1 to {MOST_NODES} nodes, 4 in either cell; "
                f"got {len(words)} numbers"
            )
        half = nodes * _OF_NODE
        shape: dict[str, Any] = dict(_USUAL)
        if said is not None:
            width, depth, stem, classes = said.groups()
            shape = {"width": int(width), "depth": int(depth), "stem": stem, "classes": int(classes)}
        lists: dict[str, Any] = {}
        for name, numbers in (("normal", words[:half]), ("reduce", words[half:])):
            lists[name] = _edges(name, [int(word) for word in numbers])
            lists[f"{name}_concat"] = list(loose_ends((start for _, start in lists[name]), nodes))
        with reading("the numbers of ENAS"):
            return [network(**lists, **shape)]


def _edges(cell: str, numbers: Sequence[int]) -> list[list[Any]]:
    found = []
    for place, (start, code) in enumerate(zip(numbers[::2], numbers[1::2], strict=True)):
        if code >= len(OPERATIONS):
            listed = ", ".join(f"{known} {name}" for known, name in enumerate(OPERATIONS))
            raise UsageError(
                f"the numbers of ENAS: {cell} cell: node {place // 2 + INPUTS} has the operation {code}; there are "
                f"{listed}"
            )
        found.append([OPERATIONS[code], start])
    return found


def _numbers(name: str, cell: Cell) -> list[int]:
    """The numbers of a cell.

    Raises:
        UsageError: it has an operation that ENAS has not, or another output than its loose ends.
    """
    found: list[int] = []
    for place, (operation, start) in enumerate(cell.edges):
        if operation not in _CODES:
            raise UsageError(
                f"ENAS has no {operation}, which node {place // 2 + INPUTS} of the {name} cell has; it has "
                f"{', '.join(OPERATIONS)}"
            )
        found += [start, _CODES[operation]]
    if cell.concat != loose_ends((start for _, start in cell.edges), cell.nodes):
        raise UsageError(f"cells of ENAS put out their loose ends, and the {name} cell does not; json says any output")
    return found
