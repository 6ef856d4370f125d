"""The recipe: its schedule, its limits, and what it decays."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from regnas.errors import UsageError
from regnas.evaluators.loop import parameter_groups
from regnas.evaluators.recipe import Recipe


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


def test_batch_normalisation_has_no_weight_decay_and_everything_is_trained_once() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4))
    decayed, plain = parameter_groups(network, 5e-4)
    assert decayed["weight_decay"] == 5e-4 and plain["weight_decay"] == 0
    assert {id(p) for p in plain["params"]} == {id(p) for p in network[1].parameters()}
    together = [id(p) for group in (decayed, plain) for p in group["params"]]
    assert sorted(together) == sorted(id(p) for p in network.parameters())
    assert torch.optim.SGD([decayed, plain], lr=0.1).param_groups[1]["weight_decay"] == 0
