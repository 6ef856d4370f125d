"""Whether the proposals of a RegNet space can be narrowed, and to what."""

from __future__ import annotations

from regnas.counting import MEASURES
from regnas.search_spaces.staged.narrowing.bounds import Shape
from regnas.search_spaces.staged.narrowing.cells import LineCells
from regnas.search_spaces.staged.space import StagedSpace

_PARAMETERS = {"w0": "w0", "wa": "wa", "wm": "wm", "b": "bottleneck_ratio", "g": "group_width"}
# Combinations of b, g and w0 beyond which the table of cells would cost more than it saves.
_MOST_ROOTS = 8192


def narrowing_of(space: StagedSpace) -> LineCells | None:
    """The cells of a space inside a window; None where it limits nothing that is counted in closed form, and where the
    depth cannot be solved for."""
    ties = dict(space.ties)
    laws = space.dimensions
    if not any(measure in space.window for measure in MEASURES) or "depth" not in laws or "depth" in ties.values():
        return None
    ladders = {name: ladder for name, law in laws.items() if (ladder := law.ladder()) is not None}
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
