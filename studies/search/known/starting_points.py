"""Starting points: what baselines that are points of the space say to a strategy that learns.

They stand in the study as trials of other studies do (`regnas.studies.search.known.warm_start`): they count in no
budget, are no candidates, and are not proposed again. Random search and other strategies that do not learn hear
nothing, so that their candidates stay those of the seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from regnas.architecture import canonical
from regnas.baseline import Baseline
from regnas.design_space import Space
from regnas.objective import ERROR
from regnas.sampler import SupportsInner
from regnas.strategy import WARM

_ORIGIN = "baseline:"  # how the mark of their trials begins


def add(study: optuna.Study, space: Space, known: Sequence[Baseline], rows: Sequence[Mapping[str, Any]]) -> int:
    """Tell the study's sampler of trained baselines, each once, however often a search goes on.

    Args:
        rows: results, as of `regnas.studies.search.known.baselines.rows_of`; a baseline without one is left out.

    Returns:
        How many points the sampler has been told now and before.
    """
    if not _learns(study):
        return 0
    results = {row["baseline"]: row for row in rows}
    made = [_trial(one, space, results[one.name]) for one in known if one.params is not None and one.name in results]
    there = {trial.user_attrs.get(WARM) for trial in study.get_trials(deepcopy=False)}
    study.add_trials([trial for trial in made if trial.user_attrs[WARM] not in there])
    return len(made)


def is_one(trial: FrozenTrial) -> bool:
    """Whether a trial is a baseline's, not one of another study."""
    return str(trial.user_attrs.get(WARM, "")).startswith(_ORIGIN)


def _learns(study: optuna.Study) -> bool:
    sampler = study.sampler
    return not isinstance(sampler, SupportsInner) or sampler.inner is not None


def _trial(one: Baseline, space: Space, row: Mapping[str, Any]) -> FrozenTrial:
    point = space.canonical(one.params or {})
    return create_trial(
        state=TrialState.COMPLETE,
        value=row.get("objective", row["error"]),
        params={name: point[name] for name in space.distributions},
        distributions=space.distributions,
        user_attrs={
            WARM: _ORIGIN + one.architecture.key(),
            "architecture": canonical(one.architecture.to_json()),
            **({"diverged": 1} if row["diverged"] else {}),
            **({ERROR: row["error"]} if "objective" in row else {}),
        },
        intermediate_values=dict(enumerate(row["errors"])),
    )
