"""Closed-form complexity of the networks of every space, against what hooks count on the built module."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from regnas.architecture import Architecture
from regnas.design_space import Images, make_space
from regnas.plugins import registry
from regnas.search_spaces.staged.architecture import ACTIVATIONS, Staged
from regnas.search_spaces.staged.complexity import BLOCKS, STEMS
from regnas.search_spaces.staged.modules.blocks import SqueezeExcitation
from regnas.testing.counting import count

NAMES = [
    name
    for name, point in registry.installed("space").items()
    if point.dist and point.dist.name == "regnas" and name not in ("table", "growing")  # of a file, or of another space
]
# Odd widths, an odd group, a bottleneck that is rounded, and neighbours of equal width.
ODD = Staged(
    depths=(2, 1, 3),
    widths=(20, 20, 45),
    strides=(1, 2, 3),
    bottleneck_ratios=(2, 1, 3),
    group_widths=(5, 4, 3),
    stem_width=20,
    classes=7,
)


def _unfilled(tensor: Tensor, *_: object, **__: object) -> Tensor:
    """There are no numbers on ``meta`` to fill in, but trying takes time."""
    return tensor


_UNFILLED: dict[str, Any] = dict.fromkeys(("normal_", "uniform_", "kaiming_uniform_", "ones_", "zeros_"), _unfilled)


def _has_channels(module: nn.Module, inputs: tuple[Tensor]) -> None:
    assert isinstance(module, nn.BatchNorm2d) and inputs[0].shape[1] == module.num_features


def _unchanged(x: Tensor) -> Tensor:
    """Batch normalisation changes no shape and counts for nothing, but takes most of the time on ``meta``."""
    return x


def _built(architecture: Architecture) -> nn.Module:
    """The network on ``meta``, which checks the widths of its batch normalisations and its outputs."""
    with torch.device("meta"), mock.patch.multiple(nn.init, **_UNFILLED):
        network = architecture.build()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(_has_channels)
            module.forward = _unchanged  # type: ignore[method-assign, assignment]

    def has_classes(_: nn.Module, __: Any, logits: Tensor) -> None:
        assert logits.shape == (1, getattr(architecture, "classes"))  # noqa: B009 - every kind that ships has it

    network.register_forward_hook(has_classes)
    return network


def _agrees(architecture: Architecture, resolution: int) -> None:
    assert architecture.complexity(resolution) == count(_built(architecture), resolution)


@pytest.mark.parametrize("name", NAMES)
def test_the_closed_form_counts_what_hooks_count(name: str) -> None:
    for candidate in make_space(name).sample(8, seed=11):
        _agrees(candidate.architecture, 224)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_closed_form_counts_what_hooks_count_on_many_candidates(name: str) -> None:
    images = Images(resolution=37, classes=11)
    for candidate in islice(make_space(name).on(images).stream(seed=12), 200):
        _agrees(candidate.architecture, 37)


@pytest.mark.parametrize("resolution", [33, 64])
@pytest.mark.parametrize("se_ratio", [0.0, 0.25])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_with_and_without_squeeze(block: str, se_ratio: float, resolution: int) -> None:
    _agrees(replace(ODD, block=block, se_ratio=se_ratio), resolution)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("ratio", [0.25, 4, 1.5])
def test_every_block_with_other_bottlenecks(block: str, ratio: float) -> None:
    network = replace(
        ODD, block=block, widths=(24, 24, 48), bottleneck_ratios=(ratio,) * 3, group_widths=(2, 2, 4), se_ratio=0.125
    )
    _agrees(network, 32)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("resolution", [31, 32, 33, 34])
def test_every_stem_at_sizes_that_do_not_divide(stem: str, resolution: int) -> None:
    _agrees(replace(ODD, stem=stem, stem_width=13), resolution)


@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 2, 2), (3, 1, 2), (4, 4, 4)])
def test_every_stride_down_to_one_pixel(strides: tuple[int, ...]) -> None:
    _agrees(replace(ODD, strides=strides), 29)


def test_a_head_before_the_pooling() -> None:
    _agrees(replace(ODD, head_width=31), 40)


def test_a_squeeze_that_rounds_to_no_channels_is_left_out() -> None:
    """A quarter of 2 input channels rounds half to even to 0; a quarter of 6 to 2, as 1.5 does."""
    network = Staged(depths=(2,), widths=(6,), strides=(1,), stem_width=2, se_ratio=0.25, classes=2)
    _agrees(network, 8)
    with torch.device("meta"):
        squeezed = [m.down.out_channels for m in network.build().modules() if isinstance(m, SqueezeExcitation)]
    assert squeezed == [2]


def test_the_squeeze_follows_the_input_of_the_block_not_its_bottleneck() -> None:
    """RegNetY: the first block of a stage has a quarter of the previous stage's width, the very first of the stem's."""
    network = Staged(depths=(1, 2), widths=(64, 128), strides=(2, 2), se_ratio=0.25, stem_width=32)
    with torch.device("meta"):
        squeezed = [m.down.out_channels for m in network.build().modules() if isinstance(m, SqueezeExcitation)]
    assert squeezed == [8, 16, 32]


@pytest.mark.parametrize(("activation", "module"), [("relu", nn.ReLU), ("silu", nn.SiLU), ("gelu", nn.GELU)])
def test_every_activation_is_used_throughout_and_costs_nothing(activation: str, module: type[nn.Module]) -> None:
    network = replace(ODD, activation=activation, se_ratio=0.25, head_width=16)
    assert network.complexity(32) == replace(network, activation="relu").complexity(32)
    _agrees(network, 32)
    with torch.device("meta"):
        found = {type(m) for m in network.build().modules() if isinstance(m, nn.ReLU | nn.SiLU | nn.GELU)}
    assert found == {module}


def test_all_activations_are_covered() -> None:
    assert set(ACTIVATIONS) == {"relu", "silu", "gelu"}


@pytest.mark.parametrize("classes", [2, 1000])
def test_classes_cost_the_last_layer_alone(classes: int) -> None:
    network = replace(ODD, classes=classes)
    _agrees(network, 32)
    base, more = network.complexity(32), replace(network, classes=classes + 1).complexity(32)
    assert (more.flops - base.flops, more.params - base.params) == (46, 46)  # 45 channels and a bias
    assert more.activations - base.activations == 1


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_runs_and_learns(block: str) -> None:
    """A forward and a backward pass on real numbers: every learnable number gets a gradient."""
    torch.manual_seed(0)
    network = replace(ODD, block=block, se_ratio=0.25, head_width=8).build()
    logits = network(torch.randn(4, 3, 33, 33))
    assert logits.shape == (4, 7) and bool(torch.isfinite(logits).all())
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
