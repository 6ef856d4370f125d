"""Our flops beside those of another counter: docs/interchange.md tells users how they differ."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.design_space import make_space
from regnas.preset import preset
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201


def _paper(name: str) -> Architecture:
    known = preset(name)
    space = make_space(known.space)
    return space.decode(space.complete(known.params))


def _biases(network: nn.Module, image: torch.Tensor) -> int:
    """Additions of biases: one for each number that a layer with a bias puts out."""
    total = 0

    def see(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() if getattr(layer, "bias", None) is not None else 0

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(see)
    network(image)
    return total


@pytest.mark.parametrize(
    ("network", "resolution", "millions"),
    [
        # Multiply-adds of convolutions and linear layers, by hooks on timm's networks and on AutoDL-Projects' cell.
        (_paper("regnetx-400mf"), 224, 397.678),
        (_paper("regnety-400mf"), 224, 401.843),
        (NASBench201((3, 1, 4, 2, 3, 2), classes=10), 32, 86.42624),
    ],
    ids=["regnetx-400mf", "regnety-400mf", "314232"],
)
def test_twice_our_flops_without_biases_are_those_of_torchs_counter(
    network: Architecture, resolution: int, millions: float
) -> None:
    with torch.device("meta"):
        module, image = network.build().eval(), torch.zeros(1, 3, resolution, resolution)
    with FlopCounterMode(display=False) as counter:
        module(image)
    ours = complexity_of(network, resolution)["flops"]
    assert ours is not None
    exact = ours - _biases(module, image)
    assert counter.get_total_flops() == 2 * exact
    assert exact / 1e6 == pytest.approx(millions, abs=5e-4 if resolution == 224 else 1e-9)
