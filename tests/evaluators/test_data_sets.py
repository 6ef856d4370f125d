"""The data sets that come with regnas, or that torchvision reads."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from regnas.dataset import make_dataset
from regnas.errors import DataError, UsageError


def test_made_up_images_have_classes_that_can_be_told_apart_and_splits_of_their_own() -> None:
    data = make_dataset("fake:64")
    training, validation = data.fit()
    test = data.test()
    assert test is not None and (len(training), len(validation), len(test)) == (48, 16, 64)
    means = [training.images[training.labels == label].mean(0) for label in range(4)]
    distance = [[float(np.abs(image - mean).mean()) for mean in means] for image in test.images.astype(float)]
    assert np.array_equal(np.argmin(distance, 1), test.labels)
    assert not {image.tobytes() for image in training.images} & {image.tobytes() for image in test.images}


def test_a_resolution_too_small_for_any_network_is_refused() -> None:
    with pytest.raises(UsageError, match="--resolution is at least 8 pixels, got 4"):
        make_dataset("fake", resolution=4)


def test_without_torchvision_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(DataError, match=r"mnist needs torchvision: pip install 'regnas\[vision\]'"):
        make_dataset("mnist", root=tmp_path).fit()


def write_mnist(folder: Path, count: int) -> None:
    """Files as torchvision keeps them, with ``count`` images in each part."""
    folder.mkdir(parents=True)
    for part, images in (("train", count), ("t10k", count)):
        pixels = np.arange(images * 28 * 28, dtype=np.uint32).astype(np.uint8)
        head = np.array([2051, images, 28, 28], dtype=">u4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        labels = (np.arange(images) % 10).astype(np.uint8)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            np.array([2049, images], dtype=">u4").tobytes() + labels.tobytes()
        )


def test_images_that_torchvision_reads_are_split_into_nine_tenths_and_one(tmp_path: Path) -> None:
    write_mnist(tmp_path / "FashionMNIST" / "raw", 100)
    data = make_dataset("fashion-mnist", root=tmp_path)
    training, validation = data.fit()
    test = data.test()
    assert test is not None and (len(training), len(validation), len(test)) == (90, 10, 100)
    assert training.images.shape[1:] == (1, 28, 28) and sorted(validation.labels.tolist()) == list(range(10))
    assert data.class_names[9] == "Ankle boot"


def test_damaged_files_are_named_with_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    write_mnist(folder, 20)
    for file in folder.iterdir():
        file.write_bytes(gzip.compress(b"no images"))
    with pytest.raises(DataError, match=f"mnist.* {tmp_path}"):
        make_dataset("mnist", root=tmp_path).fit()
