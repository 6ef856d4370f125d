"""A study and its images: what follows from there being few, and what is said where they are others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from regnas.dataset import make_dataset
from regnas.errors import StudyError
from regnas.evaluators.datasets.common import ArrayDataSet
from regnas.evaluators.training.recipe import Recipe
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.search.images import fingerprint_of, other_images
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.session import opened

FEW = "fashion-mnist-mini[training=100]"


def planned(folder: Path, **options: Any) -> SearchPlan:
    return plan("regnetx", **{"data": FEW, "budget": 1, "workers": 0, "device": "cpu", "out": folder, **options})


def test_the_first_lines_say_batch_and_epochs_and_why(tmp_path: Path) -> None:
    said = planned(tmp_path).headline()
    assert "16 epochs in place of 3 each, in batches of 8, as there are few images to train on (100);" in said
    for options in ({"epochs": 16}, {"evaluator": "train[epochs=16]"}):  # in place of nothing
        said = planned(tmp_path, **options).headline()
        assert "16 epochs each in batches of 8 (few images to train on: 100);" in said
    assert "batches" not in planned(tmp_path, data="fashion-mnist-mini").headline()


def test_the_first_lines_say_that_no_candidate_can_be_whole(tmp_path: Path) -> None:
    options = {"pruner": "asha", "epochs": 9, "budget": None, "budget_epochs": 20}
    said = "20 in all, and it takes 25 until one candidate is whole"
    assert said in planned(tmp_path, **options).headline()
    assert "until" not in planned(tmp_path, **{**options, "budget_epochs": 25}).headline()


def test_few_images_to_validate_on_are_said_with_what_that_means(tmp_path: Path) -> None:
    """sqrt(0.25 * 0.75 / 16) = 0.108."""
    (said,) = plan("regnetx", data="fake:64", out=tmp_path, workers=0, device="cpu").notes
    assert said.startswith("few images to validate on: 16; an error of 25 % is uncertain by 11%")
    assert plan("regnetx", data="fake:512", out=tmp_path, workers=0, device="cpu").notes == ()


def test_that_pictures_of_ones_own_are_mirrored_is_said_with_how_not_until_the_user_chose(tmp_path: Path) -> None:
    for number in range(6):
        for name in ("cat", "dog"):
            (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), (40 * number, 9, 99)).save(tmp_path / "photos" / name / f"{number}.png")

    def said(evaluator: str, data: str = f"imagefolder:{tmp_path / 'photos'}") -> list[str]:
        made = plan("regnetx", data=data, resolution=16, evaluator=evaluator, out=tmp_path / "o", workers=0)
        return [line for line in made.notes if "mirrored" in line]

    (line,) = said("train")
    assert line.startswith("half of the pictures are mirrored") and line.endswith("--evaluator 'train[flip=false]'")
    (line,) = said("train[balanced=true]", f"imagefolder:{tmp_path / 'photos'}[training=4]")
    assert line.endswith("--evaluator 'train[balanced=true,flip=false]'")
    supernet = "supernet[epochs=2,batch=2]"
    assert said(supernet)[0].endswith("--evaluator 'supernet[epochs=2,batch=2,flip=false]'")
    assert not said("supernet[batch=2,flip=false]")
    assert not said("train[flip=false]") and not said("train[flip=true]") and not said("train", "fake:64")


def test_what_the_user_says_stays(tmp_path: Path) -> None:
    chosen = planned(tmp_path, epochs=2, evaluator="train[batch_size=32,learning_rate=0.2]").settings.recipe
    assert (chosen["epochs"], chosen["batch_size"], chosen["learning_rate"]) == (2, 32, 0.2)


def test_a_study_of_an_earlier_release_goes_on_by_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(Recipe, "for_images", lambda recipe, *_, **__: replace(recipe, scaled_residuals=False))
        begun = planned(tmp_path)
        with opened(begun):
            pass
    again = planned(tmp_path)
    assert again.settings == begun.settings and again.epochs == 3
    assert again.evaluator == "train[drop_last=true,scaled_residuals=false]"
    with opened(again):
        pass
    with pytest.raises(StudyError, match="recipe.epochs: stored 3, asked 4"), opened(planned(tmp_path, epochs=4)):
        pass


def fingerprint(classes: tuple[str, ...] = ("cat", "dog"), training: int = 14, files: str = "a") -> dict[str, Any]:
    counts = {"training": [14, training], "validation": [3, 3], "test": [3, 3]}
    return {"classes": list(classes), "counts": counts, "files": files}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (fingerprint(training=54), "images changed: class dog has 40 images more"),
        (fingerprint(training=10), "images changed: class dog has 4 images fewer"),
        (fingerprint(classes=("ant", "cat")), "images changed: stored classes dog, now ant"),
        (fingerprint(files="b"), "images changed: as many of each class, but other files"),
        ({**fingerprint(), "training": 5}, "images changed: another training"),
    ],
)
def test_other_images_are_told_apart_in_words(now: dict[str, Any], said: str) -> None:
    stored = {"data": "imagefolder:photos", "fingerprint": fingerprint()}
    assert other_images(stored, {"data": "imagefolder:photos", "fingerprint": now}) == [said]


def test_the_same_images_may_lie_elsewhere() -> None:
    stored = {"data": "imagefolder:photos", "fingerprint": fingerprint()}
    assert other_images(stored, {"data": "imagefolder:/home/me/photos/", "fingerprint": fingerprint()}) == []


def test_without_a_fingerprint_the_name_counts() -> None:
    stored = {"data": "imagefolder:photos"}
    assert other_images(stored, {"data": "imagefolder:photos", "fingerprint": fingerprint()}) == []
    assert other_images(stored, {"data": "imagefolder:x", "fingerprint": fingerprint()}) == [
        "data: stored imagefolder:photos, asked imagefolder:x"
    ]


def test_two_data_sets_are_never_the_same_images() -> None:
    stored, asked = {"data": "one:a", "fingerprint": {"n": 1}}, {"data": "other:a", "fingerprint": {"n": 1}}
    assert other_images(stored, asked) == ["data: stored one:a, asked other:a"]
    assert fingerprint_of(make_dataset(FEW)) is None


def test_a_study_is_of_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an earlier release, which knew no fingerprint, goes on, and is of its images from then on."""
    monkeypatch.setattr(ArrayDataSet, "fingerprint", None, raising=False)
    with opened(planned(tmp_path, data="fake")):
        pass
    monkeypatch.setattr(ArrayDataSet, "fingerprint", lambda _: fingerprint(), raising=False)
    for _ in range(2):
        with opened(planned(tmp_path, data="fake")) as study:
            assert json.loads(study.user_attrs[ATTRIBUTE])["fingerprint"] == fingerprint()
    monkeypatch.setattr(ArrayDataSet, "fingerprint", lambda _: fingerprint(training=54), raising=False)
    with pytest.raises(StudyError, match="images changed: class dog has 40 images more"):
        with opened(planned(tmp_path, data="fake")):
            pass
