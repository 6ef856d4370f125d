"""study.json, which a study's folder is known by: it names the study, its storage, and an identity that both have.

The storage is named relative to the folder where it lies beside or below it: a folder that was moved, copied or
archived with it reads its own. What it names elsewhere is followed only when the user names it, too.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from regnas.errors import DataError, StudyError, UsageError
from regnas.studies.search.identity import differing
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.storage.address import Address, address_at, address_beside, address_of
from regnas.studies.storage.reading import read_study
from regnas.system.files import write_json
from regnas.system.reading import read_fields

NAME = "study.json"
IDENTITY = "regnas:id"  # a user attribute of the study


@dataclass(frozen=True)
class StudyFile:
    """What a study's folder says of itself.

    Attributes:
        storage: relative to the folder; in one of an earlier release, relative to where its search was started.
        identity: made once for each study; None in one of an earlier release.
    """

    folder: Path
    name: str
    storage: str
    settings: Mapping[str, Any]
    identity: str | None = None


def identified(study: optuna.Study) -> str:
    """The identity of a study, which is given one where it has none."""
    if IDENTITY not in study.user_attrs:
        study.set_user_attr(IDENTITY, uuid.uuid4().hex)
    return str(study.user_attrs[IDENTITY])


def write_study_file(folder: Path, study: optuna.Study, storage: str, settings: Mapping[str, Any]) -> None:
    """Keep what the folder is of.

    Args:
        storage: as the command line names it.
    """
    kept = {"name": study.study_name, "id": identified(study), "storage": _relative(storage, folder)}
    write_json(folder / NAME, {**kept, "settings": settings})


def read_study_file(folder: Path) -> StudyFile:
    """What a folder's study.json says.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    try:
        stored = read_fields(folder / NAME, name=str, storage=str, id=str | None, settings=dict | None)
    except DataError as error:
        raise UsageError(f"{folder} is no study's folder ({error}); name one below regnas-runs") from error
    return StudyFile(folder, stored["name"], stored["storage"], stored["settings"] or {}, stored["id"])


def folder_named(text: str | Path) -> Path | None:
    """The folder that a user names, by itself or by its study.json; None where it is none."""
    path = Path(text)
    if path.name == NAME and path.is_file():
        return path.parent
    return path if path.is_dir() else None


def study_of(folder: Path, storage: str | None = None) -> optuna.Study | None:
    """The Optuna study of a study's folder, to be read alone; None where its storage is a file that is not there, or
    does not hold it.

    Args:
        storage: that the user named: it is looked into first, wherever it is.

    Raises:
        UsageError: study.json cannot be read.
        StudyError: it names a storage elsewhere, or one that cannot be opened; or what is there is the study of another
            run.
    """
    file = read_study_file(folder)
    if storage is not None and not address_of(storage).missing:
        named = read_study(storage, file.name)
        if named is not None and is_own(file, named):
            return named
    place = storage_of_folder(file)
    found = None if place is None else read_study(place.text, file.name)
    if place is not None and found is not None:
        check_own(file, found, place)
    return found


def storage_of_folder(file: StudyFile) -> Address | None:
    """The storage that a study's folder names; None where it is a file that is not there.

    Raises:
        StudyError: it is there, but not beside or below the folder: it is not followed.
    """
    elsewhere = None
    for candidate in _candidates(file):
        if candidate.missing:
            continue
        if candidate.file is not None and _inside(candidate.file, file.folder):
            return candidate
        elsewhere = candidate
    if elsewhere is None:
        return None
    raise StudyError(
        f"{file.folder / NAME} names the storage {elsewhere.shown}, which is not beside its folder and is not followed "
        f"unasked; give the storage of this study with --storage"
    )


def is_own(file: StudyFile, study: optuna.Study) -> bool:
    """Whether a study of the folder's name is the one that the folder is of."""
    identity = study.user_attrs.get(IDENTITY)
    if file.identity is not None or identity is not None:
        return bool(file.identity == identity)
    stored = settings_of(study)  # both are of an earlier release
    return bool(file.settings) and stored is not None and not differing(stored, file.settings)


def check_own(file: StudyFile, study: optuna.Study, place: Address) -> None:
    """Refuse a study that has the folder's name and is of another run.

    Raises:
        StudyError: it is.
    """
    if not is_own(file, study):
        raise StudyError(
            f"{place.shown} holds a study {file.name!r} of another run, not that of {file.folder}; give the storage of "
            f"this one with --storage, or read its {file.folder / 'trials.csv'}"
        )


def _candidates(file: StudyFile) -> Iterator[Address]:
    """Where the storage of a folder may be."""
    if file.identity is not None:
        yield address_beside(file.storage, file.folder)
        return
    written = address_of(file.storage)
    yield written
    if written.file is not None:  # the folder may have been moved with it, or be read from elsewhere
        for beside in (file.folder.parent, file.folder):
            moved = beside.absolute() / written.file.name
            yield address_at(moved, written.kind)


def _inside(file: Path, folder: Path) -> bool:
    """Whether a file lies below a folder or the one that this is in."""
    place = file.resolve()
    return place.is_relative_to(_parent(folder)) or place.is_relative_to(folder.resolve())


def _parent(folder: Path) -> Path:
    return Path(os.path.abspath(folder)).parent.resolve()


def _relative(storage: str, folder: Path) -> str:
    """A storage as study.json names it: relative to its folder where it is beside or below it."""
    address = address_of(storage)
    if address.file is None:
        return address.kept
    place = address.file.resolve()
    if place.is_relative_to(_parent(folder)):
        place = Path(os.path.relpath(place, _parent(folder) / folder.absolute().name))
    elif place.is_relative_to(folder.resolve()):
        place = place.relative_to(folder.resolve())
    return address_at(place, address.kind).text
