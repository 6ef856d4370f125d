"""What a study goes on with as it began: its version of the stream of candidates, recipe, window and pruner."""

from __future__ import annotations

from typing import Any

import optuna

from regnas.candidate import STREAM_VERSIONS
from regnas.pruner import NONE
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.storage.open import find_study


def version_of(study: optuna.Study) -> int | None:
    """The version that a study's settings say; None where they say none that this release has."""
    stored = (settings_of(study) or {}).get("stream_version")
    return stored if stored in STREAM_VERSIONS else None


def stored_version(storage: str, *names: str) -> int | None:
    """The version of the first of these studies that is there; None where none is.

    Raises:
        StudyError: the storage cannot be opened.
    """
    for name in names:
        study = find_study(storage, name)
        if study is not None:
            return version_of(study)
    return None


def stored_recipe(storage: str, *names: str) -> dict[str, Any]:
    """The recipe of the first of these studies that is there; empty where none is, or it says none.

    Raises:
        StudyError: the storage cannot be opened.
    """
    recipe = next(filter(None, (_stored(storage, name) for name in names)), {}).get("recipe")
    return recipe if isinstance(recipe, dict) else {}


def stored_space(storage: str, name: str) -> str | None:
    """The space of a study, as its spec; None where there is no such study.

    Raises:
        StudyError: the storage cannot be opened.
    """
    return _stored(storage, name).get("space")


def stored_pruner(storage: str, name: str) -> str | None:
    """The pruner of a study; None where there is no such study.

    Raises:
        StudyError: the storage cannot be opened.
    """
    stored = _stored(storage, name)
    return stored.get("pruner", NONE) if stored else None


def stored_window(storage: str, name: str) -> str | None:
    """The window of a study in words, as `str` of one; None where there is no such study.

    Raises:
        StudyError: the storage cannot be opened.
    """
    return _stored(storage, name).get("window")


def _stored(storage: str, name: str) -> dict[str, Any]:
    study = find_study(storage, name)
    return {} if study is None else settings_of(study) or {}
