"""What regnas wrote on a study for the dashboard: nothing is written twice, and nobody else's note is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna

from regnas.studies.dashboard.plotly import PlotlyFigure

ATTRIBUTE = "regnas:dashboard"


@dataclass(frozen=True)
class Written:
    """What was written last.

    Attributes:
        comparison: whose note and figures they are; empty for the study's own.
        note: hash of the note.
        figures: hash of all figures.
        trials: how many were in which state when the study was last prepared, see `trial_states`.
    """

    comparison: str = ""
    note: str = ""
    figures: str = ""
    trials: str = ""


def read(attributes: Mapping[str, Any]) -> Written:
    """What was written on a study with these attributes; nothing where there is none of regnas."""
    try:
        return Written(**json.loads(attributes[ATTRIBUTE]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return Written()


def write(study: optuna.Study, note: str, figures: Mapping[str, PlotlyFigure], *, comparison: str = "") -> None:
    """Write a note and figures on a study.

    A study's own leave those of a comparison alone, and a note that somebody else wrote or changed.

    Args:
        figures: by the identity that the dashboard knows them by; the same one is replaced.
        comparison: the comparison that they are of, for all its studies; empty: the study's own.
    """
    from optuna_dashboard import get_note, save_note, save_plotly_graph_object

    before, there = read(study.user_attrs), get_note(study)
    if before.comparison and not comparison:
        return
    others = bool(there) and _hash([there]) != before.note and not comparison
    if others and not before.note:
        return  # by hand, or by a release that did not keep what it wrote
    if not others and there != note:
        save_note(study, note)
    drawn = _hash(figure.to_json() for figure in figures.values())
    if drawn != before.figures:
        for name, figure in figures.items():
            save_plotly_graph_object(study, figure, graph_object_id=name)
    after = replace(before, comparison=comparison, note=before.note if others else _hash([note]), figures=drawn)
    _keep(study, before, after)


def prepared(study: optuna.Study, trials: str) -> None:
    """Keep that a study was prepared when its trials stood like this."""
    before = read(study.user_attrs)
    _keep(study, before, replace(before, trials=trials))


def _keep(study: optuna.Study, before: Written, after: Written) -> None:
    if after != before:
        study.set_user_attr(ATTRIBUTE, json.dumps(asdict(after)))


def _hash(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
