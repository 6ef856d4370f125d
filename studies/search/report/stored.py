"""A search as its folder and its storage have it: all that its page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.design_space import make_space
from regnas.errors import StudyError, UsageError
from regnas.images import Images
from regnas.studies.search.identity import REMARKS
from regnas.studies.search.outcome import Row, complete_rows, remarks_of, rows_of, value_of
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.search.study_file import study_of
from regnas.system.reading import fields_if_whole

_NEEDED = {"baseline", "error", "architecture", "diverged"}  # of a textbook network in best.json


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredSearch:
    """A search that may have ended.

    Attributes:
        rows: every trial, as `regnas.studies.search.outcome.row_of` has it, in the order of the candidates.
        best: what best.json says; nothing before the search has ended once.
        remarks: what the strategy says of itself, and results of their candidates, in sentences.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]
    rows: list[Row]
    best: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    @property
    def done(self) -> list[Row]:
        """Complete candidates, the best first."""
        return complete_rows(self.rows)

    @property
    def sound(self) -> list[Row]:
        """Those of them whose training stayed finite."""
        return [row for row in self.done if not row["diverged"]]

    @property
    def baselines(self) -> list[Row]:
        """Textbook networks that were trained alike, the best first; those that diverged are left out."""
        listed = self.best.get("baselines")
        rows = listed if isinstance(listed, list) else []
        whole = [row for row in rows if isinstance(row, dict) and _NEEDED <= set(row)]
        return sorted((row for row in whole if not row["diverged"]), key=value_of)

    @property
    def winner(self) -> str:
        """The network that the search returns, in words; that of the best row before it has ended."""
        if "baseline" in self.best:
            return str(self.best["baseline"])
        index = self.best["index"] if "index" in self.best else self.done[0]["index"]
        return f"candidate {index}"


def stored_search(folder: Path, storage: str | None = None) -> StoredSearch:
    """Read a search.

    Args:
        storage: that the user named, if it is not beside the folder.

    Raises:
        UsageError: no study's folder, or its storage is not there.
        StudyError: a study that regnas did not make, or none of whose candidates is complete.
    """
    study = study_of(folder, storage)
    if study is None:
        raise UsageError(f"the storage of the study in {folder} is not there; name it with --storage")
    settings = settings_of(study)
    if settings is None:
        raise StudyError(f"study {study.study_name!r} was not made by regnas; name another one")
    space = make_space(settings["space"]).on(Images.from_json(settings["images"]))
    found = StoredSearch(
        folder=folder,
        name=study.study_name,
        settings=settings,
        rows=rows_of(study, space),
        best=fields_if_whole(folder / "best.json", index=int, validation_error=float) or {},
        remarks=(*map(str, study.user_attrs.get(REMARKS, ())), *remarks_of(study)),
    )
    if not found.sound:
        raise StudyError(f"no candidate of study {found.name!r} is complete with a finite error; go on with its search")
    return found
