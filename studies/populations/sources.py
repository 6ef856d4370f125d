"""Populations by name: a recorded one, a file, a study."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import optuna

from regnas.errors import UsageError
from regnas.studies.populations.files import read_population
from regnas.studies.populations.nds import read_nds
from regnas.studies.populations.population import Population, PopulationError, from_rows
from regnas.studies.recorded.files import RECORDED, recorded_files, recorded_names
from regnas.studies.search.known.enqueue import ENQUEUED
from regnas.studies.search.outcome import rows_of
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.search.study_file import folder_named, read_study_file, study_of
from regnas.studies.storage.open import readable
from regnas.tables.rows import SUFFIXES


def load(text: str, *, force: bool = False, storage: str | None = None) -> list[Population]:
    """The populations that a name on the command line means.

    Args:
        text: ``recorded:DATA/SPACE`` or ``recorded:DATA`` for all its spaces; a CSV, JSONL or NDS file; a study's
            folder.
        force: take the trials of a strategy that is not random, and mark them.
        storage: that the user named: studies of folders are looked for there first.

    Raises:
        PopulationError: there is none, or its trials are not random.
    """
    if text.startswith(RECORDED):
        return [_recorded(name) for name in _matching(text.removeprefix(RECORDED))]
    path = Path(text)
    if (folder := folder_named(path)) is not None:
        return [of_folder(folder, force=force, storage=storage)]
    if not path.exists():
        raise PopulationError(f"there is no population {text}; name a file, a study's folder, or {_offer()}")
    if path.suffix == ".json":
        return [read_nds(path)]
    if not path.name.endswith(SUFFIXES):
        raise PopulationError(f"a population is a file {', '.join(SUFFIXES)} or an NDS file .json, got {text}")
    return [_random_only(read_population(path), force)]


def _matching(name: str) -> list[str]:
    known = recorded_names()
    if name in known:
        return [name]
    below = [one for one in known if one.rpartition("/")[0] == name.rstrip("/")]
    if not below:
        raise PopulationError(f"no recorded population {name!r}; there are {_offer()}")
    return below


def _offer() -> str:
    return ", ".join(f"{RECORDED}{name}" for name in recorded_names()) or "no recorded ones"


def _recorded(name: str) -> Population:
    with as_file(recorded_files()[name]) as path:
        return read_population(path)


def of_folder(folder: Path, *, force: bool = False, storage: str | None = None) -> Population:
    """The population of a study, from its storage, or from its trials.csv where that is not there.

    Args:
        storage: as of `load`.

    Raises:
        PopulationError: no study's folder, or one whose trials are not random.
        StudyError: as `regnas.studies.search.study_file.study_of`.
    """
    if not (folder / "study.json").exists():
        raise PopulationError(f"{folder} is no study's folder: it has no study.json; name one below regnas-runs")
    try:
        read_study_file(folder)
    except UsageError as error:
        raise PopulationError(str(error)) from error
    study = study_of(folder, storage)
    if study is None:
        return _random_only(read_population(folder / "trials.csv"), force)
    return of_study(study, force=force)


def of_study(study: optuna.Study, *, force: bool = False, name: str | None = None) -> Population:
    """The population of an Optuna study that ``regnas search`` or ``regnas compare`` made, without enqueued networks.

    Raises:
        PopulationError: another study, one of an adaptive strategy, or one without a completed trial.
    """
    settings = settings_of(study)
    if settings is None:
        raise PopulationError(f"study {study.study_name!r} was not made by regnas: its regime is unknown")
    with readable(f"of study {study.study_name!r}"):
        rows = _drawn(study, _space_of(settings))
    return _random_only(from_rows(name or settings["space"], rows, settings=settings), force)


def _drawn(study: optuna.Study, space: Any) -> list[dict[str, Any]]:
    """Rows of the trials that a strategy chose."""
    drawn = {trial.number for trial in study.get_trials(deepcopy=False) if ENQUEUED not in trial.user_attrs}
    return [row for row in rows_of(study, space) if row["trial"] in drawn]


def _space_of(settings: dict[str, Any]) -> Any:
    """The space of a study, on its images."""
    from regnas.design_space import make_space
    from regnas.images import Images

    return make_space(settings["space"]).on(Images.from_json(settings["images"]))


def _random_only(population: Population, force: bool) -> Population:
    if pruner := population.settings.get("pruner"):  # no forcing: whoever was trained to the end was chosen
        raise PopulationError(
            f"{population.name} was searched with the pruner {pruner}: only what looked good was trained to its end, "
            f"so its trials are no sample of the space; search without --pruner"
        )
    if screen := population.settings.get("screen"):
        raise PopulationError(
            f"{population.name} was searched with the screen {screen}: only what scored well was trained, so its "
            f"trials are no sample of the space; search without --screen"
        )
    strategy = population.settings.get("strategy", "random")
    mark = f"{population.settings.get('space', population.name)}: trials of {strategy}, no random sample of the space"
    if strategy == "random" or (force and mark in population.marks):
        return population
    if not force:
        raise PopulationError(
            f"{population.name} was searched with {strategy}, which favours good networks: its trials are no random "
            f"sample of the space; search with --strategy random, or --force and every output is marked"
        )
    return replace(population, name=f"{population.name} ({strategy})").marked(mark)


__all__ = ["load", "of_folder", "of_study", "recorded_names", "study_of"]
