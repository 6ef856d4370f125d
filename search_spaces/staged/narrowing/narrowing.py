"""Whether the proposals of a space can be narrowed, and to what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from regnas.counting import MEASURES, check_countable
from regnas.sampling.ladder import Ladder
from regnas.search_spaces.staged.narrowing.bounds import Shape
from regnas.search_spaces.staged.narrowing.cells import LineCells
from regnas.search_spaces.staged.narrowing.grid import GridCells, Shapes
from regnas.search_spaces.staged.space import StagedSpace

if TYPE_CHECKING:
    from regnas.search_spaces.staged.nds import NDSSpace

_PARAMETERS = {"w0": "w0", "wa": "wa", "wm": "wm", "b": "bottleneck_ratio", "g": "group_width"}
# Combinations of b, g and w0 beyond which the table of cells would cost more than it saves.
_MOST_ROOTS = 8192
_MOST_CELLS = 1 << 20  # of a grid, likewise


def narrowing_of(space: StagedSpace) -> LineCells | None:
    """The cells of a RegNet space inside a window; None where it limits nothing that is counted in closed form, and
    where the depth cannot be solved for."""
    ties = dict(space.ties)
    laws = space.dimensions
    if not any(measure in space.window for measure in MEASURES) or "depth" not in laws or "depth" in ties.values():
        return None
    ladders = _ladders(space)
    sources = {short: ties.get(name, name) for short, name in _PARAMETERS.items()}
    if set(ladders) != set(laws) or ladders[sources["wa"]].values[0] <= 0:
        return None
    apart = {sources["b"], sources["g"], sources["w0"]}
    roots = 1
    for name in apart:
        roots *= len(ladders[name])
    if roots > _MOST_ROOTS:
        return None
    shape = Shape(space.template(), space.resolution, space.window, int(ladders["depth"].values[-1]))
    names = {name: ties.get(name, name) for name in [*laws, *ties]}
    return LineCells(shape, ladders, sources, names)


def grid_of(space: NDSSpace) -> GridCells | None:
    """The cells of a space of grids inside a window; None where it limits nothing that is counted in closed form,
    where parameters are tied, and where there are too many.

    Raises:
        InvalidArchitecture: its largest networks cannot be counted.
    """
    ladders = _ladders(space)
    stages = range(1, space.stages + 1)
    depths = [f"depth_{stage}" for stage in stages]
    limited = any(measure in space.window for measure in MEASURES)
    if not limited or space.ties or set(ladders) != set(space.dimensions):
        return None
    cells = math.prod(len(ladder) for name, ladder in ladders.items() if name not in depths)
    if cells > _MOST_CELLS:
        return None
    shapes = [_shapes(space, ladders, stage) for stage in stages]
    template = space.template()
    widest = max(int(np.max([one.widths, one.inner], initial=1)) for one in shapes)
    deepest = sum(int(ladders[name].values[-1]) for name in depths)
    check_countable(space.resolution, max(widest, template.stem_width, template.head_width), deepest)
    laws = {name: ladders[name] for name in depths}
    return GridCells(template, space.resolution, space.window, shapes, laws, list(space.dimensions))


def _shapes(space: NDSSpace, ladders: Mapping[str, Ladder], stage: int) -> Shapes:
    """What the stage can have but its depth."""
    laws = {name: ladders[name] for name in (f"{kind}_{stage}" for kind in space.kinds[1:])}
    sizes = [len(ladder) for ladder in laws.values()]
    grid = np.unravel_index(np.arange(math.prod(sizes)), sizes)
    values = {name: ladder.values[places] for (name, ladder), places in zip(laws.items(), grid, strict=True)}
    likely = np.prod(
        [np.diff(ladder.edges)[places] for ladder, places in zip(laws.values(), grid, strict=True)], axis=0
    )
    widths, groups = space.fitted(*values.values())
    even = np.flatnonzero(groups)
    inner = np.rint(widths / values[f"bottleneck_ratio_{stage}"]).astype(np.int64)
    kept = {name: column[even] for name, column in values.items()}
    return Shapes(kept, likely[even], widths[even], inner[even], groups[even])


def _ladders(space: StagedSpace) -> dict[str, Ladder]:
    """The laws that are tables of numbers, by name."""
    return {name: ladder for name, law in space.dimensions.items() if (ladder := law.ladder()) is not None}
