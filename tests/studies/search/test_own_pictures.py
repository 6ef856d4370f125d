"""A search on a user's own pictures: what is said of them, and going on without broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import regnas
from regnas.dataset import make_dataset, spec_of
from regnas.errors import DataError, UsageError
from regnas.studies.search.plan import plan
from regnas.studies.training.train import train

COUNTS = {"oak": 60, "elm": 8}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number:02}.png")
    return tmp_path / "photos"


def test_the_headline_counts_the_images_of_every_part(photos: Path, tmp_path: Path) -> None:
    made = plan("regnetx", data=f"imagefolder:{photos}", resolution=8, flops=":1M", out=tmp_path / "runs", workers=0)
    assert "2 classes, 48 training, 10 validation, 10 test images" in made.headline()
    assert any("elm 6" in note for note in made.notes)


def test_a_search_goes_on_without_broken_files_and_its_training_too(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (0, 1):
        (photos / "oak" / f"{number:02}.png").write_bytes(b"junk")
    options = {"data": f"imagefolder:{photos}", "resolution": 8, "flops": ":1M", "epochs": 1, "budget": 1, "workers": 0}
    with pytest.raises(DataError, match="cannot read 2 images"):
        regnas.search("regnetx", out=tmp_path / "runs", **options)  # type: ignore[arg-type]
    found = regnas.search("regnetx", out=tmp_path / "runs", skip_broken=True, **options)  # type: ignore[arg-type]
    assert "skipped as broken, 2 of 68 files" in capsys.readouterr().out
    assert found.settings["data"] == f"imagefolder:{photos}[skip_broken=true]"
    best = json.loads((found.folder / "best.json").read_text())
    assert best["decoding"]["channels"] == 3 and "remarks" not in best
    folder = train(str(found.folder), epochs=1)
    assert "skipped as broken, 2 of 68 files" in capsys.readouterr().out
    assert json.loads((folder / "architecture.json").read_text())["decoding"] == best["decoding"]


def test_a_folder_of_pictures_is_named_as_it_is(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same study as `imagefolder:` gives, and the network is trained on another folder as easily."""
    monkeypatch.chdir(tmp_path)
    options = {"resolution": 8, "flops": ":1M", "epochs": 1, "budget": 1, "workers": 0, "quiet": True}
    found = regnas.search("regnetx", data="photos", **options)  # type: ignore[arg-type]
    again = regnas.search("regnetx", data="imagefolder:photos", **options)  # type: ignore[arg-type]
    assert found.settings["data"] == "imagefolder:photos" and again.folder == found.folder
    assert train(str(found.folder), data="./photos", epochs=1).name == "final-1"


def test_the_spec_of_a_folder_keeps_its_options_and_a_data_set_is_meant_before_one(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fake").mkdir()
    assert spec_of("photos[channels=1,training=9]") == "imagefolder:photos[channels=1,training=9]"
    assert spec_of(str(photos)) == f"imagefolder:{photos}"
    assert [spec_of(one) for one in ("fake", "fake:64", "imagefolder:photos", "photo")] == [
        "fake",
        "fake:64",
        "imagefolder:photos",
        "photo",
    ]
    for missing in ("./photo", f"{tmp_path}/photo[channels=1]"):
        with pytest.raises(UsageError, match="there is no folder .*photo; --data names a folder of pictures"):
            spec_of(missing)
    with pytest.raises(UsageError, match="no data set 'photo', installed: .*; there is no folder photo here, either"):
        make_dataset("photo")
