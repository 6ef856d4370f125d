"""What ``regnas dashboard`` shows: a storage, and perhaps one study of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from regnas.errors import DataError, StudyError, UsageError
from regnas.studies.search.identity import folder_name
from regnas.studies.storage.compatibility import without_password
from regnas.studies.storage.open import open_storage, quiet, storage_url, stored_names
from regnas.system.optuna_internals import study_id
from regnas.system.reading import read_fields


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
    name, kept = (study, None) if place is None else _stored(place)
    if study is not None and place is not None and Path(study).is_dir():
        out = place.parent
    text = storage or kept or storage_url(None, out)
    _check_there(text)
    opened = open_storage(text)
    with quiet():
        names = stored_names(opened)
    shown = without_password(text)
    if not names:
        raise StudyError(f"{shown} holds no study yet; regnas search makes one")
    if name is not None and name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else f"; it holds {', '.join(names[:5])}"
        raise UsageError(f"there is no study {name!r} in {shown}{hint}")
    return Target(opened, text, out, name)


def _folder(study: str, out: Path) -> Path | None:
    """The folder of a study that is named by it, or by its name."""
    for path in (Path(study), out / folder_name(study)):
        if (path / "study.json").exists():
            return path
    if Path(study).is_dir():
        raise UsageError(f"{study} is no study's folder: it has no study.json; name one below regnas-runs")
    return None


def _stored(folder: Path) -> tuple[str, str]:
    """Name and storage of the study of a folder."""
    try:
        stored = read_fields(folder / "study.json", name=str, storage=str)
    except DataError as error:
        raise StudyError(f"{error}; name the study and its --storage") from error
    return stored["name"], stored["storage"]


def _check_there(text: str) -> None:
    """A storage that is a file is opened only where it is: opening would make it."""
    file = text.removeprefix("sqlite:///")
    if "://" not in file and not Path(file).exists():
        raise StudyError(
            f"there is no storage {file} yet: regnas search makes one; or name another with --storage, or its folder "
            f"with --out"
        )
