"""Draws docs/images/architecture.png from the imports of the code: the folders, and which way imports go.

    python docs/architecture.py [OUTPUT.png]

Every box is a folder with the number of its modules, and every arrow or square the number of modules that import one
from another. Imports for type checkers alone do not count; late ones, inside functions, do.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("search_spaces", "strategies", "evaluators", "studies")
COLOURS = {"regnas": "C7", "search_spaces": "C0", "strategies": "C2", "evaluators": "C1", "studies": "C4"}
# Lower left corner, width and height of each house, in a picture of 10 by 6.
PLACES = {
    "studies": (0.2, 4.6, 9.6, 1.25),
    "search_spaces": (0.2, 2.3, 2.8, 1.55),
    "strategies": (3.6, 2.3, 2.8, 1.55),
    "evaluators": (7.0, 2.3, 2.8, 1.55),
    "regnas": (0.2, 0.1, 9.6, 1.45),
}

Room = tuple[str, str]


def modules() -> dict[str, Room]:
    """The room of every module, by its dotted name: its house and the folder in it, ``""`` for the first level."""
    found = {}
    for house in ("regnas", *LAYERS):
        for path in sorted((ROOT / house).rglob("*.py")):
            if any(parent.is_symlink() for parent in path.parents):
                continue
            parts = path.relative_to(ROOT / house).with_suffix("").parts
            inner = [part for part in parts if part != "__init__"]
            name = ".".join(["regnas", *([] if house == "regnas" else [house]), *inner])
            found[name] = (house, parts[0] if len(parts) > 1 else "" if inner else "__init__")
    return found


def imports(path: Path) -> Iterator[str]:
    """What a module imports, as ``module`` and ``module.name``."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.ImportFrom) and child.module:
                yield from (f"{child.module}.{one.name}" for one in child.names)
                yield child.module
            elif isinstance(child, ast.Import):
                yield from (one.name for one in child.names)
            else:
                yield from walk(child)

    yield from walk(ast.parse(path.read_text()))


def path_of(module: str, room: Room) -> Path:
    """The file of a module."""
    parts = module.split(".")[1 if room[0] == "regnas" else 2 :]
    path = ROOT.joinpath(room[0], *parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def arrows(rooms: dict[str, Room]) -> Counter[tuple[Room, Room]]:
    """How many modules of a room import from another."""
    found: Counter[tuple[Room, Room]] = Counter()
    for module, room in rooms.items():
        targets = {rooms[name] for name in imports(path_of(module, room)) if name in rooms}
        found.update((room, target) for target in targets if target != room)
    return found


def draw(output: Path) -> None:
    """Draw the picture."""
    from matplotlib.figure import Figure

    rooms = modules()
    found = arrows(rooms)
    figure = Figure(figsize=(14, 6.2), layout="constrained")
    houses, matrix = figure.subplots(1, 2, width_ratios=(2.1, 1))
    _houses(houses, Counter(rooms.values()), found)
    _matrix(matrix, found)
    figure.savefig(output, dpi=110)


def _houses(axes: Any, sizes: Counter[Room], found: Counter[tuple[Room, Room]]) -> None:
    axes.set(xlim=(0, 10), ylim=(0, 6))
    axes.axis("off")
    between: Counter[tuple[str, str]] = Counter()
    for (source, target), count in found.items():
        between[source[0], target[0]] += count if source[0] != target[0] else 0
    for house, (x, y, wide, high) in PLACES.items():
        _house(axes, house, (x, y, wide, high), {name: n for (one, name), n in sizes.items() if one == house})
    for layer in LAYERS[:3]:
        x, y, wide, high = PLACES[layer]
        middle = x + wide / 2
        _arrow(axes, (middle, PLACES["studies"][1]), (middle, y + high), between["studies", layer])
        _arrow(axes, (middle, y), (middle, PLACES["regnas"][1] + PLACES["regnas"][3]), between[layer, "regnas"])
    low, high = PLACES["regnas"][1] + PLACES["regnas"][3], PLACES["studies"][1]
    _arrow(axes, (3.3, high), (3.3, low), between["studies", "regnas"])
    _arrow(axes, (6.7, low), (6.7, high), between["regnas", "studies"], late=True)


def _house(axes: Any, house: str, place: tuple[float, float, float, float], sizes: dict[str, int]) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, wide, high = place
    box = {"boxstyle": "round,pad=0.05", "facecolor": COLOURS[house], "edgecolor": COLOURS[house]}
    axes.add_patch(FancyBboxPatch((x, y), wide, high, alpha=0.15, linewidth=0, **box))
    title = {"regnas": "regnas/  the core: contracts on the first level", "studies": "studies/  combines the layers"}
    axes.text(x + 0.05, y + high - 0.12, title.get(house, f"{house}/"), weight="bold", va="top", fontsize=10)
    names = sorted(name for name in sizes if name != "__init__")
    columns = max(1, round(wide / 1.22))
    for number, name in enumerate(names):
        left = x + 0.05 + (number % columns) * wide / columns
        top = y + high - 0.5 - (number // columns) * 0.28
        label = f"{name}/" if name else "*.py"
        axes.text(left, top, f"{label} {sizes[name]}", fontsize=8, va="top", color="0.1")


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], count: int, *, late: bool = False) -> None:
    style = {"arrowstyle": "-|>", "color": "0.35", "linewidth": 1.4, "linestyle": ":" if late else "-"}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)
    text = f"{count}: commands, late" if late else str(count)
    top = max(start[1], end[1])
    axes.text(start[0] + 0.06, top - 0.38, text, fontsize=8, va="center", color="0.25")


def _matrix(axes: Any, found: Counter[tuple[Room, Room]]) -> None:
    """Who imports whom among the rooms of studies/."""
    inner = {(a[1], b[1]): n for (a, b), n in found.items() if a[0] == b[0] == "studies" and a[1] and b[1]}
    names = _sorted({name for pair in inner for name in pair}, inner)
    grid = [[inner.get((row, column), 0) for column in names] for row in names]
    axes.imshow(grid, cmap="Purples", vmin=0, vmax=max(map(max, grid)) * 1.3)
    for y, row in enumerate(grid):
        for x, count in enumerate(row):
            if count:
                axes.text(x, y, str(count), ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_title("studies/: modules of a row that import from a column", fontsize=10)


def _sorted(names: set[str], inner: dict[tuple[str, str], int]) -> list[str]:
    """Rooms that import most of the others first: what stands below the diagonal goes against the grain."""

    def rank(name: str) -> tuple[int, str]:
        out = sum(1 for source, _ in inner if source == name)
        into = sum(1 for _, target in inner if target == name)
        return (into - out, name)

    return sorted(names, key=rank)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images" / "architecture.png")
