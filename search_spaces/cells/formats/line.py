"""A network of cells in a line of text, written and read.

Both cells, operations by their short names, and how they are stacked: ``normal sep3@0+skip@1 / max3@1+sep5@2; reduce
skip@0+c1@1 / c1@0+c1@2; width 16; depth 8``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.cells.cell import Edge, parse_edges

if TYPE_CHECKING:
    from regnas.search_spaces.cells.architecture import Cells
    from regnas.search_spaces.cells.slim.architecture import SlimCells

CELLS = ("normal", "reduce")
_NUMBERS = ("width", "depth")
_EXAMPLE = "normal sep3@0+skip@1 / max3@1+sep5@2; reduce skip@0+c1@1 / c1@0+c1@2; width 16; depth 8"


def line_of(network: Cells | SlimCells) -> str:
    """The network in a line: both cells, width and depth."""
    return f"normal {network.normal.text}; reduce {network.reduce.text}; width {network.width}; depth {network.depth}"


def read_line(text: str) -> dict[str, Any]:
    """What a line says: edges of ``normal`` and ``reduce``, ``width`` and ``depth``; each may be missing.

    Raises:
        UsageError: it is no such line; names the cell and the node that are wrong.
    """
    found: dict[str, Any] = {}
    for part in text.split(";"):
        name, _, rest = part.strip().partition(" ")
        if name not in (*CELLS, *_NUMBERS) or name in found or not rest.strip():
            hint = "; regnas import reads genotypes" if "(" in text else ""
            raise UsageError(
                f"a network of cells is a line such as {_EXAMPLE!r}, got {part.strip()[:60]!r} in it{hint}"
            )
        found[name] = _edges(name, rest) if name in CELLS else _number(name, rest.strip())
    return found


def _edges(name: str, text: str) -> tuple[Edge, ...]:
    try:
        return parse_edges(text)
    except InvalidArchitecture as error:
        raise UsageError(f"{name} cell: {error}") from error


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise UsageError(f"{name} is a whole number, got {text[:40]!r}")
    return int(text)
