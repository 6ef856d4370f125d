"""The scores that the runs end with."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.sampling import keyed
from regnas.studies.bench.results import SpaceResult
from regnas.studies.reporting import style

_TITLE = 60  # characters of a space in small print


def finals(space: SpaceResult) -> Any:
    """A dot for every run, with the quartiles (bar), the median (line) and the mean (diamond) of each strategy."""
    names = [style.label(one.name) for one in space.strategies]
    figure, ((axes,),) = style.new(5.0 + 0.07 * max(map(len, names)), 0.95 + 0.36 * len(names))
    for place, one in enumerate(space.strategies):
        scores = 100 * one.final[np.isfinite(one.final)]
        if not len(scores):
            continue
        colour = style.dot(place)["color"]
        low, middle, high = np.quantile(scores, [0.25, 0.5, 0.75])
        axes.fill_between([low, high], place - 0.3, place + 0.3, color=colour, alpha=0.2, lw=0)
        axes.plot([middle] * 2, [place - 0.3, place + 0.3], color=colour, lw=2)
        off = keyed.generator("figure of final scores", one.name).uniform(-0.22, 0.22, size=len(scores))
        axes.plot(scores, place + off, linestyle="", marker="o", ms=4, alpha=0.6, mew=0, color=colour)
        axes.plot(scores.mean(), place, marker="D", ms=5, mfc="white", color="0.1", mew=1)
    if space.facts is not None:
        axes.axvline(100 * space.facts.optimum, color="0.2", lw=0.7)
        axes.axvline(100 * space.facts.ceiling, color="0.2", lw=0.7, ls=(0, (1, 2)))
    known = np.concatenate([one.final[np.isfinite(one.final)] for one in space.strategies])
    ends = [] if space.facts is None else [space.facts.optimum]
    if len(known):
        style.error_axis(axes.xaxis, 100 * min([*ends, known.min()]), 100 * known.max())
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlabel("error of the returned network at the end (%)")
    known_lines = "" if space.facts is None else "; thin line: optimum, dotted: ceiling"
    style.note(
        axes, style.label(space.label, _TITLE), f"dots: runs, bar: quartiles, line: median, diamond: mean{known_lines}"
    )
    return figure
