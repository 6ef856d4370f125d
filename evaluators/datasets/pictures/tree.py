"""A folder with its pictures, read once: what is hidden or no picture is counted and left out."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

# Formats that Pillow recognises and does not draw, or draws by running another program.
_NOT_DRAWN = {"BUFR", "EPS", "FPX", "GRIB", "HDF5", "MIC", "MPEG", "WMF"}
_NEVER = {"__MACOSX", "__pycache__", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"}
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder that is not hidden.

    Attributes:
        pictures: files that lie in it and have a picture's suffix, sorted.
        skipped: how many others lie in it, by suffix or as what they are.
    """

    path: Path
    folders: tuple[Folder, ...] = ()
    pictures: tuple[Path, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    @cached_property
    def count(self) -> int:
        """Pictures at any depth."""
        return len(self.pictures) + sum(one.count for one in self.folders)

    @property
    def filled(self) -> tuple[Folder, ...]:
        """The folders in it that hold pictures at any depth."""
        return tuple(one for one in self.folders if one.count)

    @property
    def everything(self) -> list[Path]:
        """Pictures at any depth, sorted."""
        return sorted([*self.pictures, *(file for one in self.folders for file in one.everything)])

    @property
    def all_skipped(self) -> Counter[str]:
        """What is left out at any depth."""
        return sum((one.all_skipped for one in self.folders), self.skipped)

    def drawn(self, depth: int = 2) -> str:
        """The folder in a line: its folders with what they hold."""
        inside = [one.drawn(depth - 1) for one in self.folders[:_SHOWN]] if depth else []
        if depth and len(self.folders) > _SHOWN:
            inside.append(f"{len(self.folders) - _SHOWN} more folders")
        if self.pictures or not inside:
            inside.append(f"{len(self.pictures) if depth else self.count} pictures")
        return f"{self.path.name or self.path.resolve().name}/ ({', '.join(inside)})"


@cache
def suffixes() -> frozenset[str]:
    """The suffixes of files that Pillow reads, in lower case."""
    from PIL import Image

    formats = Image.registered_extensions()
    return frozenset(one for one, name in formats.items() if name in Image.OPEN and name not in _NOT_DRAWN)


def scanned(path: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Folder:
    """Read a folder and all below it; links are followed, but not into a folder that they lie in.

    Args:
        above: device and number of the folders that this one lies in.
    """
    about = path.stat()
    inside = above | {(about.st_dev, about.st_ino)}
    folders: list[Folder] = []
    pictures: list[Path] = []
    skipped: Counter[str] = Counter()
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            suffix, is_folder = Path(entry.name).suffix.lower(), entry.is_dir()
            if entry.name.startswith(".") or entry.name in _NEVER:
                skipped["hidden"] += 1
            elif not is_folder and suffix in suffixes():
                pictures.append(path / entry.name)
            elif not is_folder:
                skipped[suffix or "no suffix"] += 1
            elif suffix in suffixes():
                skipped[f"folder named {suffix}"] += 1
            elif (entry.stat().st_dev, entry.stat().st_ino) in inside:
                skipped["link to a folder above"] += 1
            else:
                folders.append(scanned(path / entry.name, inside))
    return Folder(path, tuple(folders), tuple(pictures), skipped)
