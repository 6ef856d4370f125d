"""What a user should know of pictures before networks are trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regnas.dataset import Split
from regnas.evaluators.datasets.pictures.layout import File

_FEW = 10  # training images of a class below which it is named
_UNEVEN = 5
_DARK = 16  # of 255: the brightest level of images that use hardly any
_NAMED = 5
_AT_ONCE = 4096


def remarks_on(classes: Sequence[str], training: Split, files: Sequence[File]) -> Iterator[str]:
    """Sentences on the training images: small and uneven classes, images that show nothing.

    Args:
        files: of the images, in their order.
    """
    counts = dict(zip(classes, np.bincount(training.labels, minlength=len(classes)).tolist(), strict=True))
    few = [f"{name} {count}" for name, count in counts.items() if count < _FEW]
    if few:
        yield f"classes with fewer than {_FEW} training images: {listed(few)}"
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] >= _UNEVEN * counts[least]:
        yield (
            f"the classes differ {counts[most] / max(counts[least], 1):.1f} times in number, {most} {counts[most]} and "
            f"{least} {counts[least]}: the error counts images, so that of {least} hardly shows; "
            f"--evaluator 'train[balanced=true]' lets classes count alike in training, 'train[sampling=balanced]' "
            f"shows them equally often, regnas test tells their recall"
        )
    plain, brightest = _plain(training)
    if plain.any():
        named = [str(file) for (file, _), is_plain in zip(files, plain, strict=True) if is_plain]
        yield f"{len(named)} of {len(training)} training images are of one colour throughout: {listed(named)}"
    if 0 < brightest < _DARK and not plain.all():
        yield (
            f"no training image is brighter than {brightest} of 255: images of 10 or 12 bits stored in 16 look so; "
            f"scale them to the whole range"
        )


def _plain(split: Split) -> tuple[npt.NDArray[np.bool_], int]:
    """Which images are of one colour throughout, ``(n,)``, and the brightest level of all."""
    plain, brightest = np.zeros(len(split), dtype=np.bool_), 0
    for start in range(0, len(split), _AT_ONCE):
        part = split.images[start : start + _AT_ONCE]
        high = part.max((2, 3))
        plain[start : start + _AT_ONCE] = (part.min((2, 3)) == high).all(1)
        brightest = max(brightest, int(high.max()))
    return plain, brightest


def skipped_said(top: Path, skipped: Counter[str]) -> Iterator[str]:
    """What of a folder is not read, by suffix."""
    if skipped:
        parts = [f"{count} {suffix}" for suffix, count in skipped.most_common()]
        yield f"not read in {top}: {listed(parts)}"


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
