"""The contract of data sets: images in memory, in splits of known roles."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from regnas.errors import DataError, PluginNotFound, UsageError
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


@runtime_checkable
class SupportsRemarks(Protocol):
    """A data set that knows what a user should hear before any training."""

    def remarks(self) -> tuple[str, ...]:
        """Sentences: what was not read, what is odd about the images.

        Raises:
            DataError: images that cannot be read.
        """


@runtime_checkable
class SupportsCounts(Protocol):
    """A data set that knows how many images each part has, also of test images that are not to be read yet."""

    def counts(self) -> Mapping[str, int]:
        """Images of ``training``, ``validation`` and ``test``; a part that there is not is left out.

        Raises:
            DataError: images that cannot be read.
        """


@runtime_checkable
class SupportsDecoding(Protocol):
    """A data set whose images are made of files, as others must do who use the weights."""

    @property
    def decoding(self) -> Mapping[str, Any]:
        """What was done to the pixels, as JSON values that are kept beside weights."""


@runtime_checkable
class SupportsFiles(Protocol):
    """A data set whose test images are files of their own."""

    def test_files(self) -> Sequence[Path]:
        """The file of each test image, in the order of `DataSet.test`.

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
        return with_options(self.whole.name, training=str(self.training))

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

    def remarks(self) -> tuple[str, ...]:
        """Those of the whole.

        Raises:
            DataError: images that cannot be read.
        """
        return self.whole.remarks() if isinstance(self.whole, SupportsRemarks) else ()

    def counts(self) -> dict[str, int]:
        """Those of the whole, where it knows them, with fewer training images.

        Raises:
            DataError: images that cannot be read.
        """
        known = dict(self.whole.counts()) if isinstance(self.whole, SupportsCounts) else {}
        return {**known, "training": self.training}

    @property
    def decoding(self) -> dict[str, Any]:
        """That of the whole, where it has one."""
        return dict(self.whole.decoding) if isinstance(self.whole, SupportsDecoding) else {}


_OPTIONS = re.compile(r"(?P<whole>.+)\[(?P<options>\s*\w+\s*=[^\[\]]*)\]")


def options_of(text: str) -> tuple[str, dict[str, str]]:
    """A data set's spec without its options, and these: ``imagefolder:photos[channels=1,training=5000]``.

    Raises:
        UsageError: options that are not ``key=value``.
    """
    match = _OPTIONS.fullmatch(text)
    if match is None:
        return text, {}
    whole, first = options_of(match["whole"])
    return whole, {**first, **spec.parse(f"data[{match['options']}]", "data set")[2]}


def spec_of(text: str) -> str:
    """The spec of what a user names: of a folder of pictures, ``photos``, it is ``imagefolder:photos``; options in
    brackets stay, and the name of a data set is never a folder.

    Raises:
        UsageError: options that are not ``key=value``, or a path where there is no folder.
    """
    whole, options = options_of(text)
    if whole.partition(":")[0] in registry.installed("data set"):
        return text
    if Path(whole).expanduser().is_dir():
        return with_options(f"imagefolder:{whole}", **options)
    if "/" in whole or os.sep in whole:
        raise UsageError(f"there is no folder {whole}; --data names a folder of pictures, or a data set")
    return text


def with_options(text: str, **options: str | None) -> str:
    """A data set's spec with other options; None takes one away.

    Raises:
        UsageError: options that are not ``key=value``.
    """
    whole, known = options_of(text)
    kept = [f"{key}={value}" for key, value in {**known, **options}.items() if value is not None]
    return f"{whole}[{','.join(kept)}]" if kept else whole


def whole_of(text: str) -> str:
    """The spec of a data set without ``training=N``."""
    return with_options(text, training=None) if "training" in options_of(text)[1] else text


def make_dataset(
    text: str,
    *,
    root: str | Path | None = None,
    download: bool = False,
    resolution: int | None = None,
    cache: str | Path | None = None,
) -> DataSet:
    """The data set of a spec: ``cifar10``, ``imagefolder:PATH``, or either followed by options in brackets.

    ``[training=5000]`` is an option of every data set, further ones are the keywords of its factory.

    Raises:
        UsageError: a malformed spec, an option that the data set does not have, or a resolution too small.
        PluginNotFound: no data set of that name.
        DataError: it is not where it should be.
    """
    whole, options = options_of(text)
    count = options.pop("training", None)
    if count is not None and (not count.isdecimal() or int(count) < 1):
        raise UsageError(f"training= is a whole number of images, got {count!r}; such as cifar10[training=5000]")
    name, _, argument = whole.partition(":")
    spec.parse(name, "data set")
    if resolution is not None and resolution < 8:
        raise UsageError(f"--resolution is at least 8 pixels, got {resolution}")
    source = Source(argument, Path(root) if root else None, download, resolution, Path(cache) if cache else None)
    _check_options(name, _factory(name), options)
    made: DataSet = registry.make("data set", name, source, **spec.json_options(options))
    return made if count is None else Subset(made, int(count))


def _factory(name: str) -> Any:
    try:
        return registry.load("data set", name)
    except PluginNotFound as error:
        raise PluginNotFound(f"{error}; there is no folder {name} here, either") from None


def _check_options(name: str, factory: Any, options: Mapping[str, str]) -> None:
    if not options:
        return
    kinds = inspect.signature(factory).parameters.values()
    known = ["training", *(one.name for one in kinds if one.kind is inspect.Parameter.KEYWORD_ONLY)]
    for key in options:
        if key not in known:
            flag = "; leave out --skip-broken" if key == "skip_broken" else ""
            raise UsageError(f"the data set {name} has no option {key}; its options: {', '.join(known)}{flag}")


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
