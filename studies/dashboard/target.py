"""What ``regnas dashboard`` shows: a storage, and perhaps one study of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from regnas.errors import StudyError, UsageError
from regnas.studies.search.identity import folder_name
from regnas.studies.search.study_file import (
    StudyFile,
    check_own,
    folder_named,
    read_study_file,
    storage_of_folder,
)
from regnas.studies.storage.address import address_of
from regnas.studies.storage.open import open_storage, quiet, storage_url, stored_names
from regnas.studies.storage.reading import open_reading, read_study
from regnas.studies.storage.secrets import without_password
from regnas.system.optuna_internals import study_id


@dataclass(frozen=True)
class Target:
    """What is shown.

    Attributes:
        text: the storage as the command line names it.
        out: the output folder, with the artifacts below it.
        study: name of the one study that was asked for, or None.
    """

    storage: BaseStorage
    text: str
    out: Path
    study: str | None = None

    @property
    def path(self) -> str:
        """The page of the study, or of all studies."""
        if self.study is None:
            return "/dashboard"
        with quiet():
            study = optuna.load_study(study_name=self.study, storage=self.storage)
        return f"/dashboard/studies/{study_id(study)}"


def find(study: str | None, storage: str | None, out: Path) -> Target:
    """The storage and the study that the command line means; nothing is made.

    Args:
        study: a study's folder, or its name in the storage.
        storage: an Optuna URL or a journal file; None for that of the study's folder, or the file in ``out``.

    Raises:
        StudyError: there is no storage yet, it holds no study, or not this one.
    """
    place = None if study is None else _folder(study, out)
    file = None if place is None else read_study_file(place)
    name = study if file is None else file.name
    if study is not None and place is not None and folder_named(study) is not None:
        out = place.parent
    text = storage or _of_folder(file) or storage_url(None, out)
    if address_of(text).missing:
        raise StudyError(
            f"there is no storage {_file(text)} yet: regnas search makes one; or name another with --storage, or its "
            f"folder with --out"
        )
    _check_holds(text, name)
    if file is not None and (found := read_study(text, file.name)) is not None:
        check_own(file, found, address_of(text))
    return Target(open_storage(text), text, out, name)


def _of_folder(file: StudyFile | None) -> str | None:
    place = None if file is None else storage_of_folder(file)
    return None if place is None else place.text


def _file(text: str) -> str:
    """A SQLite file or a journal as it was named."""
    return without_password(text).removeprefix("sqlite:///")


def _check_holds(text: str, name: str | None) -> None:
    """Refuse a storage without studies, or without this one: it is looked at before it is opened, which can write."""
    names, shown = stored_names(open_reading(text)), without_password(text)
    if not names:
        raise StudyError(f"{shown} holds no study yet; regnas search makes one")
    if name is not None and name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else f"; it holds {', '.join(names[:5])}"
        raise UsageError(f"there is no study {name!r} in {shown}{hint}")


def _folder(study: str, out: Path) -> Path | None:
    """The folder of a study that is named by it, or by its name."""
    named = folder_named(study)
    for path in (named, out / folder_name(study)):
        if path is not None and (path / "study.json").exists():
            return path
    if named is not None:
        raise UsageError(f"{study} is no study's folder: it has no study.json; name one below regnas-runs")
    return None
