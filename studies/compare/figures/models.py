"""The models as points: error against parameters and complexity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from regnas.studies.compare.analysis import Comparison, Summary
from regnas.studies.reporting import style

_COLUMNS = 5
_LOG_RATIO = 8  # a positive quantity that spans more than this is drawn on a log axis
_TITLE = 54  # characters of a name above all panels
_ACROSS = 33  # characters of 7 points above a panel
_REACH = 0.98  # share of the models that the error axis shows


def parameters(summary: Summary) -> Any:
    """Error against every quantity of the networks; shaded where the best of a quarter of the models has it.

    All panels share one pair of axes: thirty axes with ticks of their own take seconds to draw.
    """
    names = list(summary.columns)
    rows = max(1, math.ceil(len(names) / _COLUMNS))
    width, height = 2.0 * _COLUMNS + 0.5, 1.7 * rows + 0.45
    figure, ((axes,),) = style.new(width, height, layout=None)
    figure.subplots_adjust(left=0.45 / width, right=1 - 0.05 / width, bottom=0.05 / height, top=1 - 0.35 / height)
    axes.set(xlim=(0, _COLUMNS), ylim=(rows, 0))
    axes.axis("off")
    for place, name in enumerate(names):
        _panel(axes, summary, name, place % _COLUMNS, place // _COLUMNS)
    above = int((summary.population.error > np.quantile(summary.population.error, _REACH)).sum())
    name = style.label(summary.population.name, _TITLE)
    text = f"{name}: the value of the best model by empirical bootstrap (shaded: 95 %, line: median){_beyond(above)}"
    figure.text(0.5, 1 - 0.06 / height, text, ha="center", va="top", fontsize=9)
    figure.text(0.1 / width, 0.5, "error (%)", rotation=90, va="center", fontsize=8)
    return figure


def _panel(axes: Any, summary: Summary, name: str, column: int, row: int) -> None:
    """One quantity in the cell (column, row): points, range, and the ends of both axes."""
    values, found = summary.columns[name], summary.ranges[name]
    errors = 100 * summary.population.error
    low, high = float(errors.min()), float(np.quantile(errors, _REACH))
    log = values.min() > 0 and values.max() / values.min() > _LOG_RATIO
    scaled = np.log(values) if log else values
    start, span = float(scaled.min()), float(np.ptp(scaled)) or 1.0
    left, width, top, bottom = column + 0.08, 0.86, row + 0.17, row + 0.84

    def x(value: Any) -> Any:
        return left + width * (0.03 + 0.94 * ((np.log(value) if log else value) - start) / span)

    shown = errors <= high
    floor = bottom - 0.04 * (bottom - top)  # the best model stands off the axis
    heights = floor - (floor - top) * (errors[shown] - low) / max(high - low, 1e-9)
    axes.fill_between([x(found.low), x(found.high)], top, bottom, color=style.COLOURS[0], alpha=0.15, lw=0)
    axes.plot([x(found.middle)] * 2, [top, bottom], color="0.1", lw=1)
    axes.plot(x(values[shown]), heights, "o", ms=3.2, color=style.COLOURS[1], alpha=0.6, mew=0)
    axes.plot([left, left, left + width], [top, bottom, bottom], color="0.3", lw=0.8)
    axes.text(left, top - 0.03, name, fontsize=min(7.5, 7.5 * _ACROSS / len(name)), va="bottom")
    ends = {"fontsize": 6, "color": "0.35"}
    axes.text(x(values.min()), bottom + 0.03, _number(values.min()), va="top", ha="left", **ends)
    axes.text(x(values.max()), bottom + 0.03, _number(values.max()), va="top", ha="right", **ends)
    if log:
        axes.text(left + width / 2, bottom + 0.03, "log", va="top", ha="center", **ends)
    if column == 0:
        axes.text(left - 0.02, bottom, f"{low:.0f}", ha="right", va="bottom", **ends)
        axes.text(left - 0.02, top, f"{high:.0f}", ha="right", va="top", **ends)


def _number(value: float) -> str:
    """Three digits, with k or M."""
    for scale, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{unit}"
    return f"{value:.3g}"


def complexity(comparison: Comparison) -> Any | None:
    """Error against every measure that is known of all models, with each space's efficient front; None for none."""
    columns = [one.population.costs for one in comparison.summaries]
    known = [name for name in columns[0] if all(name in one and np.isfinite(one[name]).all() for one in columns)]
    if not known:
        return None
    figure, (row,) = style.new(3.3 * len(known) + 1 + style.outside(comparison.called), 3.4, 1, len(known), sharey=True)
    top = max(float(np.quantile(one.population.error, _REACH)) for one in comparison.summaries)
    least = min(one.least for one in comparison.summaries)
    names = [style.label(name) for name in comparison.called]
    for axes, name in zip(row, known, strict=True):
        for place, one in enumerate(comparison.summaries):
            cost, errors = columns[place][name], 100 * one.population.error
            look = style.dot(place)
            axes.plot(cost, errors, linestyle="", ms=3.2, alpha=0.5, mew=0, label=names[place], **look)
            front = efficient_front(cost, errors)
            # A front holds for every larger budget, too: it goes on to the largest model.
            steps = np.append(cost[front], cost.max()), np.append(errors[front], errors[front][-1])
            axes.plot(*steps, drawstyle="steps-post", lw=1.3, **style.line(place))
        _cost_axis(axes, name, np.concatenate([one[name] for one in columns]))
    style.error_axis(row[0].yaxis, 100 * least, 100 * top)
    row[0].set_ylabel("error (%)")
    above = sum(int((one.population.error > top).sum()) for one in comparison.summaries)
    style.note(row[0], f"lines: the efficient fronts{_beyond(above)}")
    row[-1].legend(fontsize=7, markerscale=1.6, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _beyond(above: int) -> str:
    """How many models an axis leaves out."""
    return f"; {above} model{'s lie' if above > 1 else ' lies'} above" if above else ""


def efficient_front(cost: Any, errors: Any) -> Any:
    """Places of the models that no model of less or equal cost beats, by cost."""
    order = np.lexsort((errors, cost))
    best = np.minimum.accumulate(errors[order])
    keep = np.append(True, best[1:] < best[:-1])
    return order[keep]


def _cost_axis(axes: Any, name: str, costs: Any) -> None:
    """A readable axis of a complexity: in thousands or millions, logarithmic where it spans much."""
    high = float(costs.max())
    power, unit = (6, " (millions)") if high > 1e6 else (3, " (thousands)") if high > 1e3 else (0, "")
    if costs.min() > 0 and high / costs.min() > _LOG_RATIO:
        style.log_axis(axes.xaxis, (1, 2, 5), powers=range(-1, 16))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 10**power:g}")
    axes.set_xlabel(name + unit)
