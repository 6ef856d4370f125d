"""What several data sets need: the regimes, a data set of arrays, and resizing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from regnas import pictures
from regnas.dataset import Regime, Split, held_out
from regnas.images import Images

# Grey images of 28 pixels: the stem halves them, the first stage does not, so the stages see 14, 7, 4 and 2 pixels.
GREY = Regime(Images(28, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2)), flops="1M:2M", epochs=3, flip=False)
COLOUR = Regime(Images(32, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2)), flops="2M:4M", epochs=5, pad=4)


def regime_at(regime: Regime, resolution: int | None, classes: int) -> Regime:
    """A regime at another resolution and number of classes; the window grows with the number of pixels."""
    images = replace(regime.images, classes=classes)
    if resolution is None or resolution == images.resolution:
        return replace(regime, images=images)
    from regnas.window import human, parse_bounds

    area = (resolution / images.resolution) ** 2
    bounds = parse_bounds(regime.flops, "flops")
    low, high = (float(f"{end * area:.2g}") if end else None for end in (bounds.low, bounds.high))
    return replace(
        regime,
        images=replace(images, resolution=resolution),
        flops=f"{human(low)}:{human(high)}",
        seed_sd=None,
    )


def resized(split: Split, resolution: int) -> Split:
    """Square images of another size, averaged over the pixels they cover."""
    if split.images.shape[2:] == (resolution, resolution):
        return split
    out = np.empty((*split.images.shape[:2], resolution, resolution), dtype=np.uint8)
    for index, image in enumerate(split.images):
        for channel, plane in enumerate(image):
            small = Image.fromarray(plane).resize((resolution, resolution), Image.Resampling.BOX)
            out[index, channel] = np.asarray(small)
    return Split(out, split.labels)


@dataclass(frozen=True, eq=False)
class ArrayDataSet:
    """A data set of arrays; validation images are split off the training images.

    Attributes:
        read_training, read_test: read the arrays, at their first use.
        share: fraction of the training images held out for validation.
    """

    name: str
    class_names: tuple[str, ...]
    regime: Regime
    read_training: Callable[[], Split]
    read_test: Callable[[], Split]
    share: float

    @cached_property
    def _training(self) -> Split:
        return resized(self.read_training(), self.regime.images.resolution)

    def fit(self) -> tuple[Split, Split]:
        out = held_out(self._training.labels, self.share, self.name)
        return self._training[~out], self._training[out]

    def test(self) -> Split | None:
        return resized(self.read_test(), self.regime.images.resolution)

    @property
    def decoding(self) -> dict[str, Any]:
        """How a picture becomes one of these images: averaged to their size, see `resized`."""
        return pictures.about(self.regime.images.resolution, self._training.images.shape[1], pictures.BOX)


def split_of(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer]) -> Split:
    """A split of images ``(n, height, width)`` or ``(n, height, width, 3)``."""
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return Split(np.ascontiguousarray(planes), labels.astype(np.int64))
