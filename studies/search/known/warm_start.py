"""Warm start: a search that learns from the trials of another study, which count in no budget and cannot win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from regnas.architecture import from_json
from regnas.costs import Complexity, complexity_of
from regnas.design_space import Space
from regnas.errors import DataError, InvalidArchitecture, StudyError, UsageError
from regnas.evaluator import rank
from regnas.measure import measured
from regnas.objective import ERROR, Objective, error_of
from regnas.strategy import WARM
from regnas.studies.search.identity import Settings, differing
from regnas.studies.search.known import starting_points
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.search.study_file import folder_named, study_of
from regnas.studies.storage.address import address_of
from regnas.studies.storage.open import readable, stored_names
from regnas.studies.storage.reading import open_reading, read_study
from regnas.system.reading import parse_json

_CONDITIONS = ("data", "fingerprint", "images", "evaluator", "recipe")  # under which an error means the same


@dataclass(frozen=True)
class WarmStart:
    """What another study knows.

    Attributes:
        name: of the study.
        trials: complete ones, made for this study's parameters.
        outside: complete ones that lie outside of this study's ranges and are left out.
        begun: when its own trials began, which tells it from another study of the same name.
    """

    name: str
    trials: tuple[FrozenTrial, ...]
    outside: int = 0
    begun: frozenset[Any] = frozenset()

    def said(self) -> str:
        """What is learned from, in a line."""
        left = f"; {self.outside} outside of this space are left out" if self.outside else ""
        candidates = sum(not starting_points.is_one(trial) for trial in self.trials)
        others = len(self.trials) - candidates
        of_baselines = f" and {others} of its baselines" if others else ""
        return f"learning from {candidates} trials{of_baselines} of study {self.name!r}{left}"


def recipe_of(text: str | Path | None, storage: str) -> dict[str, Any]:
    """The recipe of the study that is learned from: one that learns goes by it in all that its user does not say.

    Raises:
        StudyError: there is no such study.
    """
    recipe = {} if text is None else (settings_of(_study(str(text), storage)) or {}).get("recipe")
    return recipe if isinstance(recipe, dict) else {}


def read(
    text: str | Path | None, storage: str, asked: Settings, space: Space, objective: Objective | None = None
) -> WarmStart | None:
    """The trials of another study, checked against the one that is to learn from them; None where none is named.

    Args:
        text: the other study's folder, or its name in ``storage``.
        asked: settings of the study that is to learn.
        objective: of that study: what is learned is the objective of every network, whatever the other one minimised.

    Raises:
        StudyError: there is no such study, it was evaluated in another way, or has other parameters.
    """
    if text is None:
        return None
    study, settings = _study(str(text), storage), asked.to_json()
    stored = settings_of(study)
    if not stored:
        raise StudyError(f"study {study.study_name!r} was not made by regnas search: how it was evaluated is unknown")
    different = differing(_conditions(stored), _conditions(settings))
    if different:
        raise StudyError(
            f"cannot start from study {study.study_name!r}: it was evaluated in another way ({'; '.join(different)})"
        )
    with readable(storage):
        found = [trial for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if _known(trial)]
    if not found:
        raise StudyError(f"cannot start from study {study.study_name!r}: none of its trials is complete")
    made = [_made(trial, study.study_name, space, objective) for trial in found]
    inside = [trial for trial in made if trial is not None]
    if not inside:
        raise StudyError(f"cannot start from study {study.study_name!r}: all its trials lie outside {space.spec}")
    begun = frozenset(trial.datetime_start for trial in found if "index" in trial.user_attrs)
    return WarmStart(study.study_name, tuple(inside), len(made) - len(inside), begun)


def add(study: optuna.Study, warm: WarmStart) -> None:
    """Put the trials into a study, each once, however often the search goes on.

    Raises:
        StudyError: it is the same study.
    """
    own = [trial for trial in study.get_trials(deepcopy=False) if "index" in trial.user_attrs]
    if study.study_name == warm.name and any(trial.datetime_start in warm.begun for trial in own):
        raise StudyError(f"study {warm.name!r} cannot start from itself: the same command without --warm-start goes on")
    there = {trial.user_attrs.get(WARM) for trial in study.get_trials(deepcopy=False)}
    study.add_trials([trial for trial in warm.trials if trial.user_attrs[WARM] not in there])


def of_study(study: optuna.Study) -> list[FrozenTrial]:
    """The trials of other studies that a study was started with, the best first."""
    trials = study.get_trials(deepcopy=False)
    found = [trial for trial in trials if WARM in trial.user_attrs and not starting_points.is_one(trial)]
    return sorted(found, key=lambda trial: rank(trial.value or 0.0, trial.number, trial.user_attrs.get("diverged")))


def _study(text: str, storage: str) -> optuna.Study:
    if (folder := folder_named(text)) is not None:
        study = study_of(folder, storage)
        if study is None:
            raise StudyError(f"cannot start from {text}: its storage is not there, or holds it no longer")
        return study
    place = address_of(storage)
    if place.missing:
        raise UsageError(
            f"--warm-start names a study's folder, or a study in {place.shown}, which is not there: {text!r}"
        )
    if (found := read_study(storage, text)) is not None:
        return found
    names = stored_names(open_reading(storage))
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise UsageError(
        f"there is no study {text!r} in {place.shown}, and no such folder; studies there: {listed or 'none'}"
    )


def _conditions(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings.get(name) for name in _CONDITIONS}


def _known(trial: FrozenTrial) -> bool:
    return "index" in trial.user_attrs or WARM in trial.user_attrs


def _made(trial: FrozenTrial, name: str, space: Space, objective: Objective | None) -> FrozenTrial | None:
    """The trial as one of another study of this space, or None where it lies outside of its ranges."""
    laws = space.distributions
    where = f"cannot start from study {name!r}"
    if set(trial.params) != set(laws):
        has, asked = ", ".join(sorted(trial.params)), ", ".join(sorted(laws))
        raise StudyError(f"{where}: its parameters are {has}, those of {space.spec} are {asked}")
    point = space.canonical(trial.params)
    active = space.active(point)
    if any(not space.dimensions[free].contains(trial.params[free]) for free in laws if free in active):
        return None
    stored = trial.user_attrs.get("architecture")
    if stored is None or not _same(stored, point, space):
        raise StudyError(f"{where}: the same parameters are other networks in {space.spec}")
    error = error_of(trial)
    value = error if objective is None or error is None else objective.value(error, _costs(point, space))
    return create_trial(
        state=TrialState.COMPLETE,
        value=value,
        params={free: trial.params[free] if free in active else point[free] for free in laws},
        distributions=laws,
        user_attrs={
            WARM: trial.user_attrs.get(WARM, f"{name}:{trial.number}"),
            "architecture": stored,
            **({"diverged": 1} if trial.user_attrs.get("diverged") else {}),
            **({} if objective is None else {ERROR: error}),
        },
        intermediate_values=trial.intermediate_values,
    )


def _costs(point: dict[str, Any], space: Space) -> Complexity:
    """What the network of a point costs, in the window or not."""
    architecture = space.decode(point)
    costs = complexity_of(architecture, space.resolution)
    for name in space.measures:
        costs = costs | {name: measured(name, architecture, space.images, space.device)}
    return costs


def _same(stored: str, point: dict[str, Any], space: Space) -> bool:
    try:
        return space.decode(point).key() == from_json(parse_json(stored, "a stored network")).key()
    except (InvalidArchitecture, DataError):
        return False
