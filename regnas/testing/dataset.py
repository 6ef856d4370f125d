"""The rules of data sets."""

from __future__ import annotations

import numpy as np

from regnas.dataset import DataSet, Source, Split
from regnas.window import parse_bounds


class DataSetRules:
    """Subclass, and override `make`.

    Attributes:
        channels: how many an image may have.
        shared: the largest share of validation or test images that may also be among the training images, byte for
            byte: real data sets hold some images twice.
    """

    channels = (1, 3)
    shared = 0.01

    def make(self, source: Source) -> DataSet:
        """What the entry point of ``regnas.datasets`` names, usually in one line; a fixed argument may be added."""
        raise NotImplementedError

    def test_classes_and_regime_fit_each_other(self) -> None:
        made = self.make(Source())
        assert made.name
        assert len(made.class_names) == made.regime.images.classes >= 2
        assert len(set(made.class_names)) == len(made.class_names)
        assert made.regime.epochs >= 1
        parse_bounds(made.regime.flops, "flops")

    def test_images_are_bytes_and_labels_are_classes(self) -> None:
        made = self.make(Source())
        for split in _splits(made):
            size = made.regime.images.resolution
            assert split.images.dtype == np.uint8 and split.labels.dtype == np.int64
            assert split.images.ndim == 4 and split.labels.shape == (len(split.images),)
            assert split.images.shape[1] in self.channels
            assert split.images.shape[2:] == (size, size)
            assert len(split) > 0

    def test_every_class_is_in_every_split(self) -> None:
        made = self.make(Source())
        for split in _splits(made):
            assert np.unique(split.labels).tolist() == list(range(len(made.class_names)))

    def test_splits_are_the_same_every_time(self) -> None:
        made = self.make(Source())
        for first, again in zip(_splits(made), _splits(made), strict=True):
            assert np.array_equal(first.images, again.images) and np.array_equal(first.labels, again.labels)
        for first, again in zip(_splits(made), _splits(self.make(Source())), strict=True):
            assert np.array_equal(first.images, again.images) and np.array_equal(first.labels, again.labels)

    def test_splits_share_no_images(self) -> None:
        made = self.make(Source())
        splits = _splits(made)
        for index, later in enumerate(splits):
            known = {image.tobytes() for earlier in splits[:index] for image in earlier.images}
            repeats = sum(image.tobytes() in known for image in later.images)
            assert repeats <= self.shared * len(later), f"{repeats} of {len(later)} images are in an earlier split"

    def test_resolution_can_be_chosen(self) -> None:
        made = self.make(Source(resolution=12))
        assert made.regime.images.resolution == 12
        for split in _splits(made):
            assert split.images.shape[2:] == (12, 12)
        full = self.make(Source())
        assert [len(split) for split in _splits(made)] == [len(split) for split in _splits(full)]
        assert made.class_names == full.class_names


def _splits(data: DataSet) -> list[Split]:
    """Training, validation and, where there is one, test."""
    test = data.test()
    return [*data.fit(), *([] if test is None else [test])]
