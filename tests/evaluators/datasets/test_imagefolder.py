"""``imagefolder:PATH``: a user's own images, and what can be wrong with them."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from regnas.dataset import SupportsFingerprint, make_dataset
from regnas.errors import DataError
from regnas.evaluator import Context, Task
from regnas.evaluators.training.evaluator import make
from regnas.search_spaces.staged.architecture import Staged


def paint(file: Path, shade: int, size: tuple[int, int] = (20, 16), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, shade if mode == "L" else (shade, 0, 255 - shade)).save(file)


def fill(top: Path, count: int, classes: tuple[str, ...] = ("cat", "dog")) -> None:
    for number, name in enumerate(classes):
        for image in range(count):
            paint(top / name / f"{image:02}.png", 100 * number + image)


def spec(path: Path) -> str:
    return f"imagefolder:{path}"


def shades(images: np.typing.NDArray[np.uint8]) -> list[int]:
    return sorted(images[:, 0, 0, 0].tolist())


def test_folders_for_training_validation_and_test_are_taken_as_they_are(tmp_path: Path) -> None:
    for part, count in (("train", 5), ("val", 3), ("test", 2)):
        fill(tmp_path / part, count)
    data = make_dataset(spec(tmp_path), resolution=16)
    training, validation = data.fit()
    test = data.test()
    assert data.class_names == ("cat", "dog") and data.regime.images.classes == 2
    assert shades(training.images) == [*range(5), *range(100, 105)]
    assert shades(validation.images) == [0, 1, 2, 100, 101, 102]
    assert test is not None and shades(test.images) == [0, 1, 100, 101]
    assert training.labels.tolist() == [0] * 5 + [1] * 5 and training.images.shape[1:] == (3, 16, 16)


def test_the_middle_square_of_every_kind_of_image_is_read(tmp_path: Path) -> None:
    """Grey, transparent and palette images become RGB; the sides of a wide image are cut off."""
    wide = np.zeros((8, 24, 3), dtype=np.uint8)
    wide[:, 8:16] = 200
    (tmp_path / "a" / "deep").mkdir(parents=True)
    Image.fromarray(wide).save(tmp_path / "a" / "wide.bmp")
    paint(tmp_path / "a" / "deep" / "grey.JPG", 50, mode="L")
    Image.new("RGBA", (9, 9), (10, 20, 30, 0)).save(tmp_path / "a" / "clear.png")
    Image.new("P", (9, 9)).save(tmp_path / "a" / "palette.gif")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    fill(tmp_path, 4, ("b",))
    data = make_dataset(spec(tmp_path), resolution=8)
    assert data.class_names == ("a", "b")
    training, validation = data.fit()
    test = data.test()
    assert test is not None
    everything = np.concatenate([training.images, validation.images, test.images])
    assert len(everything) == 8 and everything.shape[1:] == (3, 8, 8)
    assert any((image == 200).all() for image in everything)


@pytest.fixture
def every_warning() -> Iterator[None]:
    """torch gives most warnings once a process; here it gives them whenever there is a reason."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.usefixtures("every_warning")
def test_cached_images_train_without_a_warning(tmp_path: Path) -> None:
    fill(tmp_path / "images", 10)
    network = Staged(stem_width=8, depths=(1,), widths=(8,), strides=(2,), classes=2)
    for _ in range(2):  # the second reads the cache
        task = Task(data=spec(tmp_path / "images"), cache=str(tmp_path / "cache"), resolution=8, epochs=1)
        evaluator = make(task, {"batch_size": 4})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert 0 <= evaluator(network, seed=0, context=Context(folder=tmp_path / "kept")).error <= 1
            assert evaluator.test(network, context=Context(folder=tmp_path / "kept")) is not None


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_file_that_is_no_image_is_named_before_the_search_in_every_part(tmp_path: Path, part: str) -> None:
    for name in ("train", "val", "test"):
        fill(tmp_path / name, 3)
    broken = tmp_path / part / "cat" / "01.png"
    broken.write_text("no image")
    with pytest.raises(DataError, match=f"cannot read the image {broken}"):
        make_dataset(spec(tmp_path), resolution=8).fit()


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_an_empty_class_is_named(tmp_path: Path, part: str) -> None:
    for name in ("train", "val", "test"):
        fill(tmp_path / name, 3)
    for image in (tmp_path / part / "dog").iterdir():
        image.unlink()
    with pytest.raises(DataError, match=f"class folder {tmp_path / part / 'dog'} is empty or missing"):
        make_dataset(spec(tmp_path), resolution=8).fit()


def test_one_image_in_a_class_cannot_be_split(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with pytest.raises(DataError, match="has 1 image; a split needs at least 2 of every class"):
        make_dataset(spec(tmp_path), resolution=8).fit()


def test_more_images_than_fit_into_memory_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regnas.evaluators.datasets import imagefolder

    fill(tmp_path, 10)
    monkeypatch.setattr(imagefolder, "_MOST_BYTES", 1000)
    with pytest.raises(DataError, match="images of 64 px need .* of memory.*; lower --resolution"):
        make_dataset(spec(tmp_path), resolution=64).fit()


def fingerprint(path: Path, options: str = "") -> Mapping[str, Any]:
    data = make_dataset(spec(path) + options, resolution=8)
    assert isinstance(data, SupportsFingerprint)
    return data.fingerprint()


def test_a_copied_folder_has_the_same_fingerprint_and_another_image_another_one(tmp_path: Path) -> None:
    fill(tmp_path / "first", 10)
    shutil.copytree(tmp_path / "first", tmp_path / "elsewhere" / "second")
    before = fingerprint(tmp_path / "first")
    assert fingerprint(tmp_path / "elsewhere" / "second") == before == json.loads(json.dumps(before))
    assert before["classes"] == ["cat", "dog"] and before["counts"]["training"] == [7, 7]
    paint(tmp_path / "first" / "cat" / "10.png", 7)
    assert fingerprint(tmp_path / "first") != before


def test_a_part_of_the_training_images_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    assert fingerprint(tmp_path, "[training=4]") == {**fingerprint(tmp_path), "training": 4}
