"""A study and its images: what follows from there being few, and what is said where they are others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regnas.errors import StudyError
from regnas.evaluators.training.recipe import Recipe
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.session import opened

FEW = "fashion-mnist-mini[training=100]"


def planned(folder: Path, **options: Any) -> SearchPlan:
    return plan("regnetx", **{"data": FEW, "budget": 1, "workers": 0, "device": "cpu", "out": folder, **options})


def test_the_first_lines_say_batch_and_epochs_and_why(tmp_path: Path) -> None:
    said = planned(tmp_path).headline()
    assert "16 epochs each in batches of 8, for there are few images to train on, 100" in said
    assert "batches" not in planned(tmp_path, data="fashion-mnist-mini").headline()


def test_what_the_user_says_stays(tmp_path: Path) -> None:
    chosen = planned(tmp_path, epochs=2, evaluator="train[batch_size=32,learning_rate=0.2]").settings.recipe
    assert (chosen["epochs"], chosen["batch_size"], chosen["learning_rate"]) == (2, 32, 0.2)


def test_a_study_of_an_earlier_release_goes_on_by_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(Recipe, "for_images", lambda recipe, *_, **__: recipe)
        begun = planned(tmp_path)
        with opened(begun):
            pass
    again = planned(tmp_path)
    assert again.settings == begun.settings and again.epochs == 3
    assert again.evaluator == "train[drop_last=true]"
    with opened(again):
        pass
    with pytest.raises(StudyError, match="recipe.epochs: stored 3, asked 4"), opened(planned(tmp_path, epochs=4)):
        pass
