"""Made-up images for tests: each class is a pattern of its own, under noise."""

from __future__ import annotations

import numpy as np

from regnas.dataset import DataSet, Regime, Source, Split
from regnas.errors import UsageError
from regnas.evaluators.datasets.common import ArrayDataSet, regime_at
from regnas.images import Images
from regnas.sampling import keyed

_REGIME = Regime(
    Images(16, 4, stem_stride=2, stem_width=8, strides=(1, 1, 2, 2)), flops=":2M", epochs=2, flip=False, steps=0
)


def fake(source: Source) -> DataSet:
    """``fake`` or ``fake:N``: N (default 256) training and validation images of 4 classes, 16 x 16 pixels.

    Raises:
        UsageError: no number of images, or fewer than 16.
    """
    text = source.argument or "256"
    if not text.isdigit() or int(text) < 16:
        raise UsageError(f"fake:N takes the number of images, at least 16; got {text!r}")
    regime = regime_at(_REGIME, source.resolution, 4)
    size = regime.images.resolution
    return ArrayDataSet(
        name="fake",
        class_names=("a", "b", "c", "d"),
        regime=regime,
        read_training=lambda: _images("training", int(text), size),
        read_test=lambda: _images("test", 64, size),
        share=0.25,
    )


def _images(part: str, count: int, size: int) -> Split:
    patterns = keyed.generator("fake", "patterns").random((4, 3, size, size))
    labels = np.arange(count) % 4
    noise = keyed.generator("fake", part).random((count, 3, size, size))
    images = 255 * (0.6 * patterns[labels] + 0.4 * noise)
    return Split(images.astype(np.uint8), labels.astype(np.int64))
