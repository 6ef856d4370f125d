"""What is wrong with pictures beyond what their data set says of them: twins, colours, sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regnas.dataset import DataSet, Split, SupportsFiles
from regnas.pictures import Pixels

_SOME = 0.02  # share of pictures from which a few of a kind are named
_MOST_GREY, _LEAST_GREY = 0.95, 0.05  # of a class and of the others: then grey tells the class
_LARGER = 4  # times the resolution from which much is lost
_LONG = 1.5  # length by width from which much is cut away
_MOST_FILES = 400  # whose sizes are looked at
_AT_ONCE = 4096


def look(images: DataSet, files: Path | None) -> list[str]:
    """What a user should hear, in sentences.

    Args:
        files: the folder of the pictures, where they are files.

    Raises:
        DataError: images that cannot be read.
    """
    training, validation = images.fit()
    found = [*_twins(images, training, validation)]
    found += _grey(images, training)
    if files is not None:
        found += _sizes(sizes_of(files), images.regime.images.resolution)
    return found


def _twins(images: DataSet, training: Split, validation: Split) -> Iterator[str]:
    """The same pixels in two parts, or in two classes."""
    test = images.test()
    parts = [training, validation, *([] if test is None else [test])]
    known, held_out, *tested = [_digests(one.images) for one in parts]
    labels: dict[bytes, set[int]] = {}
    for digests, part in zip([known, held_out, *tested], parts, strict=True):
        for one, label in zip(digests, part.labels, strict=True):
            labels.setdefault(one, set()).add(int(label))
    torn = [one for one in labels.values() if len(one) > 1]
    if torn:
        first = " and ".join(sorted(images.class_names[label] for label in torn[0]))
        yield f"{_pictures(len(torn))} in more than one class, such as {first}: whatever a network says is wrong once"
    there = set(known)
    if both := sum(one in there for one in held_out):
        yield (
            f"{both} of {len(held_out)} validation pictures are among the training pictures, too: errors that choose "
            f"are too low"
        )
    if test is None:
        return
    seen = {*there, *held_out}
    again = [place for place, one in enumerate(tested[0]) if one in seen and len(labels[one]) == 1]
    if again:
        first = f", such as {images.test_files()[again[0]].name}" if isinstance(images, SupportsFiles) else ""
        yield (
            f"{len(again)} of {len(test)} test pictures are among the others, too{first}: the test error will be too "
            f"low by up to {len(again) / len(test):.1%}; remove the twins"
        )


def _pictures(count: int) -> str:
    return "1 picture is" if count == 1 else f"{count} pictures are"


def _digests(images: Pixels) -> list[bytes]:
    """One of each image ``(n, channels, h, w)``."""
    return [hashlib.blake2b(np.ascontiguousarray(one).tobytes(), digest_size=16).digest() for one in images]


def is_grey(images: Pixels) -> npt.NDArray[np.bool_]:
    """Which images ``(n, 3, h, w)`` have no colour in any pixel, ``(n,)``."""
    grey = np.ones(len(images), dtype=np.bool_)
    for start in range(0, len(images), _AT_ONCE):
        some = images[start : start + _AT_ONCE]
        grey[start : start + _AT_ONCE] = (some == some[:, :1]).all((1, 2, 3))
    return grey


def _grey(images: DataSet, training: Split) -> Iterator[str]:
    """Grey pictures among those that are read in colours."""
    if training.images.shape[1] == 1:
        return
    grey = is_grey(training.images)
    if grey.all():
        yield (
            "all training pictures are grey: pictures in colours would be new to the network; "
            "--data 'imagefolder:FOLDER[channels=1]' reads every picture grey"
        )
        return
    if grey.mean() < _SOME:
        return
    yield f"{grey.sum()} of {len(grey)} training pictures are grey, the others in colours"
    for label, name in enumerate(images.class_names):
        own, others = grey[training.labels == label], grey[training.labels != label]
        if own.mean() >= _MOST_GREY and others.mean() <= _LEAST_GREY:
            yield f"class {name} is grey and the others are in colours: a network may learn that, not what is shown"


@dataclass(frozen=True)
class Sizes:
    """Widths and heights of pictures, each ``(n,)``."""

    widths: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int64]

    @property
    def sides(self) -> npt.NDArray[np.int64]:
        """Of the middle squares, ``(n,)``."""
        return np.minimum(self.widths, self.heights)

    @property
    def ratios(self) -> npt.NDArray[np.float64]:
        """Longer side by shorter side, ``(n,)``."""
        return np.asarray(np.maximum(self.widths, self.heights) / self.sides)


def sizes_of(folder: Path) -> Sizes:
    """The sizes of some of the pictures of a folder, evenly spread over it; files that cannot be read are left out."""
    from PIL import Image

    from regnas.evaluators.datasets.pictures.tree import scanned

    files: Sequence[Path] = scanned(folder).everything
    found = []
    for file in files[:: max(1, len(files) // _MOST_FILES)]:
        try:
            with Image.open(file) as image:
                found.append(image.size)
        except Exception:  # Pillow raises many kinds; the data set says which files cannot be read
            continue
    both = np.array(found, dtype=np.int64).reshape(-1, 2)
    return Sizes(both[:, 0], both[:, 1])


def _sizes(sizes: Sizes, resolution: int) -> Iterator[str]:
    """Pictures that are enlarged, shrunk by far, or cut."""
    if not len(sizes.sides):
        return
    side, ratio = int(np.median(sizes.sides)), float(np.median(sizes.ratios))
    smaller = float((sizes.sides < resolution).mean())
    if smaller >= _SOME:
        yield (
            f"{smaller:.0%} of the pictures have fewer than {resolution} pixels a side and are enlarged, which shows "
            f"nothing new; a lower --resolution is faster"
        )
    elif side >= _LARGER * resolution:
        yield (
            f"the pictures have {side:,} pixels a side in the median and are shrunk to {resolution}: what is small in "
            f"them is gone; --resolution {2 * resolution} keeps more and takes about four times as long"
        )
    if ratio >= _LONG:
        yield (
            f"the pictures are {ratio:.2g} times as long as wide in the median, and the middle square is what a "
            f"network sees: {1 - 1 / ratio:.0%} of a picture is cut away"
        )
