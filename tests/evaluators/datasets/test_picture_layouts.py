"""Folders of pictures: which layouts are understood, which are refused, what is left out and said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from regnas.dataset import SupportsRemarks, make_dataset
from regnas.errors import DataError
from regnas.evaluators.datasets.pictures.layout import Layout, part_of, read_layout
from regnas.evaluators.datasets.pictures.tree import suffixes

PICTURE = Image.new("RGB", (8, 8), (200, 100, 0))


def put(top: Path, *files: str, count: int = 4) -> Path:
    """Pictures at FOLDER/0.png and so on for every folder."""
    for folder in files:
        (top / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            PICTURE.save(top / folder / f"{number}.png")
    return top


def found(top: Path) -> dict[str, int]:
    return {part: len(files) for part, files in read_layout(top).parts.items()}


@pytest.mark.parametrize(
    ("name", "part"),
    [("TRAIN", "training"), ("Training", "training"), ("trainset", "training"), ("seg_train", "training")]
    + [("val2017", "validation"), ("Valid", "validation"), ("validation", "validation"), ("test_images", "test")]
    + [("Testing", "test"), ("trains", None), ("contest", None), ("oak", None), ("valley", None), ("retrain", None)],
)
def test_parts_are_told_by_many_names(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize("wrapped", ["", "photos", "photos/photos"])
@pytest.mark.parametrize("inner", [False, True])
def test_an_archive_may_wrap_the_parts_and_each_of_them(tmp_path: Path, wrapped: str, inner: bool) -> None:
    for part in ("Train", "Valid", "Test"):
        put(tmp_path / wrapped / part / (part if inner else ""), "oak", "elm")
    assert found(tmp_path) == {"training": 8, "validation": 8, "test": 8}
    assert read_layout(tmp_path).class_names == ("elm", "oak")


def test_a_class_may_be_called_like_a_part_and_hold_folders(tmp_path: Path) -> None:
    put(tmp_path, "bus", "train", "train/steam", "test")
    layout = read_layout(tmp_path)
    assert layout.class_names == ("bus", "test", "train") and layout.split and len(layout.parts["training"]) == 16


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        (("val/oak", "val/elm", "test/oak", "test/elm"), "no folder train"),
        (("train/oak", "train/elm", "Training/oak", "Training/elm"), "two folders of training images"),
        (("train/oak", "train/elm", "others"), "beside them other pictures; move out others"),
        (("oak", "elm", "train/oak", "train/elm"), "beside them other pictures"),
        (("train", "train/oak", "train/elm", "train/fir", "others"), "beside them other pictures"),
        (("oak", "elm", "test/oak", "test/elm"), "no folder train"),
        (("train", "test"), "hold no class folders"),
        (("train/oak", "train/elm", "val"), "val holds no class folders"),
        (("train/oak", "train/elm", "val/oak"), "elm is empty or missing"),
        (("train/oak", "train/elm", "val/oak", "val/elm", "val/fir"), "training images lack: fir"),
        (("oak/train", "oak/test", "elm/train", "elm/test"), "not clear which folders are classes"),
        (("first/oak", "first/elm", "second/oak", "second/elm"), "not clear which folders are classes"),
        (("train/a/oak", "train/b/oak", "test/a/oak", "test/b/oak"), "not clear which folders are classes"),
        (("oak",), "holds 1 class folder, at least 2 are needed"),
        ((), "holds 0 class folders"),
    ],
)
def test_a_layout_without_one_meaning_is_refused_with_what_was_found(
    tmp_path: Path, folders: tuple[str, ...], says: str
) -> None:
    put(tmp_path, *folders)
    with pytest.raises(DataError, match=f"{says}.*; found: {tmp_path.name}/ ") as refusal:
        read_layout(tmp_path)
    assert all(folder.split("/")[0] in str(refusal.value) for folder in folders)


@pytest.mark.parametrize("test", ["test", "test/test"])
def test_test_pictures_without_classes_are_not_read_and_that_is_said(tmp_path: Path, test: str) -> None:
    put(tmp_path, "train/oak", "train/elm", test)
    layout = read_layout(tmp_path)
    assert set(layout.parts) == {"training"}
    assert "holds 4 pictures and no class folders: it is not read" in " ".join(layout.remarks)


def test_what_is_hidden_or_no_picture_is_counted_by_suffix(tmp_path: Path) -> None:
    put(tmp_path, "oak", "elm", "oak/.ipynb_checkpoints", "__MACOSX/oak", "oak/album.png")
    for name in ("._0.png", ".DS_Store"):
        (tmp_path / "elm" / name).write_bytes(b"junk")
    for name in ("a.HEIC", "b.heic", "notes.txt", "README"):
        (tmp_path / "elm" / name).write_bytes(b"junk")
    layout = read_layout(tmp_path)
    assert len(layout.parts["training"]) == 8
    assert layout.skipped == {"hidden": 4, ".heic": 2, ".txt": 1, "no suffix": 1, "folder named .png": 1}
    data = make_dataset(f"imagefolder:{tmp_path}", resolution=8)
    assert isinstance(data, SupportsRemarks)
    assert any("4 hidden, 2 .heic" in remark for remark in data.remarks())


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path / "kept", "oak", "elm", "elm/deep")
    top = tmp_path / "photos"
    top.mkdir()
    for name in ("oak", "elm"):
        os.symlink(tmp_path / "kept" / name, top / name)
    os.symlink(top, tmp_path / "kept" / "elm" / "again")
    layout: Layout = read_layout(top)
    assert len(layout.parts["training"]) == 12 and layout.skipped == {"link to a folder above": 1}


def test_every_suffix_that_pillow_reads_is_one_of_a_picture() -> None:
    assert {".jpg", ".jfif", ".png", ".apng", ".webp", ".gif", ".tif", ".bmp", ".ppm", ".tga", ".ico"} <= suffixes()
    assert not {".pdf", ".h5", ".eps", ".txt", ".mpg"} & suffixes()
