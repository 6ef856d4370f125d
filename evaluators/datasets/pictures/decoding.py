"""The pixels of many pictures, decoded once and kept beside a study."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regnas import pictures
from regnas.evaluators.datasets.pictures.layout import File
from regnas.pictures import Pixels, Unreadable, decoded

_LEFT_OVER = 3600  # seconds after which an unfinished file is nobody's any more


@dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels of some files.

    Attributes:
        images: ``(n, channels, size, size)`` of the files that can be read, in their order.
        broken: the numbers of the others, with why.
        content: digest of the bytes of all files.
    """

    images: Pixels
    broken: dict[int, str]
    content: str


def decode(files: Sequence[File], size: int, channels: int, cache: Path | None) -> Decoded:
    """Read files, or what an earlier call kept of them in ``cache``; a damaged one is made anew."""
    kept = cache / f"{_key(files, size, channels)}.npy" if cache else None
    if kept is not None and (found := _kept(kept, (channels, size, size), len(files))):
        return found
    made = _read(files, size, channels)
    if kept is not None:
        with suppress(OSError):  # a full disk costs time, not the study
            _keep(made, kept)
    return made


def _read(files: Sequence[File], size: int, channels: int) -> Decoded:
    images = np.empty((len(files), channels, size, size), dtype=np.uint8)
    digest, broken, count = hashlib.sha256(), {}, 0
    for number, (file, _) in enumerate(files):
        try:
            content = file.read_bytes()
            digest.update(hashlib.sha256(content).digest())
            images[count] = decoded(content, size, channels)
            count += 1
        except OSError as error:
            broken[number] = error.strerror or str(error)
        except Unreadable as error:
            broken[number] = str(error)
    return Decoded(images[:count], broken, digest.hexdigest())


def _kept(file: Path, shape: tuple[int, int, int], count: int) -> Decoded | None:
    try:
        about = json.loads(file.with_suffix(".json").read_text())
        broken = {int(number): str(why) for number, why in about["broken"].items()}
        images = np.load(file, mmap_mode="c")
        whole = images.shape == (count - len(broken), *shape) and images.dtype == np.uint8
        return Decoded(images, broken, str(about["content"])) if whole else None
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None


def _keep(made: Decoded, file: Path) -> None:
    """Write whole files or none; several processes may be at it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob("*.part.*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _LEFT_OVER or not _alive(old):
                old.unlink()
    partial = file.with_suffix(f".{os.getpid()}.part.npy")
    note = file.with_suffix(f".{os.getpid()}.part.json")
    try:
        np.save(partial, made.images)
        note.write_text(json.dumps({"broken": made.broken, "content": made.content}))
        note.replace(file.with_suffix(".json"))
        partial.replace(file)
    finally:
        for left in (partial, note):
            left.unlink(missing_ok=True)


def _alive(partial: Path) -> bool:
    """Whether the process that writes a file still runs; its name ends in .PID.part.npy."""
    try:
        os.kill(int(partial.name.split(".")[-3]), 0)
    except (ValueError, IndexError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _key(files: Sequence[File], size: int, channels: int) -> str:
    about = [[str(file), label, *_state(file)] for file, label in files]
    text = json.dumps([pictures.VERSION, size, channels, about])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:20]


def _state(file: Path) -> tuple[int, int]:
    """Size and time of a file; zeros for a link that leads nowhere."""
    try:
        about = file.stat()
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns
