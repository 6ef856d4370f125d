"""How networks of NAS-Bench-201 print, tabulate and draw, and the numbers that figures show of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from regnas.counting import output_size
from regnas.describe import Summary, TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.cells.nasbench201.architecture import NASBench201

_RESOLUTION = 32  # pixels of CIFAR-10
_COLOURS = {  # Okabe and Ito 2008: the colour-blind can tell them apart
    "none": "0.65",
    "skip_connect": "#000000",
    "nor_conv_1x1": "#009E73",
    "nor_conv_3x3": "#0072B2",
    "avg_pool_3x3": "#D55E00",
}
# How high above the row of nodes the middle of an edge lies; the nodes are one apart.
_HEIGHTS = {(0, 1): 0.0, (1, 2): 0.0, (2, 3): 0.0, (0, 2): 0.6, (1, 3): -0.6, (0, 3): 1.2}


def cell_string(network: NASBench201) -> str:
    """The cell as the authors write it: per node ``|operation~from|``, joined by ``+``.

    Source: AutoDL-Projects ``genotypes.Structure.tostr``.
    """
    nodes = {end: "" for _, end, _ in network.edges}
    for start, end, operation in network.edges:
        nodes[end] += f"{operation}~{start}|"
    return "+".join(f"|{into}" for into in nodes.values())


def summary(network: NASBench201) -> Summary:
    """The cell in a line."""
    return Summary(line=cell_string(network), heading="cell", resolution=_RESOLUTION, picture="cell.png")


def tables(network: NASBench201, resolution: int) -> list[TextTable]:
    """The cell, a row for every node that sums what comes in, and the stages that repeat it."""
    into = {end: ["", "", ""] for _, end, _ in network.edges}
    for start, end, operation in network.edges:
        into[end][start] = operation
    cell = tuple((str(node), *operations) for node, operations in into.items())
    size, stages = resolution, []
    for stage, width in enumerate(network.widths, 1):
        stages.append((str(stage), str(network.cells), str(width), f"{size} x {size}"))
        size = output_size(size, 3, 2)
    return [
        TextTable(cell_string(network), ("node", "from 0", "from 1", "from 2"), cell),
        TextTable("", ("stage", "cells", "width", "output px"), tuple(stages)),
    ]


def draw(network: NASBench201, axes: Axes) -> None:
    """The cell as a graph: its nodes from the input to the output, and on every edge its operation."""
    from matplotlib.patches import FancyArrowPatch

    for start, end, operation in network.edges:
        height, colour, long = _HEIGHTS[start, end], _COLOURS[operation], end - start
        look: dict[str, Any] = {
            "arrowstyle": "-|>",
            "connectionstyle": f"arc3,rad={-2 * height / long}",  # a curve rises by half of what its control point does
            "linestyle": ":" if operation == "none" else "-",
        }
        ends = (start, 0), (end, 0)
        axes.add_patch(FancyArrowPatch(*ends, shrinkA=10, shrinkB=10, mutation_scale=11, lw=1.4, color=colour, **look))
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}
        place = ((start + end) / 2, height if height else 0.13)
        axes.text(*place, operation, color=colour, fontsize=7, ha="center", va="center", bbox=box)
    for node, name in enumerate(("input", "", "", "output")):
        axes.plot([node], [0], "o", ms=18, mfc="white", mec="0.2", mew=1.2, zorder=3)
        axes.text(node, 0, str(node), fontsize=8, ha="center", va="center", zorder=4)
        axes.text(node, -0.26, name, fontsize=7, ha="center", va="center", color="0.3")
    axes.set(xlim=(-0.35, 3.35), ylim=(-0.85, 1.4), aspect="equal")  # or the curves miss their names
    axes.axis("off")


def quantities(network: NASBench201, told: Collection[str]) -> dict[str, float]:
    """Ways through the cell, and the operations on them: what predictors are told."""
    return {name: float(value) for name, value in network.features().items()}
