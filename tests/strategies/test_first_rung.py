"""Trainings are compared at first after enough steps, not after one epoch whatever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regnas.pruner import FIRST_STEPS, NONE, SupportsFirst, after_steps, make_pruner
from regnas.studies.run.progress import Silent
from regnas.studies.search.plan import plan
from regnas.studies.search.search import run


@given(
    name=some.sampled_from(["asha", "hyperband", "asha[eta=4]"]),
    epochs=some.integers(2, 400),
    steps=some.integers(1, 100_000),
)
def test_the_first_comparison_comes_after_enough_steps_and_no_later(name: str, epochs: int, steps: int) -> None:
    made = make_pruner(after_steps(name, epochs, steps), epochs)
    assert isinstance(made, SupportsFirst)
    each = steps / epochs
    assert made.first * each >= FIRST_STEPS or made.first == epochs - 1
    assert made.first == 1 or (made.first - 1) * each < FIRST_STEPS


@pytest.mark.parametrize("text", [NONE, "median", "asha[first=1]", "hyperband[eta=2,first=3]"])
def test_what_was_said_and_what_has_no_such_option_stays(text: str) -> None:
    assert after_steps(text, 9, 20) == text


@pytest.mark.parametrize(("size", "expected"), [(8, "asha[first=5]"), (2, "asha[first=2]"), (64, "asha[first=8]")])
def test_a_search_stores_the_epochs_that_it_compares_at(tmp_path: Path, size: int, expected: str) -> None:
    """192 images: an epoch is 24, 96 or 3 steps, and 100 steps are 5, 2 or, of nine epochs, too many."""
    options: dict[str, Any] = {"data": "fake", "workers": 0, "out": tmp_path, "pruner": "asha", "budget": 1}
    one = plan("regnetx", **options, epochs=9, evaluator=f"train[batch_size={size}]")
    assert one.settings.pruner == expected and one.name == "regnetx/random/0/asha"
    assert f"pruner {expected}" in one.headline()


def test_a_study_of_an_earlier_release_is_compared_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"data": "fake", "workers": 0, "out": tmp_path, "pruner": "asha", "budget": 1}
    options |= {"epochs": 4, "baselines": False, "evaluator": "train[batch_size=64,drop_last=true]"}
    with monkeypatch.context() as earlier:
        earlier.setattr("regnas.studies.search.plan.after_steps", lambda text, *_: text)
        begun = plan("regnetx", **options)
        run(begun, Silent())
    assert begun.settings.pruner == "asha"
    assert plan("regnetx", **options).settings == begun.settings
    assert plan("regnetx", **{**options, "study": "new"}).settings.pruner == "asha[first=3]"
