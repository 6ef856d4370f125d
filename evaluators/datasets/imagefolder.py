"""A user's own images: one folder per class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from regnas import pictures
from regnas.dataset import DataSet, Regime, Source, Split, held_out
from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.common import COLOUR, regime_at
from regnas.evaluators.datasets.pictures.checks import listed, remarks_on, skipped_said
from regnas.evaluators.datasets.pictures.decoding import Decoded, decode
from regnas.evaluators.datasets.pictures.layout import PARTS, TEST, TRAINING, VALIDATION, File, Layout, read_layout
from regnas.images import Images

_REGIME = Regime(Images(64, 10, stem_stride=2, stem_width=16, strides=(2, 2, 2, 2)), flops="4M:8M", epochs=5, pad=8)
_SMALL = 48  # pixels up to which images are compared as CIFAR's are: their first stage keeps its size
_MOST_BYTES = 8 << 30
_NAMED = 10  # broken files that an error names


def imagefolder(source: Source, *, channels: Any = 3, skip_broken: Any = False) -> DataSet:
    """``imagefolder:PATH``: PATH/train/CLASS/*.jpg, with PATH/val and PATH/test where there are any.

    Without ``val``, 15 % of ``train`` is held out for validation. Without ``train``, PATH/CLASS/*.jpg is split into
    70 % training, 15 % validation and 15 % test images. With ``train`` and ``val`` and no ``test`` there is no
    test error: the validation images have chosen the winner.

    Args:
        channels: 3, or 1 for grey.
        skip_broken: go on without the files that cannot be read.

    Raises:
        UsageError: no path, or another value of an option.
        DataError: there is no such folder.
    """
    if not source.argument:
        raise UsageError("imagefolder needs a folder: --data imagefolder:PATH")
    if isinstance(channels, bool) or channels not in (1, 3):
        raise UsageError(f"channels= of imagefolder is 3, or 1 for grey, got {channels!r}")
    if not isinstance(skip_broken, bool):
        raise UsageError(f"skip_broken= of imagefolder is true or false, got {skip_broken!r}")
    path = Path(source.argument).expanduser()
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; --data imagefolder:PATH names one with a folder per class")
    return ImageFolder(path, source.resolution, source.cache, channels, skip_broken)


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images below a folder, decoded once, kept as uint8 at one resolution."""

    path: Path
    asked: int | None
    cache: Path | None
    channels: int = 3
    skip_broken: bool = False

    @property
    def name(self) -> str:
        grey = ["channels=1"] if self.channels == 1 else []
        options = ",".join(grey + (["skip_broken=true"] if self.skip_broken else []))
        return f"imagefolder:{self.path}" + (f"[{options}]" if options else "")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the folders, sorted.

        Raises:
            DataError: folders that have no one meaning, or fewer than 2 classes.
        """
        return self._layout.class_names

    @cached_property
    def regime(self) -> Regime:
        small = self.asked is not None and self.asked <= _SMALL
        return regime_at(COLOUR if small else _REGIME, self.asked, len(self.class_names))

    @property
    def decoding(self) -> dict[str, Any]:
        """What was done to the pixels, for whoever uses the weights."""
        return pictures.about(self.regime.images.resolution, self.channels)

    def fit(self) -> tuple[Split, Split]:
        """Training and validation images.

        Raises:
            DataError: files that cannot be read, in any part; too many images for the memory.
        """
        self._check()
        return self._split(TRAINING), self._split(VALIDATION)

    def test(self) -> Split | None:
        return self._split(TEST) if self._roles[TEST] else None

    def test_files(self) -> list[Path]:
        """The files of the test images, in their order.

        Raises:
            DataError: files that cannot be read.
        """
        self._check()
        return [file for file, _ in self._readable(TEST)]

    def counts(self) -> dict[str, int]:
        """Images of each part.

        Raises:
            DataError: files that cannot be read.
        """
        self._check()
        return {part: len(self._readable(part)) for part in PARTS if self._roles[part]}

    def remarks(self) -> tuple[str, ...]:
        """What a user should know of the images before any training.

        Raises:
            DataError: files that cannot be read.
        """
        self._check()
        training, _ = self.fit()
        broken = [line for part in PARTS for line in self._lines(part)]
        files = sum(len(one) for one in self._roles.values())
        return (
            *self._layout.remarks,
            *skipped_said(self.path, self._layout.skipped),
            *([f"skipped as broken, {len(broken)} of {files} files: {listed(broken)}"] if broken else []),
            *remarks_on(self.class_names, training, self._readable(TRAINING)),
        )

    def fingerprint(self) -> dict[str, Any]:
        """Classes, number of images of each, which files of which sizes are in which part, and what they hold.

        Raises:
            DataError: no classes, or one without images; files that cannot be read.
        """
        self._check()
        digest, counts = hashlib.sha256(), {}
        for part, files in self._roles.items():
            labels = [label for _, label in self._readable(part)]
            counts[part] = np.bincount(np.array(labels, dtype=np.int64), minlength=len(self.class_names)).tolist()
            for file, label in files:
                relative = file.relative_to(self.path).as_posix()
                size = file.stat().st_size if file.exists() else 0
                digest.update(json.dumps([part, label, relative, size]).encode())
        content = hashlib.sha256("".join(one.content for one in self._known.values()).encode()).hexdigest()
        return {"classes": list(self.class_names), "counts": counts, "files": digest.hexdigest(), "content": content}

    @cached_property
    def _layout(self) -> Layout:
        return read_layout(self.path)

    @cached_property
    def _roles(self) -> dict[str, tuple[File, ...]]:
        """The files of each part; none of a part that there is not."""
        layout, parts = self._layout, dict(self._layout.parts)
        _check_counts(layout, 3 if layout.split else 1 if VALIDATION in parts else 2)
        if layout.split:
            parts[TRAINING], parts[TEST] = _divided(parts[TRAINING], 0.15, "test")
        if VALIDATION not in parts:
            share = 0.15 / 0.85 if layout.split else 0.15
            parts[TRAINING], parts[VALIDATION] = _divided(parts[TRAINING], share, "validation")
        return {part: parts.get(part, ()) for part in PARTS}

    @cached_property
    def _known(self) -> dict[str, Decoded]:
        """All parts, decoded, so that a broken file is said before the search; the test images are let go again."""
        found = {part: self._decoded(part) for part in PARTS}
        return {**found, TEST: replace(found[TEST], images=found[TEST].images[:0].copy())}

    def _check(self) -> None:
        """Refuse files that cannot be read, all at once, and classes that lose all their images with them."""
        lines = [line for part in PARTS for line in self._lines(part)]
        if lines and not self.skip_broken:
            raise DataError(_cannot_read(lines))
        for part, files in self._roles.items():
            lost = {label for _, label in files} - {label for _, label in self._readable(part)}
            if lost:
                names = listed([self.class_names[label] for label in sorted(lost)])
                raise DataError(f"no {part} image of {names} can be read; repair the files or remove the class")

    def _lines(self, part: str) -> list[str]:
        return [f"{self._roles[part][number][0]}: {why}" for number, why in self._known[part].broken.items()]

    def _readable(self, part: str) -> list[File]:
        return [file for number, file in enumerate(self._roles[part]) if number not in self._known[part].broken]

    def _decoded(self, part: str) -> Decoded:
        files, size = self._roles[part], self.regime.images.resolution
        if (needed := len(files) * self.channels * size * size) > _MOST_BYTES:
            raise DataError(
                f"{len(files)} images of {size} px need {needed >> 30} GiB of memory, more than {_MOST_BYTES >> 30}; "
                f"lower --resolution"
            )
        return decode(files, size, self.channels, self.cache)

    def _split(self, part: str) -> Split:
        images = (self._decoded(part) if part == TEST else self._known[part]).images
        return Split(images, np.array([label for _, label in self._readable(part)], dtype=np.int64))


def _cannot_read(lines: list[str]) -> str:
    if len(lines) == 1:
        return f"cannot read the image {lines[0]}; repair or remove it, or leave it out by --skip-broken"
    named = listed(lines, _NAMED)
    return f"cannot read {len(lines)} images, {named}; repair or remove them, or leave them out by --skip-broken"


def _check_counts(layout: Layout, least: int) -> None:
    """Refuse classes with too few training images to split, all at once."""
    labels = [label for _, label in layout.parts[TRAINING]]
    counts: Mapping[str, int] = dict(zip(layout.class_names, np.bincount(labels).tolist(), strict=True))
    small = [f"class {name} has {count} image{'s' * (count > 1)}" for name, count in counts.items() if count < least]
    if small:
        raise DataError(f"{listed(small)}; a split needs at least {least} of every class")


def _divided(files: tuple[File, ...], share: float, key: str) -> tuple[tuple[File, ...], tuple[File, ...]]:
    out = held_out(np.array([label for _, label in files]), share, f"imagefolder {key}").tolist()
    kept = tuple(file for file, held in zip(files, out, strict=True) if not held)
    return kept, tuple(file for file, held in zip(files, out, strict=True) if held)
