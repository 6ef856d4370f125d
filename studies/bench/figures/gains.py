"""What strategies gain over random search, within each space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from regnas.studies.bench.results import RANDOM, Benchmark, SpaceResult, Versus
from regnas.studies.reporting import style

_COLUMNS = 3
_TITLE = 48  # characters of a space in small print
_SHOWN = 3  # checkpoints, the last ones


def _others(benchmark: Benchmark) -> list[str]:
    """The strategies that are compared with random search."""
    return [one.name for one in benchmark.spaces[0].strategies if one.versus]


def _versus(space: SpaceResult, name: str) -> dict[int, Versus]:
    return dict(next(one.versus for one in space.strategies if one.name == name))


def gains(benchmark: Benchmark) -> Any | None:
    """Mean gain over random search in points with its interval, at the last checkpoints; a panel for each space.

    None without random search, or without anything else.
    """
    names = _others(benchmark)
    if not names:
        return None
    columns = min(_COLUMNS, len(benchmark.spaces))
    rows = math.ceil(len(benchmark.spaces) / columns)
    checkpoints = sorted(_versus(benchmark.spaces[0], names[0]))[-_SHOWN:]
    longest = max(len(style.label(name)) for name in names)
    size = (1.2 + 0.07 * longest + 3.1 * columns, rows * (0.95 + 0.34 * len(names)))
    figure, grid = style.new(*size, rows, columns, sharey=True)
    for number, axes in enumerate(grid.flat):
        if number >= len(benchmark.spaces):
            axes.axis("off")
            continue
        _panel(axes, benchmark, benchmark.spaces[number], names, checkpoints)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(names)), [style.label(name) for name in names])
    grid[0, 0].set_ylim(len(names) - 0.45, -0.55)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, title="evaluations", title_fontsize=8)
    return figure


def _panel(axes: Any, benchmark: Benchmark, space: SpaceResult, names: list[str], checkpoints: list[int]) -> None:
    """One space: a row for each strategy, a dot for each checkpoint, filled where better after Holm."""
    axes.axvline(0, color="0.4", lw=0.8)
    step = 0.5 / max(1, len(checkpoints))
    for place, n in enumerate(checkpoints):
        heights = np.arange(len(names)) + step * (place - (len(checkpoints) - 1) / 2)
        found = [_versus(space, name)[n] for name in names]
        means = [100 * one.gain.estimate for one in found]
        look = style.dot(place)
        for height, one in zip(heights, found, strict=True):
            if np.isfinite(one.gain.high - one.gain.low):
                axes.plot([100 * one.gain.low, 100 * one.gain.high], [height] * 2, color=look["color"], lw=1.4)
        faces = [look["color"] if one.p_holm <= benchmark.rules.alpha else "white" for one in found]
        dots = {"s": 26, "marker": look["marker"], "edgecolors": look["color"], "zorder": 3}
        axes.scatter(means, heights, c=faces, **dots)
        axes.plot([], [], linestyle="", label=f"{n:,}", **look)
    axes.set_xlabel(f"gain over {RANDOM} (points)")
    first = space is benchmark.spaces[0]
    says = f"filled: better (Wilcoxon, Holm, {benchmark.rules.alpha:g})" if first else ""
    style.note(axes, says, style.label(space.label, _TITLE))


def matrix(benchmark: Benchmark) -> Any | None:
    """Strategies x spaces: the gain over random search at the end in points, and how much of what was left it is.

    None for one space, or where `gains` is.

    Source: the score between random search and the best known, Kegl 2023.
    """
    names = _others(benchmark)
    if not names or len(benchmark.spaces) < 2:
        return None
    last = benchmark.rules.budget
    cells = [[_versus(space, name)[last] for space in benchmark.spaces] for name in names]
    shares = np.array([[_share(one, space) for one, space in zip(row, benchmark.spaces, strict=True)] for row in cells])
    heads = [_head(space) for space in benchmark.spaces]
    widest = max(len(line) for head in heads for line in head.splitlines())
    longest = max(len(style.label(name)) for name in names)
    size = (1.7 + 0.07 * longest + max(1.15, 0.08 * widest) * len(heads), 1.1 + 0.42 * len(names))
    figure, ((axes,),) = style.new(*size)
    image = axes.imshow(np.clip(shares, -1, 1), cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for row, cell in enumerate(cells):
        for column, one in enumerate(cell):
            better = " *" if one.p_holm <= benchmark.rules.alpha else ""
            ink = "white" if abs(shares[row, column]) > 0.6 else "0.1"
            axes.text(
                column, row, f"{100 * one.gain.estimate:+.2f}{better}", ha="center", va="center", color=ink, fontsize=8
            )
    axes.set_yticks(range(len(names)), [style.label(name) for name in names])
    axes.set_xticks(range(len(heads)), heads, fontsize=8)
    axes.grid(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.9)
    bar.set_label("share of what was left", fontsize=8)
    style.note(axes, f"gain over {RANDOM} after {last:,} evaluations (points); *: better (Wilcoxon, Holm)")
    return figure


def _head(space: SpaceResult) -> str:
    """The head of a column: the space, and its table below."""
    head = style.label(space.space)
    return head if space.facts is None else f"{head}\non {style.label(space.facts.name)}"


def _share(one: Versus, space: SpaceResult) -> float:
    """The gain as a share of random search's distance to the optimum, or to no error where that is not known."""
    base = next(other for other in space.strategies if other.name == RANDOM)
    left = float(base.final.mean()) - (0.0 if space.facts is None else space.facts.optimum)
    return one.gain.estimate / left if left > 0 else 0.0
