"""Average ranks with Nemenyi's critical difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.statistics.ranks import Friedman, cliques
from regnas.studies.bench.results import Benchmark
from regnas.studies.reporting import style
from regnas.studies.reporting.numbers import p_text

_AXIS = 3.6  # inches of the axis of ranks
_LETTER = 0.072  # inches of a letter of a name
_LEVEL = 0.24  # inches between two names
_BAR = 0.11  # inches between two bars


def ranks(benchmark: Benchmark) -> Any | None:
    """Names at their average rank, 1 the best; a bar joins those that do not differ. None for one strategy.

    Source: Demsar 2006, figure 1.
    """
    if benchmark.ranks is None or benchmark.critical is None:
        return None
    found, critical = benchmark.ranks, benchmark.critical
    names = [f"{style.label(name)}  {rank:.2f}" for name, rank in zip(benchmark.strategies, found.ranks, strict=True)]
    groups = cliques(found.ranks, critical)
    count, last = len(names), max(float(len(names)), 1 + critical)
    beside = 0.35 + _LETTER * max(map(len, names))
    below = 0.16 + _BAR * len(groups) + _LEVEL * ((count + 1) // 2)
    width, height = _AXIS + 2 * beside, 1.0 + below
    figure, ((axes,),) = style.new(width, height, layout=None)
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
    axes.axis("off")
    scale = (last - 1) / _AXIS  # ranks of an inch
    axes.set(xlim=(1 - beside * scale, last + beside * scale), ylim=(-below, 1.0))
    _ruler(axes, count, last, critical)
    for number, group in enumerate(groups):
        ends = found.ranks[[group[0], group[-1]]]
        ends = ends + np.array([-0.03, 0.03]) * scale
        axes.plot(ends, [-0.12 - _BAR * number] * 2, color="0.1", lw=3, solid_capstyle="butt")
    _names(axes, names, found.ranks, 1 - 0.1 * scale, last + 0.1 * scale, -0.12 - _BAR * len(groups))
    figure.text(0.02, 1 - 0.08 / (1.0 + below), _says(benchmark, found), fontsize=7, color="0.3", va="top")
    return figure


def _says(benchmark: Benchmark, found: Friedman) -> str:
    blocks = benchmark.blocks if found.blocks > 1 else benchmark.blocks.removesuffix("s")
    return (
        f"average rank over {found.blocks} {blocks}; all equal: p {p_text(found.p)} (Friedman, F)\n"
        f"bars join strategies that do not differ (Nemenyi, {benchmark.rules.alpha:g})"
    )


def _ruler(axes: Any, count: int, last: float, critical: float) -> None:
    """The axis of ranks, and the critical difference above it."""
    axes.plot([1, last], [0, 0], color="0.3", lw=0.9)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, 0.06], color="0.3", lw=0.9)
        axes.text(rank, 0.08, str(rank), ha="center", va="bottom", fontsize=7.5)
    axes.plot([1, 1 + critical], [0.36] * 2, color=style.COLOURS[1], lw=1.6, marker="|", ms=6)
    axes.text(1 + critical / 2, 0.39, f"CD {critical:.2f}", ha="center", va="bottom", fontsize=7.5)


def _names(axes: Any, names: list[str], values: Any, left: float, right: float, top: float) -> None:
    """The better half at the left, the others at the right, each joined to its rank."""
    order = np.argsort(values, kind="stable").tolist()
    half = (len(order) + 1) // 2
    sides = ((order[:half], left, "right"), (order[: half - 1 : -1] if half else order[::-1], right, "left"))
    for places, edge, side in sides:
        for level, place in enumerate(places):
            height = top - _LEVEL * (level + 0.5)
            axes.plot([values[place], values[place], edge], [0, height, height], color="0.45", lw=0.8)
            axes.text(edge, height, f" {names[place]} ", ha=side, va="center", fontsize=8.5)
