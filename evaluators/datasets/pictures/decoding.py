"""The pixels of many pictures, decoded once and kept beside a study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regnas import pictures
from regnas.evaluators.datasets.pictures.layout import File
from regnas.pictures import Pixels, Unreadable, decoded
from regnas.system.files import remove_leftovers, replacing, write_json
from regnas.system.reading import fields_if_whole


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
    about = fields_if_whole(file.with_suffix(".json"), broken=dict, content=str)
    if about is None:
        return None
    try:
        broken = {int(number): str(why) for number, why in about["broken"].items()}
        images = np.load(file, mmap_mode="c")
        whole = images.shape == (count - len(broken), *shape) and images.dtype == np.uint8
    except (OSError, ValueError, EOFError, AttributeError):
        return None
    return Decoded(images, broken, about["content"]) if whole else None


def _keep(made: Decoded, file: Path) -> None:
    """Write whole files or none; several processes may be at it."""
    remove_leftovers(file.parent)
    write_json(file.with_suffix(".json"), {"broken": made.broken, "content": made.content}, lasting=False)
    with replacing(file, lasting=False) as partial, partial.open("wb") as out:  # numpy adds an ending to a name
        np.save(out, made.images)


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
