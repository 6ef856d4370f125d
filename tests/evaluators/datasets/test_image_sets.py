"""Data sets: roles of the images, and what is said when they are missing or damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regnas.dataset import make_dataset
from regnas.errors import DataError, PluginNotFound, UsageError

CLASSES = ("cat", "dog", "owl")


def _fill(folder: Path, count: int = 8, classes: tuple[str, ...] = CLASSES) -> Path:
    """Pictures of different shapes; the class is the brightness."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            size = (20 + number, 30)
            Image.new("RGB", size, (80 * label, number, 0)).save(folder / name / f"{number:02}.png")
    return folder


def test_the_embedded_images_are_balanced_and_split_as_documented() -> None:
    data = make_dataset("fashion-mnist-mini")
    training, validation = data.fit()
    test = data.test()
    assert test is not None
    assert (len(training), len(validation), len(test)) == (4500, 1500, 2000)
    for split in (training, validation, test):
        assert len(set(np.bincount(split.labels, minlength=10))) == 1
        assert split.images.shape[1:] == (1, 28, 28) and split.images.dtype == np.uint8


def test_no_image_is_in_two_splits() -> None:
    data = make_dataset("fashion-mnist-mini")
    parts = [*data.fit(), data.test()]
    sets = [{image.tobytes() for image in part.images} for part in parts if part is not None]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


def test_train_val_and_test_folders_have_their_roles(tmp_path: Path) -> None:
    for part, count in (("train", 8), ("val", 4), ("test", 2)):
        _fill(tmp_path / part, count)
    data = make_dataset(f"imagefolder:{tmp_path}", resolution=16)
    training, validation = data.fit()
    test = data.test()
    assert data.class_names == CLASSES
    assert (len(training), len(validation), len(test or ())) == (24, 12, 6)
    assert training.images.shape == (24, 3, 16, 16)
    assert (training.images[:, 0].mean((1, 2)) == 80 * training.labels).all()


def test_without_val_some_of_train_is_held_out_and_without_test_there_is_none(tmp_path: Path) -> None:
    _fill(tmp_path / "train", 20)
    data = make_dataset(f"imagefolder:{tmp_path}")
    training, validation = data.fit()
    assert (len(training), len(validation)) == (51, 9)
    assert data.test() is None


def test_plain_class_folders_are_split_into_three(tmp_path: Path) -> None:
    data = make_dataset(f"imagefolder:{_fill(tmp_path / 'pets', 20)}")
    training, validation = data.fit()
    test = data.test()
    assert test is not None
    assert (len(training), len(validation), len(test)) == (42, 9, 9)
    again = make_dataset(f"imagefolder:{tmp_path / 'pets'}").fit()
    assert np.array_equal(again[0].images, training.images)
    assert all(set(part.labels) == {0, 1, 2} for part in (training, validation, test))


def test_decoded_images_come_from_the_cache_until_a_file_changes(tmp_path: Path) -> None:
    folder, cache = _fill(tmp_path / "pets"), tmp_path / "cache"
    first, _ = make_dataset(f"imagefolder:{folder}", cache=cache).fit()
    files = set(cache.iterdir())
    assert files
    second, _ = make_dataset(f"imagefolder:{folder}", cache=cache).fit()
    assert np.array_equal(first.images, second.images) and set(cache.iterdir()) == files
    for name in CLASSES:
        for file in (folder / name).iterdir():
            Image.new("RGB", (40, 40), (255, 255, 255)).save(file)
    changed, _ = make_dataset(f"imagefolder:{folder}", cache=cache).fit()
    assert (changed.images == 255).all()


def test_two_processes_that_decode_at_once_leave_one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins and ends while the first writes its file."""
    folder, cache = _fill(tmp_path / "pets"), tmp_path / "cache"
    spec, save = f"imagefolder:{folder}", np.save
    program = f"from regnas.dataset import make_dataset; make_dataset({spec!r}, cache={str(cache)!r}).fit()"
    begun: list[object] = []

    def slow(path: Path, images: np.typing.NDArray[np.uint8]) -> None:
        save(path, images)
        if not begun:
            begun.append(subprocess.run([sys.executable, "-c", program], check=True))

    monkeypatch.setattr(np, "save", slow)
    training, validation = make_dataset(spec, cache=cache).fit()
    assert begun and not list(cache.glob("*.part*"))
    again = make_dataset(spec, cache=cache).fit()
    assert np.array_equal(again[0].images, training.images) and np.array_equal(again[1].images, validation.images)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    folder = _fill(tmp_path / "pets")
    (folder / "dog" / "03.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    with pytest.raises(DataError, match=r"dog/03\.png"):
        make_dataset(f"imagefolder:{folder}").fit()


def test_a_picture_that_is_cut_off_is_named(tmp_path: Path) -> None:
    folder = _fill(tmp_path / "pets")
    picture = folder / "owl" / "05.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(picture)
    picture.write_bytes(picture.read_bytes()[:6000])
    with pytest.raises(DataError, match=r"owl/05\.png"):
        make_dataset(f"imagefolder:{folder}").fit()


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    folder = _fill(tmp_path / "pets")
    (folder / "yak").mkdir()
    with pytest.raises(DataError, match="yak"):
        make_dataset(f"imagefolder:{folder}").fit()


def test_a_class_that_training_lacks_is_named(tmp_path: Path) -> None:
    _fill(tmp_path / "train")
    _fill(tmp_path / "val", classes=(*CLASSES, "yak"))
    with pytest.raises(DataError, match="yak"):
        make_dataset(f"imagefolder:{tmp_path}").fit()


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 2"):
        _ = make_dataset(f"imagefolder:{_fill(tmp_path / 'pets', classes=('cat',))}").class_names


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("imagefolder", UsageError, "imagefolder:PATH"),
        ("imagefolder:/no/such/folder", DataError, "/no/such/folder"),
        ("cifar11", PluginNotFound, "cifar10"),
        ("fake:3", UsageError, "at least 16"),
        ("cifar10:here", UsageError, "--data-root"),
    ],
)
def test_a_data_set_that_cannot_be_meant_is_refused(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make_dataset(text)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100"])
def test_a_data_set_that_is_not_there_names_the_flag_that_gets_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--download"):
        make_dataset(name, root=tmp_path).fit()


def test_another_resolution_resizes_the_images_and_the_window() -> None:
    data = make_dataset("fashion-mnist-mini", resolution=14)
    training, _ = data.fit()
    assert training.images.shape[2:] == (14, 14)
    assert data.regime.images.resolution == 14
    assert data.regime.flops == "250k:500k"
    assert data.regime.seed_sd is None  # measured at 28 px
