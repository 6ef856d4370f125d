"""Weights of torchvision's RegNets, where its networks are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from regnas.design_space import make_space
from regnas.search_spaces.staged.formats.torchvision_weights import state_dict_from_torchvision
from regnas.search_spaces.staged.presets import names, preset


def _ours(name: str) -> nn.Module:
    space, params = preset(name)
    return make_space(space).decode(params).build()


def _theirs(name: str) -> nn.Module:
    """Torchvision's network, not trained, with normalisations that do something."""
    torch.manual_seed(5)
    make: Callable[..., nn.Module] = getattr(models, name.replace("regnet", "regnet_").replace("-", "_"))
    network = make(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return network


@pytest.mark.parametrize("name", ["regnetx-800mf", "regnety-400mf"])
def test_the_same_weights_give_the_same_logits(name: str) -> None:
    theirs, ours = _theirs(name).eval(), _ours(name).eval()
    ours.load_state_dict(state_dict_from_torchvision(theirs.state_dict()))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_a_network_that_torchvision_rounds_otherwise_does_not_load() -> None:
    """Its regnet_x_400mf has 400 channels in the last stage, the authors' 384."""
    state = state_dict_from_torchvision(_theirs("regnetx-400mf").state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        _ours("regnetx-400mf").load_state_dict(state)


# Five of torchvision's networks round otherwise; it has no 600MF, 4.0GF, 6.4GF and 12GF, and calls 8.0GF 8gf.
@pytest.mark.parametrize("name", ["regnetx-1.6gf", "regnetx-3.2gf", "regnety-1.6gf", "regnety-3.2gf", "regnety-16gf"])
def test_the_shapes_of_the_other_shared_networks_are_ours(name: str) -> None:
    assert name in names()
    family, size = name.removesuffix("gf").removeprefix("regnet").split("-")
    make: Callable[..., Any] = getattr(models, f"regnet_{family}_{size.replace('.', '_')}gf")
    # Torchvision's generator does not run on the meta device: its widths come from tensors. Only one copy is real.
    state = {key: tensor.shape for key, tensor in state_dict_from_torchvision(make(weights=None).state_dict()).items()}
    with torch.device("meta"):
        ours = {key: tensor.shape for key, tensor in _ours(name).state_dict().items()}
    assert state == ours


@pytest.mark.parametrize("key", ["layer1.0.conv1.weight", "trunk_output.block1.block1-0.g.weight"])
def test_weights_of_other_networks_are_refused_by_name(key: str) -> None:
    with pytest.raises(ValueError, match=f"'{key}' is no tensor of a torchvision RegNet"):
        state_dict_from_torchvision({key: torch.zeros(1)})
