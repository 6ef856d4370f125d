"""What ``regnas find`` was asked for, as values: images, options of the search that it runs, a folder, a time."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.dataset import options_of, spec_of, with_options
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.options import FindOptions, check_options
from regnas.plugins import registry
from regnas.studies.search.identity import folder_name
from regnas.studies.search.regime import images_of
from regnas.studies.search.request import split_window, task_of
from regnas.studies.storage.open import DEFAULT_OUT
from regnas.system.duration import seconds_of

STUDY = "search"  # the study's folder in a find's
RECORD = "find.json"
USUAL_TIME = "1h"
RESERVED, MOST_RESERVED = 0.1, 120.0  # of the time, and seconds: for the test, the files and the report
_OF_SEARCH = {"lock", "cache", "latency", "regnas.db", "regnas.db-journal", "regnas.db.lock", STUDY}
_MEASURED_WITHOUT_SIZE = ("flops", "params", "activations")


@dataclass(frozen=True, kw_only=True)
class FindRequest:
    """A find as it was asked for.

    Attributes:
        data: spec of the images.
        files: folder of pictures, where they are files.
        seconds: that everything may take.
        search: options of the search (`regnas.options.SearchOptions`).
        regime: the images' own window of flops, where the user limits latency or other measured costs alone.
    """

    data: str
    files: Path | None
    folder: Path
    seconds: float
    space: str | Space
    search: Mapping[str, Any]
    regime: str | None = None
    quiet: bool = False

    @property
    def reserved(self) -> float:
        """Seconds of the time for what comes after all training."""
        return min(RESERVED * self.seconds, MOST_RESERVED)


def request_of(data: str | Path, options: FindOptions) -> FindRequest:
    """The values of a find's options.

    Args:
        data: a folder of pictures, or the spec of a data set.

    Raises:
        UsageError: no such images, an option that there is not, a value that makes no sense, or a folder for results
            that holds something else.
        DataError: images that cannot be read.
    """
    check_options(options, FindOptions, "find")
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    seconds = seconds_of(given.pop("time", USUAL_TIME), "time")
    text, files = _images(str(data))
    if given.pop("skip_broken", False):
        text = with_options(text, skip_broken="true")
    folder = Path(given.pop("out", None) or _usual_folder(text, files))
    _check_folder(folder, files)
    space, quiet = given.pop("space", "auto"), bool(given.pop("quiet", False))
    regime = _regime(text, given, folder)
    search = {
        **given,
        "data": text,
        **({} if regime is None else {"flops": regime}),
        "out": folder,
        "study": STUDY,
        "strategy": "random",
    }
    request = FindRequest(
        data=text,
        files=files,
        folder=folder,
        seconds=seconds,
        space=space,
        search=search,
        regime=regime,
        quiet=quiet,
    )
    search |= {"time": seconds - request.reserved, "retrain": "auto"}
    return request


def _images(data: str) -> tuple[str, Path | None]:
    """The spec of the images, and the folder where they are files."""
    text = spec_of(data)
    name, _, argument = options_of(text)[0].partition(":")
    known = registry.installed("data set")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"there is no folder {data}, and no data set of that name{hint}; --data names pictures")
    files = Path(argument).expanduser() if name == "imagefolder" and argument else None
    return text, files


def _usual_folder(text: str, files: Path | None) -> Path:
    name = text if files is None else files.resolve().name
    return Path(DEFAULT_OUT) / f"find-{folder_name(name)}"


def _check_folder(folder: Path, files: Path | None) -> None:
    """Refuse a folder of something else, and one among the pictures: its figures would be read as pictures.

    Raises:
        UsageError: it is no folder, lies in that of the pictures, or holds what no find left there.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out is a folder, and {folder} is a file; name another one")
    if files is not None and files.resolve() in folder.resolve().parents:
        raise UsageError(
            f"{folder} lies among the pictures of {files}, and would be read with them; name one outside with --out"
        )
    if not folder.is_dir() or (folder / RECORD).exists() or (folder / STUDY / "study.json").exists():
        return
    others = sorted(one.name for one in folder.iterdir() if one.name not in _OF_SEARCH and one.name[0] != ".")
    if others:
        raise UsageError(f"--out {folder} holds {others[0]}, which is of no find; name a new folder")


def _regime(text: str, given: Mapping[str, Any], folder: Path) -> str | None:
    """The images' own window of flops, where the user limits nothing that says how large a network is.

    A limit on time alone would let in networks that nobody can train in an evening.
    """
    window, _ = split_window(given)
    if window.open or any(name in window for name in _MEASURED_WITHOUT_SIZE):
        return None
    from regnas.evaluator import DEFAULT, make_evaluator

    task = task_of({**given, "data": text}, folder / "cache")
    images = images_of(make_evaluator(given.get("evaluator", DEFAULT), task), task)
    return None if images is None else images.regime.flops
