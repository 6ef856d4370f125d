"""The two figures of a study: how its errors are distributed, and how good the best of so many networks is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas.statistics.best_of import TRUSTED_SHARE, expected_best
from regnas.statistics.edf import dkw_half_width, edf
from regnas.studies.dashboard.evaluations import Evaluation
from regnas.studies.dashboard.plotly import PlotlyFigure, layout, line, short
from regnas.studies.search.stored_settings import biased

_POINTS = 300  # of a line: a storage keeps figures in small pieces
ERROR, OBJECTIVE = "validation error (%)", "objective (%)"


def figures(evaluations: list[Evaluation], settings: Mapping[str, Any]) -> dict[str, PlotlyFigure]:
    """Both figures by the names that the dashboard knows them by; none without an evaluation to show.

    Args:
        evaluations: complete ones, in the order of the candidates.
    """
    if not evaluations:
        return {}
    reason, shown = biased(settings), evaluations
    notes = [reason] if reason else []
    if not reason:  # what the user enqueued was not drawn
        shown = [one for one in evaluations if not one.chosen]
        if len(shown) < len(evaluations):
            notes = [f"without {len(evaluations) - len(shown)} networks that were enqueued, not drawn"]
        if not shown:
            return {}
    errors = np.array([one.error for one in shown])
    drawn = _edf(errors, settings["space"], notes, random=not reason)
    best = _so_far(shown, notes) if reason else _efficiency(errors, notes)
    return {"edf": drawn, "efficiency": best}


def _edf(errors: Any, space: str, notes: list[str], *, random: bool) -> PlotlyFigure:
    """The share of networks with at most an error; with the band of Dvoretzky, Kiefer and Wolfowitz."""
    at = np.unique(errors)
    at = at[np.unique(np.linspace(0, len(at) - 1, _POINTS).round().astype(int))]
    share = edf(errors, np.nextafter(at, np.inf))  # F counts what is below, a step shows what is reached
    x, y = short(100 * np.concatenate([at[:1], at])), short(np.concatenate([[0.0], share]))
    lines = [line("networks", 0, x, y, shape="hv")]
    if random:
        half = dkw_half_width(len(errors))
        lines = [*_band(x, [max(0.0, v - half) for v in y], [min(1.0, v + half) for v in y]), *lines]
        notes = [
            *notes,
            "shaded: where the distribution of the whole space lies, with 95 % for all errors at once (DKW)",
        ]
    title = f"Errors of {len(errors)} {'random ' if random else ''}networks of {space}"
    shown = layout(title, notes, ERROR, "share of networks up to this error")
    return PlotlyFigure(lines, shown | {"showlegend": False})


def _band(x: list[float], low: list[float], high: list[float]) -> list[dict[str, Any]]:
    look: dict[str, Any] = {"shape": "hv", "width": 0}
    hidden = {"hoverinfo": "skip", "showlegend": False}
    shade = {"fill": "tonexty", "fillcolor": "rgba(0, 114, 178, 0.18)"}
    return [line("", 0, x, short(low), **look) | hidden, line("", 0, x, short(high), **look) | hidden | shade]


def _efficiency(errors: Any, notes: list[str]) -> PlotlyFigure:
    """Expected error of the best of m random networks, dotted beyond what so many can tell."""
    count = len(errors)
    sizes = np.unique(np.geomspace(1, count, 60).round().astype(int))
    expected = expected_best(errors, sizes)
    trusted = sizes <= max(1, TRUSTED_SHARE * count)
    last = int(np.flatnonzero(trusted)[-1])
    lines = [
        _curve("up to a quarter", sizes[: last + 1], expected[: last + 1], "solid"),
        _curve("beyond: extrapolated", sizes[last:], expected[last:], "dot"),
    ]
    small = [*notes, f"dotted: beyond a quarter of the {count} networks, which are too few to tell"]
    axes = ("random networks m", "expected error of the best of m (%)")
    shown = layout("Random-search efficiency", small, *axes, type="log")
    return PlotlyFigure(lines, shown | {"legend": {"x": 1, "xanchor": "right", "y": 1}})


def _curve(name: str, sizes: Any, values: Any, dash: str) -> dict[str, Any]:
    return line(name, 0, sizes.tolist(), short(100 * values), dash=dash)


def _so_far(evaluations: list[Evaluation], notes: list[str]) -> PlotlyFigure:
    """The best error so far, or the best objective, against the number of candidates."""
    sound = [one for one in evaluations if not one.diverged] or evaluations
    best = np.minimum.accumulate([one.value for one in sound])
    keep = np.flatnonzero(np.diff(best, prepend=np.inf, append=-np.inf))[:-1]
    x = [sound[i].index + 1 for i in keep] + [evaluations[-1].index + 1]
    y = short(100 * best[[*keep, len(best) - 1]])
    lines = [line("best so far", 0, [float(value) for value in x], y, shape="hv")]
    what, axis = ("error", ERROR) if sound[0].objective is None else ("objective", OBJECTIVE)
    return PlotlyFigure(lines, layout(f"Best {what} so far", notes, "candidates", axis))
