"""A comparison in the Optuna dashboard: a note and two figures on every study."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from regnas.errors import HostError
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.report.markdown import markdown
from regnas.studies.dashboard.host import require_dashboard
from regnas.studies.dashboard.plotly import PlotlyFigure, layout, line, short
from regnas.studies.dashboard.written import write
from regnas.studies.storage.open import quiet


def attach(comparison: Comparison, studies: Sequence[optuna.Study]) -> bool:
    """Put the summary, the error distributions and the efficiency curves on the studies.

    Returns:
        False where optuna-dashboard (extra ``dashboard``) is not installed: there is nothing to show them.
    """
    try:
        require_dashboard()
    except HostError:
        return False
    note = markdown(comparison)
    figures = {"edf": _edf(comparison), "efficiency": _efficiency(comparison)}
    with quiet():
        for study in studies:
            write(study, note, figures, comparison=comparison.name)
    return True


def _notes(comparison: Comparison) -> list[str]:
    return [f"NOTE: {mark}" for mark in dict.fromkeys(comparison.marks)]


def _edf(comparison: Comparison) -> PlotlyFigure:
    lines = [
        line(
            comparison.called[place],
            place,
            short(100 * one.distribution.at),
            short(one.distribution.normalised),
            shape="hv",
        )
        for place, one in enumerate(comparison.summaries)
    ]
    shown = layout("Error distributions", _notes(comparison), "error (%)", "share of models below")
    return PlotlyFigure(lines, shown)


def _efficiency(comparison: Comparison) -> PlotlyFigure:
    lines = []
    for place, one in enumerate(comparison.summaries):
        curve = one.curve
        lines.append(line(comparison.called[place], place, curve.sizes.tolist(), short(100 * curve.expected)))
    title = f"Expected error of the best of m random models (trusted up to a quarter of {_models(comparison)})"
    return PlotlyFigure(lines, layout(title, _notes(comparison), "m", "error (%)", type="log"))


def _models(comparison: Comparison) -> int:
    return min(len(one.population) for one in comparison.summaries)
