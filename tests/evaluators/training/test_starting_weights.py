"""How residual branches start: at 1 / sqrt(n) of their usual size where a network has n of them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from regnas.architecture import SupportsResiduals
from regnas.evaluators.training.devices import seeded
from regnas.evaluators.training.evaluator import build, scale_residuals
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")


def network(depth: int, block: str = "x") -> Staged:
    """One stage of equal blocks."""
    return Staged(stem_width=16, depths=(depth,), widths=(16,), strides=(1,), block=block, stem="cifar", classes=4)


def weights_of_norms(module: nn.Module) -> list[float]:
    """Distinct weights of every normalisation, in order."""
    found = []
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            (value,) = set(layer.weight.tolist())
            found.append(value)
    return found


@settings(deadline=None, max_examples=20)
@given(
    depths=some.lists(some.integers(1, 4), min_size=1, max_size=4), block=some.sampled_from(["x", "basic", "r", "vr"])
)
def test_only_the_last_normalisation_of_every_branch_is_scaled(depths: list[int], block: str) -> None:
    count = len(depths)
    shape = Staged(
        stem_width=8, depths=tuple(depths), widths=(16,) * count, strides=(2,) * count, block=block, classes=4
    )
    made = build(shape, 0, CPU, Computing(), Recipe(scaled_residuals=True))
    assert isinstance(made, SupportsResiduals)
    ends = {id(end) for end in made.residual_ends()}
    assert len(ends) == sum(depths)
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            start = 1 / math.sqrt(sum(depths)) if id(layer) in ends else 1.0
            assert layer.weight.tolist() == pytest.approx([start] * layer.num_features)


@pytest.mark.parametrize("block", ["vanilla", "v"])
def test_blocks_that_add_to_no_shortcut_are_left_alone(block: str) -> None:
    assert set(weights_of_norms(build(network(3, block), 0, CPU, Computing(), Recipe(scaled_residuals=True)))) == {1.0}


def test_a_linear_block_without_a_shortcut_is_no_branch() -> None:
    """RegNetZ's blocks add only where shapes agree: not in the first of a stage that halves the image."""
    made = Staged(stem_width=8, depths=(3,), widths=(16,), strides=(2,), block="linear", classes=4).build()
    assert isinstance(made, SupportsResiduals) and len(made.residual_ends()) == 2


def test_a_network_that_knows_no_branches_starts_as_it_is_made() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    scale_residuals(plain)
    assert weights_of_norms(plain) == [1.0]


def test_the_recipe_of_older_studies_leaves_every_weight_as_it_was() -> None:
    made = build(network(4), 0, CPU, Computing(), Recipe())
    with seeded(0):
        plain = network(4).build()
    expected = plain.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in made.state_dict().items())


@pytest.mark.parametrize("depth", [4, 16])
def test_the_sum_of_scaled_branches_varies_as_one_branch_whatever_their_number(depth: int) -> None:
    """n independent branches of variance 1 / n beside the shortcut add 1 to its variance at most; ReLU only takes away.

    Of full size they add 1 each: the plain network's last activations are larger by some sqrt(depth / 2).
    """
    images = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    spread = {}
    for scaled in (False, True):
        made = build(network(depth), 0, CPU, Computing(), Recipe(scaled_residuals=scaled))
        made.train()
        with torch.no_grad():
            stem = made.stem(images)  # type: ignore[operator]
            spread[scaled] = (made.stages[0](stem).std() / stem.std()).item()  # type: ignore[index, operator]
    assert spread[True] < 2
    assert spread[False] > 0.5 * math.sqrt(depth)
