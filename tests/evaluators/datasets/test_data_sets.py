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


def test_a_sixth_of_the_training_images_that_torchvision_reads_validates(tmp_path: Path) -> None:
    write_mnist(tmp_path / "FashionMNIST" / "raw", 120)
    data = make_dataset("fashion-mnist", root=tmp_path)
    training, validation = data.fit()
    test = data.test()
    assert test is not None and (len(training), len(validation), len(test)) == (100, 20, 120)
    assert training.images.shape[1:] == (1, 28, 28) and sorted(validation.labels.tolist()) == [
        label for label in range(10) for _ in range(2)
    ]
    assert data.class_names[9] == "Ankle boot"


def test_a_subset_of_the_training_images_is_fixed_and_class_balanced_and_leaves_the_others_alone() -> None:
    whole, part = make_dataset("fake:400"), make_dataset("fake:400[training=40]")
    training, validation = part.fit()
    assert np.bincount(training.labels).tolist() == [10, 10, 10, 10]
    everything = {image.tobytes() for image in whole.fit()[0].images}
    assert all(image.tobytes() in everything for image in training.images)
    again = make_dataset("fake:400[training=40]").fit()[0]
    assert np.array_equal(training.images, again.images)
    assert np.array_equal(validation.images, whole.fit()[1].images)
    test, all_test = part.test(), whole.test()
    assert test is not None and all_test is not None and np.array_equal(test.images, all_test.images)
    assert part.name == f"{whole.name}[training=40]" and part.class_names == whole.class_names


def test_a_subset_of_a_folder_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    from PIL import Image

    found = []
    for place in ("here", "there"):
        rng = np.random.default_rng(0)
        for label in ("cat", "dog"):
            folder = tmp_path / place / "train" / label
            folder.mkdir(parents=True)
            for number in range(20):
                Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{number:02}.png")
        found.append(make_dataset(f"imagefolder:{tmp_path / place}[training=10]", resolution=8).fit()[0].images)
    assert np.array_equal(found[0], found[1]) and len(found[0]) == 10


@pytest.mark.parametrize("count", ["0", "x", "-3", "1.5", ""])
def test_a_subset_is_a_whole_number_of_images(count: str) -> None:
    with pytest.raises(UsageError, match="training="):
        make_dataset(f"fake[training={count}]")


@pytest.mark.parametrize("count", [3, 300, 1000])
def test_a_subset_is_smaller_than_the_whole_and_has_every_class(count: int) -> None:
    with pytest.raises(DataError, match="300 training images of 4 classes"):
        make_dataset(f"fake:400[training={count}]").fit()


def test_damaged_files_are_named_with_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    write_mnist(folder, 20)
    for file in folder.iterdir():
        file.write_bytes(gzip.compress(b"no images"))
    with pytest.raises(DataError, match=f"mnist.* {tmp_path}"):
        make_dataset("mnist", root=tmp_path).fit()
