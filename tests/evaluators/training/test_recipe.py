"""The recipe: its schedule, its limits, and what it decays."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from regnas.errors import UsageError
from regnas.evaluator import Task
from regnas.evaluators.training.evaluator import make
from regnas.evaluators.training.loop import parameter_groups
from regnas.evaluators.training.recipe import Recipe


@given(st.integers(10, 5000), st.floats(0, 0.5))
def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing(steps: int, warmup: float) -> None:
    recipe = Recipe(learning_rate=0.2, warmup=warmup)
    rates = [recipe.rate(step, steps) for step in range(steps)]
    peak = max(range(steps), key=rates.__getitem__)
    assert all(a <= b for a, b in zip(rates[:peak], rates[1 : peak + 1], strict=True))
    assert all(a >= b for a, b in zip(rates[peak:-1], rates[peak + 1 :], strict=True))
    assert 0.19 < rates[peak] < 0.2 + 1e-9 or steps < 20
    assert 0 <= rates[-1] < 0.2 * 0.1


def test_the_half_cosine_is_half_way_down_in_the_middle() -> None:
    recipe = Recipe(learning_rate=0.2, warmup=0.0)
    assert recipe.rate(0, 1000) == pytest.approx(0.2)
    assert recipe.rate(500, 1000) == pytest.approx(0.1)


def test_the_warm_up_rises_in_equal_steps_from_a_tenth_and_ends_at_the_peak() -> None:
    """By hand: ten steps of warm-up, then 0.5 (1 + cos(pi t)) over ninety."""
    recipe = Recipe(learning_rate=0.2, warmup=0.1)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (0.1 + 0.09 * (step + 1)) for step in range(10)])
    assert rates[9] == rates[10] == pytest.approx(0.2)
    assert rates[55] == pytest.approx(0.1)
    assert rates[99] == pytest.approx(0.1 * (1 + math.cos(math.pi * 89 / 90))) and rates[99] < 0.2 / 1000


def test_options_replace_numbers_of_the_recipe_and_leave_the_others() -> None:
    made = make(Task(data="fake", epochs=7), {"learning_rate": 1, "batch_size": 32, "flip": True}).recipe
    usual = asdict(Recipe(scaled_residuals=True))
    assert asdict(made) == {**usual, "epochs": 7, "learning_rate": 1, "batch_size": 32, "flip": True}


@pytest.mark.parametrize(("data", "flip", "pad"), [("fashion-mnist-mini", False, 0), ("cifar10", True, 4)])
def test_what_nobody_says_is_the_regime_of_the_data_set(data: str, flip: bool, pad: int) -> None:
    made = make(Task(data=data), {})
    assert made.asked == Recipe(epochs=made.data.regime.epochs, flip=flip, pad=pad, scaled_residuals=True)
    assert made.asked.epochs >= 3


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"momentum": 1.0},
        {"weight_decay": -1.0},
        {"warmup": 1.0},
        {"label_smoothing": 1.5},
        {"pad": -1},
        {"mixup": -0.1},
        {"mixup": 101.0},
        {"learning_rate": "fast"},
        {"flip": 1},
        {"batch_size": 12.5},
        {"lerning_rate": 0.1},
    ],
)
def test_a_recipe_that_makes_no_sense_names_the_number(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=name):
        Recipe().with_options(options)


def test_what_older_studies_did_not_name_is_in_no_identity_where_it_is_as_they_had_it() -> None:
    newer = {"precision", "drop_last", "scaled_residuals", "mixup"}
    assert not newer & set(Recipe().to_json())
    stored = Recipe(mixup=0.2, scaled_residuals=True).to_json()
    assert set(stored) & newer == {"mixup", "scaled_residuals"} and Recipe.of_study(stored) == Recipe(
        mixup=0.2, scaled_residuals=True
    )


def test_batch_normalisation_has_no_weight_decay_and_everything_is_trained_once() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4))
    decayed, plain = parameter_groups(network, 5e-4)
    assert decayed["weight_decay"] == 5e-4 and plain["weight_decay"] == 0
    assert {id(p) for p in plain["params"]} == {id(p) for p in network[1].parameters()}
    together = [id(p) for group in (decayed, plain) for p in group["params"]]
    assert sorted(together) == sorted(id(p) for p in network.parameters())
    assert torch.optim.SGD([decayed, plain], lr=0.1).param_groups[1]["weight_decay"] == 0


@given(st.integers(2, 400), st.integers(2, 70), st.sampled_from([2, 4, 8]))
def test_batches_hold_every_image_once_and_none_is_smaller_than_can_be_computed(
    images: int, size: int, least: int
) -> None:
    ends = Recipe(batch_size=size, drop_last=False).ends(images, least)
    assert ends[-1] == images and ends == sorted(set(ends))
    sizes = [stop - start for start, stop in pairwise((0, *ends))]
    assert set(sizes[:-1]) <= {size} and sizes[-1] >= min(least, size, images)
    assert sizes[-1] < size + least


@given(st.integers(2, 3199), st.integers(1, 9))
def test_few_images_are_trained_on_for_enough_steps(images: int, epochs: int) -> None:
    recipe = Recipe(epochs=epochs).for_images(images, 200)
    assert recipe.steps(images) >= 200 and recipe.epochs >= epochs
    assert recipe.learning_rate == {8: 0.035, 16: 0.05, 32: 0.071, 64: 0.1}[recipe.batch_size]
    assert images < 80 or len(recipe.ends(images)) >= 10


@pytest.mark.parametrize("images", [3200, 4500, 45_000])
def test_many_images_are_trained_on_as_they_ever_were(images: int) -> None:
    assert Recipe().for_images(images, 200) == Recipe()
    assert "drop_last" not in Recipe().to_json()


def test_what_was_chosen_does_not_follow_from_the_number_of_images() -> None:
    chosen = Recipe(epochs=2, batch_size=32)
    assert chosen.for_images(84, 200, said=("epochs", "batch_size")) == replace(chosen, drop_last=False)
    assert chosen.for_images(84, 200, said=("drop_last",)) == chosen


def test_running_averages_forget_what_they_began_with_however_short_the_training() -> None:
    recipe = Recipe(drop_last=False)
    for steps in (5, 10, 30, 59):
        assert (1 - recipe.averaging(steps)) ** steps < 0.04
    assert recipe.averaging(60) == recipe.averaging(10_000) == Recipe().averaging(5) == 0.1


def test_the_recipe_of_an_older_study_leaves_out_what_fills_no_batch() -> None:
    stored = {name: value for name, value in Recipe().to_json().items()}
    older = Recipe.of_study(stored)
    assert older is not None and older.drop_last and older.ends(84) == [64]
    assert Recipe.of_study(Recipe(drop_last=False).to_json()) == Recipe(drop_last=False)


def test_the_recipe_of_an_older_study_starts_residual_branches_at_their_full_size() -> None:
    assert "scaled_residuals" not in Recipe().to_json()
    older = Recipe.of_study(Recipe().to_json())
    assert older is not None and not older.scaled_residuals
    newer = Recipe(scaled_residuals=True)
    assert Recipe.of_study(newer.to_json()) == newer


def test_a_study_of_an_older_release_goes_on_by_its_start_and_with_its_last_batch_left_out() -> None:
    begun = Recipe(epochs=7, batch_size=32, flip=False).to_json()
    assert make(Task(data="fake"), {}).as_begun(begun) == {"scaled_residuals": False}
    few = make(Task(data="fashion-mnist-mini[training=100]"), {})
    assert few.as_begun(begun) == {"drop_last": True, "scaled_residuals": False}
    assert make(Task(data="fake"), {"scaled_residuals": True}).as_begun(begun) == {}


def test_another_recipe_of_this_release_is_another_study() -> None:
    newer = Recipe(epochs=7, scaled_residuals=True).to_json()
    assert make(Task(data="fake"), {}).as_begun(newer) == {}
    assert make(Task(data="fake"), {}).as_begun({}) == {} == make(Task(data="fake"), {}).as_begun({"epochs": 3})
