"""How networks in TensorFlow-slim's stacking tabulate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regnas.counting import output_size
from regnas.describe import TextTable
from regnas.search_spaces.cells.slim.stacking import places

if TYPE_CHECKING:
    from regnas.search_spaces.cells.slim.architecture import SlimCells


def stages(network: SlimCells, resolution: int) -> TextTable:
    """Cells of one kind, width and size behind one another, for images of ``resolution`` pixels."""
    size = resolution
    if network.stem == "imagenet":
        size = output_size(size, 3, 2, 0)
    sizes = [size]
    rows: list[tuple[int, str, int, int, int]] = []
    for place in places(network):
        out = place.output
        while len(sizes) <= out.level:
            sizes.append(output_size(sizes[-1], 1, 2))
        what = ("reduction" if place.reduced else "normal", place.wide, out.channels, sizes[out.level])
        if rows and rows[-1][1:] == what:
            rows[-1] = (rows[-1][0] + 1, *what)
        else:
            rows.append((1, *what))
    text = tuple((str(cells), kind, str(wide), str(out), f"{px} x {px}") for cells, kind, wide, out, px in rows)
    return TextTable("stages", ("cells", "kind", "width", "output width", "output px"), text)
