"""A user's own images: one folder per class."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from regnas.dataset import DataSet, Regime, Source, Split, held_out
from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.common import COLOUR, regime_at
from regnas.images import Images

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm"}
_REGIME = Regime(Images(64, 10, stem_stride=2, stem_width=16, strides=(2, 2, 2, 2)), flops="4M:8M", epochs=5, pad=8)
_SMALL = 48  # pixels up to which images are compared as CIFAR's are: their first stage keeps its size
_MOST_BYTES = 8 << 30

File = tuple[Path, int]


def imagefolder(source: Source) -> DataSet:
    """``imagefolder:PATH``: PATH/train/CLASS/*.jpg, with PATH/val and PATH/test where there are any.

    Without ``val``, 15 % of ``train`` is held out for validation. Without ``train``, PATH/CLASS/*.jpg is split into
    70 % training, 15 % validation and 15 % test images. With ``train`` and ``val`` and no ``test`` there is no
    test error: the validation images have chosen the winner.

    Raises:
        UsageError: no path.
        DataError: there is no such folder.
    """
    if not source.argument:
        raise UsageError("imagefolder needs a folder: --data imagefolder:PATH")
    path = Path(source.argument).expanduser()
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; --data imagefolder:PATH names one with a folder per class")
    return ImageFolder(path, source.resolution, source.cache)


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images below a folder, decoded once, kept as uint8 at one resolution."""

    path: Path
    asked: int | None
    cache: Path | None

    @property
    def name(self) -> str:
        return f"imagefolder:{self.path}"

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the folders, sorted.

        Raises:
            DataError: fewer than 2 folders of classes.
        """
        top = self.path / "train" if self._has("train") else self.path
        names = tuple(sorted(entry.name for entry in top.iterdir() if entry.is_dir() and entry.name[0] != "."))
        if len(names) < 2:
            raise DataError(f"{top} holds {len(names)} class folders, at least 2 are needed: {top}/CLASS/IMAGE.jpg")
        return names

    @cached_property
    def regime(self) -> Regime:
        small = self.asked is not None and self.asked <= _SMALL
        return regime_at(COLOUR if small else _REGIME, self.asked, len(self.class_names))

    def _has(self, part: str) -> bool:
        return (self.path / part).is_dir()

    def fit(self) -> tuple[Split, Split]:
        files = self._roles
        self.test()  # decoded and let go: a broken file is said before the search, not at its end
        return self._decoded("training", files["train"]), self._decoded("validation", files["val"])

    def test(self) -> Split | None:
        files = self._roles["test"]
        return self._decoded("test", files) if files else None

    def fingerprint(self) -> dict[str, Any]:
        """Classes, number of images of each, and which files of which sizes are in which part.

        Raises:
            DataError: no classes, or one without images.
        """
        digest, counts = hashlib.sha256(), {}
        for role, files in zip(("training", "validation", "test"), self._roles.values(), strict=True):
            labels = [label for _, label in files]
            counts[role] = np.bincount(labels, minlength=len(self.class_names)).tolist()
            for file, label in files:
                relative = file.relative_to(self.path).as_posix()
                digest.update(json.dumps([role, label, relative, file.stat().st_size]).encode())
        return {"classes": list(self.class_names), "counts": counts, "files": digest.hexdigest()}

    @cached_property
    def _roles(self) -> dict[str, list[File]]:
        """The files of each role."""
        if not self._has("train"):
            training, test = _divided(self._listed(self.path), 0.15, "test")
            training, validation = _divided(training, 0.15 / 0.85, "validation")
            return {"train": training, "val": validation, "test": test}
        roles = {part: self._listed(self.path / part) if self._has(part) else [] for part in ("train", "val", "test")}
        if not roles["val"]:
            roles["train"], roles["val"] = _divided(roles["train"], 0.15, "validation")
        return roles

    def _listed(self, top: Path) -> list[File]:
        found: list[File] = []
        for label, name in enumerate(self.class_names):
            folder = top / name
            files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
            if not files:
                raise DataError(f"class folder {folder} is empty or missing; add images or remove the class everywhere")
            found += [(file, label) for file in files]
        unknown = {entry.name for entry in top.iterdir() if entry.is_dir() and entry.name[0] != "."} - set(
            self.class_names
        )
        if unknown:
            raise DataError(f"{top} has classes that the training images lack: {', '.join(sorted(unknown))}")
        return found

    def _decoded(self, role: str, files: list[File]) -> Split:
        size = self.regime.images.resolution
        if len(files) * 3 * size * size > _MOST_BYTES:
            raise DataError(
                f"{len(files)} images of {size} px need {len(files) * 3 * size * size >> 30} GiB of memory, more than "
                f"{_MOST_BYTES >> 30}; lower --resolution"
            )
        labels = np.array([label for _, label in files], dtype=np.int64)
        stored = self.cache / f"{_fingerprint(files, size)}.npy" if self.cache else None
        if stored is not None and stored.exists():
            return Split(np.load(stored, mmap_mode="c"), labels)
        images = np.stack([_square(file, size) for file, _ in files])
        if stored is not None:
            stored.parent.mkdir(parents=True, exist_ok=True)
            partial = stored.with_suffix(f".{role}.{os.getpid()}.part.npy")  # several processes may be at it
            np.save(partial, images)
            partial.replace(stored)
        return Split(images, labels)


def _divided(files: list[File], share: float, key: str) -> tuple[list[File], list[File]]:
    out = held_out(np.array([label for _, label in files]), share, f"imagefolder {key}")
    chosen = out.tolist()
    kept = [file for file, held in zip(files, chosen, strict=True) if not held]
    return kept, [file for file, held in zip(files, chosen, strict=True) if held]


def _square(file: Path, size: int) -> np.typing.NDArray[np.uint8]:
    """The middle square of an image, ``(3, size, size)``."""
    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read the image {file}: {error}; repair or remove it") from error
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = image.resize(
        (size, size),
        Image.Resampling.BOX if side >= 2 * size else Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
    )
    return np.asarray(small).transpose(2, 0, 1)


def _fingerprint(files: Iterable[File], size: int) -> str:
    text = "\n".join(f"{file}|{label}|{file.stat().st_size}|{file.stat().st_mtime_ns}" for file, label in files)
    return hashlib.sha256(f"{size}\n{text}".encode()).hexdigest()[:20]
