"""The populations that come with regnas: which there are, and each as a table."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable

from regnas.tables.files import read_trainings
from regnas.tables.trainings import Trainings

RECORDED = "recorded:"
_SUFFIX = ".csv.gz"


class RecordedTables:
    """The entry point: ``table:recorded:DATA/SPACE``."""

    @property
    def data(self) -> list[str]:
        return recorded_names()

    def trainings(self, data: str) -> Trainings:
        with as_file(recorded_files()[data]) as path:
            return read_trainings(path, f"{RECORDED}{data}")


def recorded_names() -> list[str]:
    """Names of the populations that come with regnas: ``DATA/SPACE``."""
    return sorted(recorded_files())


def recorded_files() -> dict[str, Traversable]:
    """Their files by name."""
    return dict(_walk(files("regnas.studies.recorded"), ""))


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield f"{path}{entry.name.removesuffix(_SUFFIX)}", entry
