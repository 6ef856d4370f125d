"""Files of a candidate by value, where driver and worker share no file system."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from regnas.errors import RegnasError
from regnas.messages import End, Job, ScoreJob

J = TypeVar("J", bound=Job)
Files = Mapping[str, bytes]  # by path below the candidate's folder, with slashes
LIMIT = 1 << 30  # bytes of one candidate's files


def read(folder: Path, limit: int = LIMIT) -> Files:
    """All files below a folder; none where there is none.

    Raises:
        RegnasError: they are larger than ``limit`` bytes together.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    size = sum(path.stat().st_size for path in paths)
    if size > limit:
        raise RegnasError(f"it left {size / 1e9:.2f} GB of files, and {limit / 1e9:.2f} GB is what travels")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write(folder: Path, files: Files) -> None:
    """Make a folder hold these files and no others; none, and it is not there.

    Raises:
        RegnasError: a path that leads out of the folder.
    """
    for name in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise RegnasError(f"a worker sent a file {name!r} that would lie outside {folder}")
    fresh = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, content in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    if files:
        fresh.rename(folder)


def outgoing(job: J) -> J:
    """A job with the files that its candidate has on the driver's side.

    Raises:
        RegnasError: they are too large to travel.
    """
    return replace(job, files=read(Path(job.folder))) if job.folder else job


def incoming(job: Job, end: End) -> None:
    """Put what a worker sent with the end of a job where the driver expects it, the result last.

    Raises:
        RegnasError: a path that leads out of the job's folder.
    """
    if job.folder and not isinstance(job, ScoreJob):
        write(Path(job.folder), end.files or {})
    if end.result is not None:
        path = Path(job.result)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(end.result)
        partial.replace(path)
