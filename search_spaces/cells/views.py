"""How networks of cells print, tabulate and draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnas.counting import output_size
from regnas.describe import Summary, TextTable
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.complexity import cells_of
from regnas.search_spaces.cells.formats.line import line_of
from regnas.search_spaces.cells.operations import OPERATIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.cells.architecture import Cells
    from regnas.search_spaces.cells.cell import Cell
    from regnas.search_spaces.cells.slim.architecture import SlimCells

_COLOURS = {  # Okabe and Ito 2008: the colour-blind can tell them apart
    "none": "0.65",
    "skip": "#000000",
    "average": "#D55E00",
    "max": "#CC79A7",
    "conv": "#009E73",
    "crossed": "#56B4E9",
    "separable": "#0072B2",
}
_APART = 1.0  # between nodes
_ROW = 2.6  # between the two cells


def summary(network: Cells | SlimCells) -> Summary:
    """The network in the line of both cells."""
    return Summary(
        line=line_of(network),
        details=f"outputs {_numbers(network.normal)} and {_numbers(network.reduce)}",
        heading="cells",
        attributes={"depth": network.depth, "width": network.width},
        resolution=32 if network.stem == "cifar" else 224,
        picture="cells.png",
    )


def tables(network: Cells, resolution: int) -> list[TextTable]:
    """A table for each cell, a row for every node, and one of the stages that repeat them."""
    size = resolution
    for _ in range(3 if network.stem == "imagenet" else 0):
        size = output_size(size, 3, 2)
    stages: list[list[Any]] = []
    for wide, reduced in cells_of(network.width, network.depth):
        size = output_size(size, 1, 2) if reduced else size
        if not stages or reduced:
            stages.append([0, wide, wide * len(network.normal.concat), size, "reduction" if reduced else "normal"])
        stages[-1][0] += 1
    rows = tuple((str(cells), first, str(wide), str(out), f"{px} x {px}") for cells, wide, out, px, first in stages)
    return [*cell_tables(network), TextTable("stages", ("cells", "first", "width", "output width", "output px"), rows)]


def cell_tables(network: Cells | SlimCells) -> list[TextTable]:
    """A table for each cell, a row for every node."""
    return [_cell_table(name, cell) for name, cell in (("normal", network.normal), ("reduction", network.reduce))]


def _cell_table(name: str, cell: Cell) -> TextTable:
    rows = []
    for node, (one, other) in enumerate(zip(cell.edges[::2], cell.edges[1::2], strict=True), INPUTS):
        rows.append((str(node), *map(str, (*one, *other)), "yes" if node in cell.concat else ""))
    return TextTable(f"{name} cell", ("node", "operation", "of", "operation", "of", "output"), tuple(rows))


def draw(network: Cells | SlimCells, axes: Axes) -> None:
    """Both cells as graphs, the normal one above: nodes from left to right, and on every edge its operation."""
    most = max(network.normal.nodes, network.reduce.nodes) + INPUTS
    for row, (name, cell) in enumerate((("normal", network.normal), ("reduction", network.reduce))):
        _draw_cell(cell, axes, -row * _ROW, name, most)
    axes.set(xlim=(-1.35, most + 0.45), ylim=(-_ROW - 1.3, 1.4), aspect="equal")  # or the curves miss their names
    axes.axis("off")


def _draw_cell(cell: Cell, axes: Axes, level: float, name: str, most: int) -> None:
    from matplotlib.patches import FancyArrowPatch

    places = {number: (number * _APART, level) for number in range(cell.nodes + INPUTS)}
    end = (most * _APART, level)
    look: dict[str, Any] = {"arrowstyle": "-|>", "shrinkA": 7, "shrinkB": 7, "mutation_scale": 8, "lw": 1.1}
    for place, (operation, start) in enumerate(cell.edges):
        node = place // 2 + INPUTS
        one = OPERATIONS[operation]
        # Edges of a node curve to different sides, and the further the longer they are.
        side = 1 if place % 2 == 0 else -1
        long = node - start
        height = side * (0.16 + 0.2 * long if long > 1 else 0.2)
        curve = f"arc3,rad={-2 * height / long}"  # it rises by half of what its control point does
        colour = _COLOURS[one.kind]
        style = ":" if one.kind == "none" else "-"
        axes.add_patch(
            FancyArrowPatch(places[start], places[node], connectionstyle=curve, color=colour, linestyle=style, **look)
        )
        box = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none"}
        # A long edge has its name nearer to the node that it belongs to: there its neighbours are two at most. The name
        # of a short one would cover it, and stands beside it.
        share, beside = (0.62, 0.0) if long > 1 else (0.5, 0.13 * side)
        at = (start + share * long, level + 4 * share * (1 - share) * height + beside)
        axes.text(*at, one.short, color=colour, fontsize=6, ha="center", va="center", bbox=box, zorder=4)
    for node in cell.concat:
        axes.add_patch(
            FancyArrowPatch(places[node], end, connectionstyle="arc3,rad=0.28", color="0.8", zorder=0, **look)
        )
    for number, (x, y) in places.items():
        axes.plot([x], [y], "o", ms=13, mfc="0.92" if number < INPUTS else "white", mec="0.2", mew=1, zorder=5)
        axes.text(x, y, str(number), fontsize=7, ha="center", va="center", zorder=6)
    axes.text(
        *end, "concat", fontsize=7, ha="center", va="center", bbox={"boxstyle": "round", "fc": "0.92", "ec": "0.2"}
    )
    axes.text(-0.35, level, name, fontsize=8, ha="right", va="center", color="0.2")


def _numbers(cell: Cell) -> str:
    return " ".join(map(str, cell.concat))
