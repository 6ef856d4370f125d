"""A comparison in the Optuna dashboard: a note and two figures on every study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import optuna

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.figures.style import COLOURS
from regnas.studies.compare.markdown import markdown
from regnas.studies.storage import quiet


class _Figure:
    """A Plotly figure as its JSON: the dashboard asks for no more, so Plotly is not needed."""

    def __init__(self, data: list[dict[str, Any]], layout: dict[str, Any]) -> None:
        self._text = json.dumps({"data": data, "layout": layout}, allow_nan=False)

    def to_json(self) -> str:
        return self._text


def attach(comparison: Comparison, studies: Sequence[optuna.Study]) -> bool:
    """Put the summary, the error distributions and the efficiency curves on the studies.

    Returns:
        False where optuna-dashboard (extra ``dashboard``) is not installed: there is nothing to show them.
    """
    try:
        from optuna_dashboard import save_note, save_plotly_graph_object
    except ImportError:
        return False
    note = markdown(comparison)
    figures: dict[str, Any] = {"edf": _edf(comparison), "efficiency": _efficiency(comparison)}
    with quiet():
        for study in studies:
            save_note(study, note)
            for name, figure in figures.items():
                save_plotly_graph_object(study, figure, graph_object_id=name)
    return True


def _layout(comparison: Comparison, title: str, x: str, y: str, **axis: Any) -> dict[str, Any]:
    marks = "".join(f"<br><sub>NOTE: {mark}</sub>" for mark in dict.fromkeys(comparison.marks))
    return {"title": {"text": title + marks}, "xaxis": {"title": {"text": x}, **axis}, "yaxis": {"title": {"text": y}}}


def _line(name: str, place: int, x: list[float], y: list[float], **look: Any) -> dict[str, Any]:
    style = {"color": COLOURS[place % len(COLOURS)], **look}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style}


def _edf(comparison: Comparison) -> _Figure:
    lines = [
        _line(
            one.population.name,
            place,
            _short(100 * one.distribution.at),
            _short(one.distribution.normalised),
            shape="hv",
        )
        for place, one in enumerate(comparison.summaries)
    ]
    return _Figure(lines, _layout(comparison, "Error distributions", "error (%)", "share of models below"))


def _efficiency(comparison: Comparison) -> _Figure:
    lines = []
    for place, one in enumerate(comparison.summaries):
        curve = one.curve
        lines.append(_line(one.population.name, place, curve.sizes.tolist(), _short(100 * curve.expected)))
    title = f"Expected error of the best of m random models (trusted up to a quarter of {_models(comparison)})"
    return _Figure(lines, _layout(comparison, title, "m", "error (%)", type="log"))


def _models(comparison: Comparison) -> int:
    return min(len(one.population) for one in comparison.summaries)


def _short(values: Any) -> list[float]:
    """Few digits: the storage keeps figures in pieces of two thousand characters."""
    return [float(f"{value:.5g}") for value in values]
