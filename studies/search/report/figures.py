"""Figures of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regnas.measure import in_units_of_time, load
from regnas.studies.reporting import style
from regnas.studies.search.known.beginning import is_fine_tuned
from regnas.studies.search.outcome import Row, value_of
from regnas.studies.search.pareto import front

_NAME = 36  # characters of a network's name in a legend


def progress(rows: Sequence[Row], baselines: Sequence[Row], what: str) -> Any:
    """Every candidate, the best so far, and the best textbook network.

    Args:
        rows: complete ones, in the order of the candidates.
        what: is minimised, in words.
    """
    figure, ((axes,),) = style.new(5.6, 3.2)
    values = np.array([100 * value_of(row) for row in rows])
    places = np.array([row["index"] for row in rows])
    axes.plot(places, values, linestyle="", alpha=0.7, markersize=5, clip_on=False, label="candidates", **style.dot(0))
    axes.step(places, np.minimum.accumulate(values), where="post", label="best so far", **style.line(0))
    shown = list(values)
    if baselines:
        level = 100 * value_of(baselines[0])
        name = style.label(baselines[0]["baseline"], _NAME)
        axes.axhline(level, label=f"best textbook network, {name}", **style.line(1))
        shown.append(level)
    style.error_axis(axes.yaxis, min(shown), max(shown))
    axes.set(xlabel="candidate", ylabel=f"{what} (%)")
    axes.legend(fontsize=7)
    return figure


def against_cost(
    rows: Sequence[Row], baselines: Sequence[Row], measure: str, chosen: str, *, ylabel: str = "error (%)"
) -> Any:
    """Errors against a cost: candidates, textbook networks, those that no other beats in both, the one returned.

    Args:
        rows: complete ones.
        measure: its name; networks whose number is not known are left out.
        chosen: ``candidate 3``, or a textbook network's name.
    """
    scale, unit = _scale(measure)
    figure, ((axes,),) = style.new(5.6, 3.4)
    both: list[Row] = []
    tuned = any(is_fine_tuned(row["baseline"]) for row in baselines)
    known = "textbook and fine-tuned networks" if tuned else "textbook networks"
    for place, (label, some) in enumerate((("candidates", rows), (known, baselines))):
        there = [row for row in some if isinstance(row.get(measure), int | float)]
        both += there
        x, y = [row[measure] / scale for row in there], [100 * row["error"] for row in there]
        if there:
            axes.plot(x, y, linestyle="", markersize=5, alpha=0.6 if place == 0 else 1, label=label, **style.dot(place))
    best = [both[place] for place in front([(row[measure], row["error"]) for row in both])]
    steps = [row[measure] / scale for row in best], [100 * row["error"] for row in best]
    axes.step(*steps, where="post", lw=1, color="0.3", label="no other is better in both")
    for row in both:
        if (row.get("baseline") or f"candidate {row['index']}") == chosen:
            ring: Mapping[str, Any] = {"marker": "o", "markersize": 12, "mfc": "none", "mec": "0.1", "linestyle": ""}
            axes.plot(row[measure] / scale, 100 * row["error"], label=f"returned: {style.label(chosen, _NAME)}", **ring)
    if errors := [100 * row["error"] for row in both]:
        style.error_axis(axes.yaxis, min(errors), max(errors))
    axes.set(xlabel=unit, ylabel=ylabel)
    axes.legend(fontsize=7, loc="best")
    return figure


def _scale(measure: str) -> tuple[float, str]:
    """What its numbers are divided by, and what is then on the axis."""
    known = load(measure)
    if in_units_of_time(measure):
        return 1e-3, f"{measure} (ms)"
    if not known.whole:
        return 1.0, f"{measure} ({known.unit})"
    return 1e6, f"million {known.unit}" if measure == "flops" else f"million {known.name}"
