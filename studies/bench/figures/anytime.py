"""How good the returned network is while a search goes on: against evaluations, different networks and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from regnas.statistics.anytime import CurveSummary
from regnas.studies.bench.results import SpaceResult, StrategyResult, TableFacts
from regnas.studies.bench.running.runs import Floats
from regnas.studies.reporting import style

EXACT = "random, exact"  # the closed form, without noise
DIFFERENT = "different networks"
_TITLE = 60  # characters of a space in small print
_FIRST = 20  # curves begin at this part of the budget: what comes before would squeeze what matters
_UNITS = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True, eq=False)
class _Panel:
    """One of the figure's panels: what the curves are against."""

    label: str
    at: Floats
    curve: Callable[[StrategyResult], CurveSummary]
    exact: bool = False


def anytime(space: SpaceResult) -> Any:
    """Mean score of the returned network, with the bootstrap interval of the mean.

    The panel against different networks is left out where no strategy proposed one twice: it is the first again.
    """
    panels, runs = _panels(space), len(space.strategies[0].runs)
    names = [*(one.name for one in space.strategies), EXACT]
    beside = style.outside(names)
    figure, (row,) = style.new(3.9 * len(panels) + beside, 3.7, 1, len(panels), sharey=True)
    low, high = _heights(space)
    for axes, panel in zip(row, panels, strict=True):
        _lines(axes, space, panel, high)
    style.error_axis(row[0].yaxis, low - 0.06 * (high - low), high)
    row[0].set_ylabel("error of the returned network (%)")
    if space.facts is not None:
        _known(row, space.facts)
    handles, _ = row[0].get_legend_handles_labels()
    style.legend(row[-1] if beside else row[0], names, handles=handles, loc="upper right", fontsize=8)
    means = f"means of {runs} runs, shaded: 95 % of the mean" if runs > 1 else "one run"
    style.note(row[0], style.label(space.label, _TITLE), means)
    if panels[1:] and panels[1].label == DIFFERENT:
        style.note(row[1], "as far as every run of a strategy has so many")
    return figure


def _panels(space: SpaceResult) -> list[_Panel]:
    counts = np.arange(1, space.strategies[0].curves.shape[1] + 1, dtype=np.float64)
    found = [_Panel("evaluations", counts, lambda one: one.curve, exact=True)]
    if any(one.duplicates > 0 for one in space.strategies):
        found.append(_Panel(DIFFERENT, counts, lambda one: one.unique))
    last = float(space.times[-1])
    if last > 0 and space.times[0] < last:
        size, unit = next((size, unit) for size, unit in _UNITS if last >= 2 * size or size == 1)
        found.append(_Panel(f"time ({unit})", space.times / size, lambda one: one.clock))
    return found


def _heights(space: SpaceResult) -> tuple[float, float]:
    """Lowest and highest error in per cent that the panels show."""
    start = max(1, len(space.strategies[0].curve.mean) // _FIRST) - 1
    shown = np.stack([one.curve.mean[start:] for one in space.strategies])
    lowest = [float(np.nanmin([one.curve.low[start:] for one in space.strategies]))]
    highest = [float(np.nanmax(shown))]
    if space.facts is not None:
        lowest.append(space.facts.optimum)
        highest.append(float(space.facts.random[start]))
    return 100 * min(lowest), 100 * max(highest)


def _lines(axes: Any, space: SpaceResult, panel: _Panel, high: float) -> None:
    """Every strategy's curve in one panel, and the exact one of random search."""
    shade = style.band(len(space.strategies))
    begins, ends = [], []
    for place, one in enumerate(space.strategies):
        curve, look = panel.curve(one), style.line(place)
        axes.plot(panel.at, 100 * curve.mean, label=style.label(one.name), drawstyle="steps-post", **look)
        band = {"alpha": shade, "color": look["color"], "lw": 0, "step": "post"}
        axes.fill_between(panel.at, 100 * curve.low, 100 * curve.high, **band)
        begins += panel.at[100 * curve.mean <= high][:1].tolist()
        ends += panel.at[np.isfinite(curve.mean)][-1:].tolist()
    if panel.exact and space.facts is not None:
        counts = np.arange(1, len(space.facts.random) + 1)
        axes.plot(counts, 100 * space.facts.random, label=EXACT, color="0.35", lw=1.2, ls=(0, (2, 1)))
    axes.set_xlabel(panel.label)
    _cost_axis(axes, min(begins, default=float(panel.at[0])), max(ends, default=float(panel.at[-1])))


def _cost_axis(axes: Any, begin: float, end: float) -> None:
    """A logarithmic axis from the first to the last place that is shown."""
    if begin > 0:
        style.log_axis(axes.xaxis, (1, 2, 5) if end / begin > 8 else (1, 1.5, 2, 3, 5, 7), powers=range(-6, 12))
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(begin, end if end > begin else begin + 1)


def _known(row: Any, facts: TableFacts) -> None:
    """The optimum of the table and its ceiling, named at the left, where curves are high."""
    best = "optimum" if facts.exhaustive else "best on record"
    for axes in row:
        axes.axhline(100 * facts.optimum, color="0.2", lw=0.7)
        axes.axhline(100 * facts.ceiling, color="0.2", lw=0.7, ls=(0, (1, 2)))
    text = {"fontsize": 6.5, "color": "0.2", "transform": row[0].get_yaxis_transform()}
    row[0].text(0.01, 100 * facts.optimum, f"{best} {facts.optimum:.2%}", va="top", **text)
    row[0].text(0.01, 100 * facts.ceiling, f"ceiling {facts.ceiling:.2%}", va="bottom", **text)
