"""Plotly figures as JSON: the dashboard asks for no more, so Plotly is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from regnas.studies.reporting.style import COLOURS


class PlotlyFigure:
    """Traces and a layout, as optuna-dashboard takes them."""

    def __init__(self, data: list[dict[str, Any]], layout: dict[str, Any]) -> None:
        self._text = json.dumps({"data": data, "layout": layout}, allow_nan=False)

    def to_json(self) -> str:
        """The figure as Plotly's JSON."""
        return self._text


def layout(title: str, small: Iterable[str], x: str, y: str, **axis: Any) -> dict[str, Any]:
    """A title with smaller lines below it, and two axes; ``axis`` says more of the horizontal one."""
    below = "".join(f"<br><sub>{line}</sub>" for line in small)
    return {"title": {"text": title + below}, "xaxis": {"title": {"text": x}, **axis}, "yaxis": {"title": {"text": y}}}


def line(name: str, place: int, x: list[float], y: list[float], **look: Any) -> dict[str, Any]:
    """A line in the colour of its place; ``look`` is Plotly's, such as ``shape="hv"``."""
    style = {"color": COLOURS[place % len(COLOURS)], **look}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style}


def short(values: Iterable[float]) -> list[float]:
    """Few digits: the storage keeps figures in pieces of two thousand characters."""
    return [float(f"{value:.5g}") for value in values]
