"""The contract of data sets: images in memory, in splits of known roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from regnas.errors import DataError, UsageError
from regnas.images import Images
from regnas.plugins import registry, spec
from regnas.sampling import keyed


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes.

    Attributes:
        images: ``(n, channels, height, width)`` uint8; one channel or three.
        labels: ``(n,)`` int64.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> Split:
        return Split(self.images[rows], self.labels[rows])

    def joined(self, other: Split) -> Split:
        """Both, one after the other."""
        return Split(np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True)
class Regime:
    """How candidates are compared on a data set where the user says nothing else.

    Attributes:
        images: what is asked of a space.
        flops: the default window.
        epochs: passes over the training images.
        flip: whether a mirrored image is the same class.
        pad: pixels of padding for random crops; 0 is none.
        seed_sd: measured standard deviation of the error between training seeds, or None.
        steps: of an optimiser, that a training has at least: with few images, batches are smaller and epochs more; 0
            leaves both as they are.
    """

    images: Images
    flops: str
    epochs: int = 3
    flip: bool = True
    pad: int = 0
    seed_sd: float | None = None
    steps: int = 200


@dataclass(frozen=True)
class Source:
    """Where the images of a data set come from.

    Attributes:
        argument: what follows the colon in ``imagefolder:PATH``.
        root: folder of downloaded data sets.
        resolution: pixels of a side, or None for the data set's own.
        cache: folder for decoded images, or None.
    """

    argument: str = ""
    root: Path | None = None
    download: bool = False
    resolution: int | None = None
    cache: Path | None = None


class DataSet(Protocol):
    """A classification data set. Making one is cheap; images are read on demand."""

    @property
    def name(self) -> str:
        """As in its spec."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class."""

    @property
    def regime(self) -> Regime:
        """The defaults of a search."""

    def fit(self) -> tuple[Split, Split]:
        """Training and validation images: all that a search may see."""

    def test(self) -> Split | None:
        """Test images, for the winner alone; None where there are none."""


@runtime_checkable
class SupportsFingerprint(Protocol):
    """A data set that can tell its images from others that have its name."""

    def fingerprint(self) -> Mapping[str, Any]:
        """What identifies the images, JSON values: equal where they are equal, wherever they lie.

        Raises:
            DataError: images that cannot be read.
        """


@dataclass(frozen=True, eq=False)
class Subset:
    """A data set with fewer training images: ``NAME[training=5000]``. The other images stay as they are.

    Attributes:
        whole: the data set.
        training: training images kept, a fixed and class-balanced choice; at least one of each class.
    """

    whole: DataSet
    training: int

    @property
    def name(self) -> str:
        return f"{self.whole.name}[training={self.training}]"

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.whole.class_names

    @cached_property
    def regime(self) -> Regime:
        return replace(self.whole.regime, seed_sd=None)  # measured on all images

    def fit(self) -> tuple[Split, Split]:
        """Some of the training images, class-balanced, and all validation images.

        Raises:
            DataError: no smaller number of images than there are, or fewer than one of each class.
        """
        training, validation = self.whole.fit()
        if not len(self.class_names) <= self.training < len(training):
            raise DataError(
                f"{self.whole.name} has {len(training)} training images of {len(self.class_names)} classes; training= "
                f"is a smaller number with one of each class, got {self.training}"
            )
        kind = self.whole.name.partition(":")[0]  # not where a folder lies: the same images on every machine
        return training[held_out(training.labels, self.training / len(training), f"{kind} training")], validation

    def test(self) -> Split | None:
        return self.whole.test()

    def fingerprint(self) -> dict[str, Any]:
        """That of the whole, where it has one, and how many images are kept.

        Raises:
            DataError: images that cannot be read.
        """
        whole = dict(self.whole.fingerprint()) if isinstance(self.whole, SupportsFingerprint) else {}
        return {**whole, "training": self.training}


_TRAINING = re.compile(r"(?P<whole>.+)\[training=(?P<count>[^\[\]]*)\]")


def whole_of(text: str) -> str:
    """The spec of a data set without ``[training=N]``."""
    match = _TRAINING.fullmatch(text)
    return match["whole"] if match else text


def make_dataset(
    text: str,
    *,
    root: str | Path | None = None,
    download: bool = False,
    resolution: int | None = None,
    cache: str | Path | None = None,
) -> DataSet:
    """The data set of a spec: ``cifar10``, ``imagefolder:PATH``, or either followed by ``[training=5000]``.

    Raises:
        UsageError: a malformed spec, or a resolution too small.
        PluginNotFound: no data set of that name.
        DataError: it is not where it should be.
    """
    if match := _TRAINING.fullmatch(text):
        count = match["count"].strip()
        if not count.isdecimal() or int(count) < 1:
            raise UsageError(f"training= is a whole number of images, got {count!r}; such as cifar10[training=5000]")
        where = {"root": root, "download": download, "resolution": resolution, "cache": cache}
        return Subset(make_dataset(match["whole"], **where), int(count))  # type: ignore[arg-type]
    name, _, argument = text.partition(":")
    spec.parse(name, "data set")
    if resolution is not None and resolution < 8:
        raise UsageError(f"--resolution is at least 8 pixels, got {resolution}")
    source = Source(argument, Path(root) if root else None, download, resolution, Path(cache) if cache else None)
    made: DataSet = registry.make("data set", name, source)
    return made


def held_out(labels: npt.NDArray[Any], share: float, name: str) -> npt.NDArray[np.bool_]:
    """Which images a fixed, class-balanced split holds out.

    Args:
        labels: ``(n,)`` classes.
        share: fraction of every class to hold out, at least one image of each.
        name: key of the split; equal keys give equal splits.

    Returns:
        ``(n,)``, True where held out.

    Raises:
        DataError: a class with one image.
    """
    out = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise DataError(f"class {label} has {len(members)} image; a split needs at least 2 of every class")
        count = min(max(1, round(share * len(members))), len(members) - 1)
        rng = keyed.generator("split", name, int(label))
        out[rng.permutation(members)[:count]] = True
    return out
