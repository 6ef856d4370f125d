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

from regnas.dataset import SupportsCounts, SupportsFingerprint, SupportsRemarks, make_dataset
from regnas.errors import DataError, UsageError
from regnas.evaluator import Context, Task
from regnas.evaluators.training.evaluator import make
from regnas.pictures import read_picture
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
    with pytest.raises(DataError, match="class cat has 1 image, class dog has 1 image; a split needs at least 3"):
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


def test_all_broken_files_are_named_at_once_and_may_be_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    fill(folder, 20)
    for number in (3, 4, 5):
        (folder / "cat" / f"{number:02}.png").write_bytes(b"junk")
    (folder / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match="cannot read 4 images.*--skip-broken") as refusal:
        make_dataset(spec(folder), resolution=8).fit()
    assert all(name in str(refusal.value) for name in ("cat/03.png", "cat/04.png", "cat/05.png", "dog/gone.png"))
    for _ in range(2):  # the second reads the cache
        data = make_dataset(f"{spec(folder)}[skip_broken=true]", resolution=8, cache=tmp_path / "cache")
        assert isinstance(data, SupportsCounts) and isinstance(data, SupportsRemarks)
        training, validation = data.fit()
        test = data.test()
        counts = {"training": len(training), "validation": len(validation), "test": len(test or ())}
        assert data.counts() == counts and sum(counts.values()) == 37
        assert all((part.images[:, 0, 0, 0] // 100 == part.labels).all() for part in (training, validation))
        assert any("skipped as broken, 4 of 41 files" in remark for remark in data.remarks())


def test_more_broken_files_than_a_screen_holds_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    for file in (tmp_path / "cat").iterdir():
        file.write_bytes(b"junk")
    with pytest.raises(DataError, match="and 10 more"):
        make_dataset(spec(tmp_path), resolution=8).fit()
    with pytest.raises(DataError, match="no training image of cat can be read"):
        make_dataset(f"{spec(tmp_path)}[skip_broken=true]", resolution=8).fit()


@pytest.mark.parametrize("damage", ["cut", "empty", "shape", "note"])
def test_a_damaged_cache_is_made_anew_and_leftovers_go(tmp_path: Path, damage: str) -> None:
    fill(tmp_path / "images", 10)
    cache = tmp_path / "cache"
    first, _ = make_dataset(spec(tmp_path / "images"), resolution=8, cache=cache).fit()
    whole = first.images.copy()
    for file in cache.glob("*.npy"):
        content = file.read_bytes()
        if damage == "shape":
            np.save(file, np.zeros((2, 3, 8, 8), np.uint8))
        elif damage == "note":
            file.with_suffix(".json").write_text("[]")
        else:
            file.unlink()
            file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    (cache / ".0123.npy.99999999.part").write_bytes(b"half")
    again, _ = make_dataset(spec(tmp_path / "images"), resolution=8, cache=cache).fit()
    assert np.array_equal(again.images, whole) and not list(cache.glob(".*.part"))


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    data = make_dataset(f"{spec(tmp_path)}[channels=1,training=6]", resolution=8)
    assert data.name == f"{spec(tmp_path)}[channels=1,training=6]"
    assert data.fit()[0].images.shape == (6, 1, 8, 8)


@pytest.mark.parametrize("options", ["channels=2", "channels=grey", "skip_broken=maybe", "colour=1"])
def test_an_option_that_there_is_not_is_refused(tmp_path: Path, options: str) -> None:
    with pytest.raises(UsageError, match=options.split("=")[0]):
        make_dataset(f"{spec(tmp_path)}[{options}]")


def test_what_is_odd_about_the_images_is_said(tmp_path: Path) -> None:
    fill(tmp_path, 60, ("cat", "dog"))
    fill(tmp_path, 6, ("okapi",))
    data = make_dataset(spec(tmp_path), resolution=8)
    assert isinstance(data, SupportsRemarks)
    said = " ".join(data.remarks())
    assert "fewer than 10 training images: okapi 4" in said
    assert "the classes differ 10.5 times in number, cat 42 and okapi 4" in said
    assert "88 of 88 training images are of one colour throughout" in said


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_read_afterwards_as_it_was_for_training(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 255, (40, 30, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "train" / name / f"{number}.png")
    shutil.copytree(tmp_path / "train", tmp_path / "val")
    for size in (8, 24):
        training, _ = make_dataset(f"{spec(tmp_path)}[channels={channels}]", resolution=size).fit()
        files = sorted((tmp_path / "train").rglob("*.png"))
        assert np.array_equal(training.images, [read_picture(file, size, channels) for file in files])


def test_other_pixels_in_a_file_of_equal_size_make_another_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    before = fingerprint(tmp_path)
    file = tmp_path / "cat" / "03.png"
    Image.new("RGB", (20, 16), (3, 1, 255)).save(file.with_suffix(".bmp"))
    first = fingerprint(tmp_path)
    Image.new("RGB", (20, 16), (3, 2, 255)).save(file.with_suffix(".bmp"))
    second = fingerprint(tmp_path)
    assert before["files"] != first["files"] == second["files"] and first["content"] != second["content"]
