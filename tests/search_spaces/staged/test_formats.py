"""Networks as pycls, timm and torchvision write them: round trips, the same numbers, and what cannot be expressed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import regnas
from regnas.errors import HostError, PluginNotFound, UsageError
from regnas.search_spaces.staged import presets
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import RegNetLine, exact_line
from regnas.search_spaces.staged.formats import pycls, timm, torchvision
from regnas.search_spaces.staged.formats.timm_weights import state_dict_from_timm, state_dict_to_timm
from regnas.search_spaces.staged.formats.torchvision_weights import (
    state_dict_from_torchvision,
    state_dict_to_torchvision,
)
from regnas.system import optional as requiring

SMALL: dict[str, Any] = {"depths": (1, 1, 2, 1), "widths": (16, 24, 48, 96), "strides": (2, 2, 2, 2), "classes": 7}


def run(text: str) -> Any:
    """The network that exported Python builds, in evaluation mode."""
    names: dict[str, Any] = {}
    exec(text, names)
    return names["network"].eval()


def parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def randomised(module: nn.Module) -> nn.Module:
    """With other weights and running statistics than the ones it starts with: every tensor has to be carried over."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            spread = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(0.5 + spread if "var" in name else (spread - 0.5) / math.sqrt(max(tensor[0].numel(), 1)))
    return module.eval()


def agree(one: nn.Module, other: nn.Module) -> bool:
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = one(images), other(images)
    return bool(first.std() > 1e-4) and torch.allclose(first, second, rtol=1e-4, atol=1e-5)


# --- RegNet parameters of a network -------------------------------------------------------------------------


@pytest.mark.parametrize("name", presets.names())
def test_the_paper_s_networks_are_found_on_a_line(name: str) -> None:
    _, params = presets.preset(name)
    line = RegNetLine(params["depth"], params["w0"], params["wa"], params["wm"], params["group_width"])
    depths, widths, groups = line.stages()
    found = exact_line(depths, widths, groups, 1)
    assert found is not None and found.stages() == (depths, widths, groups)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_random_regnets_are_found_on_a_line(seed: int) -> None:
    (candidate,) = regnas.space("regnety").sample(1, seed=seed)
    network = candidate.architecture
    assert isinstance(network, Staged)
    found = exact_line(network.depths, network.widths, network.group_widths, network.bottleneck_ratios[0])
    assert found is not None
    assert found.stages() == tuple(map(list, (network.depths, network.widths, network.group_widths)))


def test_a_network_whose_widths_fall_is_on_no_line() -> None:
    assert exact_line([2, 2, 2, 2], [64, 32, 64, 128], [8, 8, 8, 8], 1) is None


# --- pycls --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(
        [
            "anynetx-a",
            "anynetx-a[se=0.25,stem=cifar,stem_width=16]",
            "anynetx-a[block=basic,activation=silu]",
            "anynetx-a[block=vanilla,stem=resnet]",
            "regnety",
            "regnetx[block=linear,bottleneck_ratio=0.25,head_width=64]",
        ]
    ),
    st.integers(0, 10**6),
)
def test_a_network_survives_the_way_through_yaml(space: str, seed: int) -> None:
    (candidate,) = regnas.space(space, classes=10).sample(1, seed=seed)
    assert isinstance(candidate.architecture, Staged)
    assert pycls.read(pycls.write(candidate.architecture), "it") == candidate.architecture


def test_r_blocks_are_x_blocks_of_one_group() -> None:
    network = Staged(block="r", bottleneck_ratios=(2, 2, 2, 2), **SMALL)
    again = pycls.read(pycls.write(network), "it")
    assert again.block == "x" and again.complexity(64) == network.complexity(64)


def test_a_configuration_of_the_authors_is_the_network_of_the_paper() -> None:
    """pycls ``configs/dds_baselines/regnety/RegNetY-400MF``: its numbers; 4.3 M parameters and 0.4 GF in table 9."""
    text = """
MODEL: {TYPE: regnet, NUM_CLASSES: 1000}
REGNET: {SE_ON: true, DEPTH: 16, W0: 48, WA: 27.89, WM: 2.09, GROUP_W: 8}
BN: {ZERO_INIT_FINAL_GAMMA: true}
OPTIM: {BASE_LR: 1.6}
"""
    space, params = presets.preset("regnety-400mf")
    found = regnas.space(space)
    assert pycls.read(text, "it") == found.decode(found.complete(params))
    line = RegNetLine(16, 48, 27.89, 2.09, 8)
    written = pycls.write(pycls.read(text, "it"), line)
    assert "TYPE: regnet" in written and "WA: 27.89" in written
    assert pycls.read(written, "it") == pycls.read(text, "it")


def test_a_sweep_is_read_in_its_order(tmp_path: Path) -> None:
    networks = [candidate.architecture for candidate in regnas.space("anynetx-a", classes=10).sample(3)]
    configs = [pycls.write(network) for network in networks if isinstance(network, Staged)]
    import yaml

    file = tmp_path / "sweep.json"
    file.write_text(json.dumps([{"cfg": yaml.safe_load(configs[0])}, {"cfg": configs[1]}, {"cfg": configs[2], "x": 1}]))
    assert pycls.read_sweep(file) == networks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML"),
        ("a: 1", "no MODEL.TYPE"),
        ("MODEL: {TYPE: effnet}", "is a effnet of pycls; regnas reads its anynet and regnet"),
        ("MODEL: {TYPE: regnet}\nREGNET: {DEEP: 3}", "does not know REGNET.DEEP"),
        ("MODEL: {TYPE: regnet}\nREGNET: {BLOCK_TYPE: mbconv}", "BLOCK_TYPE is 'mbconv'"),
        ("MODEL: {TYPE: regnet, SCALING_FACTOR: 2}", "MODEL.SCALING_FACTOR is 2"),
        ("MODEL: {TYPE: regnet}\nBN: {EPS: 0.001}", "BN.EPS is 0.001"),
        ("MODEL: {TYPE: anynet}\nANYNET: {DEPTHS: [1, 2], WIDTHS: [8], STRIDES: [1, 2]}", "describes no network"),
        ("MODEL: {TYPE: regnet}\nREGNET: {WM: 1}", "describes no network"),
    ],
)
def test_what_is_no_network_of_pycls_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pycls.read(text, "it")


@pytest.mark.parametrize("content", ["[]", "{}", '[{"net": 1}]', "no JSON"])
def test_what_is_no_sweep_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="sweep"):
        pycls.read_sweep(file)


# --- torchvision --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", torchvision.NAMES)
def test_torchvision_s_names_are_its_networks(name: str) -> None:
    """By its own count: ``_meta["num_params"]`` of the weights, which its release tests keep equal to the module."""
    from torchvision.models import get_model_weights

    ours = torchvision.network(name).complexity(224).params
    assert {weights.meta["num_params"] for weights in get_model_weights(name)} == {ours}


@pytest.mark.parametrize(
    "options",
    [
        {"group_widths": (8, 8, 8, 8)},
        {"group_widths": (4, 8, 16, 8), "bottleneck_ratios": (2, 1, 1, 4), "se_ratio": 0.25},
        {"block": "r", "bottleneck_ratios": (4, 4, 4, 4), "activation": "silu", "stem_width": 16},
        {"group_widths": (8, 8, 8, 8), "bottleneck_ratios": (0.5, 0.5, 0.5, 0.5), "strides": (1, 2, 1, 2)},
    ],
)
def test_torchvision_s_network_has_our_outputs_with_our_weights_and_the_other_way(options: dict[str, Any]) -> None:
    network = Staged(**{**SMALL, **options})
    ours, theirs = randomised(network.build()), run(torchvision.write(network))
    assert parameters(ours) == parameters(theirs) == network.complexity(64).params
    theirs.load_state_dict(state_dict_to_torchvision(ours.state_dict()))
    assert agree(ours, theirs)
    other = network.build()
    other.load_state_dict(state_dict_from_torchvision(randomised(theirs).state_dict()))
    assert agree(other.eval(), theirs)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "vanilla"}, "blocks 'vanilla'"),
        ({"stem": "cifar"}, "stem 'cifar'"),
        ({"head_width": 64}, "head of 64 channels"),
        ({"activation": "gelu"}, "activation 'gelu'"),
        ({"se_ratio": 0.01, "stem_width": 32}, "stage 1 without squeeze-and-excitation"),
    ],
)
def test_what_torchvision_cannot_express_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"torchvision.*{words}"):
        torchvision.write(Staged(**{**SMALL, **options}))


def test_a_bottleneck_that_torchvision_rounds_otherwise_is_refused() -> None:
    """In doubles 175 / 2.8 lies above 62.5, and 175 times 1 / 2.8 is 62.5, which rounds to even."""
    network = Staged(**{**SMALL, "widths": (175, 24, 48, 96), "bottleneck_ratios": (2.8, 1, 1, 1)})
    assert network.bottleneck_widths[0] == 63
    with pytest.raises(
        UsageError, match="torchvision rounds the bottleneck of stage 1 to 62 channels, and it has 63 here"
    ):
        torchvision.write(network)


def test_an_unknown_name_of_torchvision_has_a_nearest() -> None:
    with pytest.raises(PluginNotFound, match="did you mean regnet_y_400mf"):
        torchvision.network("regnet_y_400m")


# --- timm ---------------------------------------------------------------------------------------------------


def _timm_names() -> list[str]:
    from timm.models.regnet import model_cfgs

    return list(model_cfgs)


REFUSED = {
    "regnety_040_sgn": "normalisation",
    "regnetv_040": "activations before convolutions",
    "regnetv_064": "activations before convolutions",
    "regnetz_040": "activation between its last block and the pooling",
}


@pytest.mark.parametrize("name", _timm_names())
def test_timm_s_names_are_its_networks(name: str) -> None:
    import timm as host

    if name in REFUSED:
        with pytest.raises(UsageError, match=REFUSED[name]):
            timm.network(name)
        return
    assert parameters(host.create_model(name, device="meta")) == timm.network(f"{name}.some_tag").complexity(224).params


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ("regnetx", {}),
        ("regnety[bottleneck_ratio=2|4]", {}),
        ("regnety[bottleneck_ratio=1]", {"activation": "silu", "head_width": 32, "stem_width": 16}),
        ("regnety[bottleneck_ratio=0.25,block=linear,head_width=48]", {"activation": "silu"}),
    ],
)
def test_timm_s_network_has_our_outputs_with_our_weights_and_the_other_way(space: str, options: dict[str, Any]) -> None:
    (candidate,) = regnas.space(space, flops="20M:60M", resolution=64, classes=7).sample(1)
    assert isinstance(candidate.architecture, Staged)
    network = Staged.from_json({**candidate.architecture.to_json(), **options})
    ours, theirs = randomised(network.build()), run(timm.write(network))
    assert parameters(ours) == parameters(theirs)
    theirs.load_state_dict(state_dict_to_timm(ours.state_dict()))
    assert agree(ours, theirs)
    other = network.build()
    other.load_state_dict(state_dict_from_timm(randomised(theirs).state_dict(), other.state_dict()))
    assert agree(other.eval(), theirs)


def test_the_parameters_of_a_point_are_written_as_they_are() -> None:
    space, params = presets.preset("regnety-1.6gf")
    found = regnas.space(space)
    network = found.decode(found.complete(params))
    assert isinstance(network, Staged)
    text = timm.write(network, RegNetLine(27, 48, 20.71, 2.65, 24))
    assert "wa=20.71" in text and "wm=2.65" in text
    assert parameters(run(text)) == network.complexity(224).params


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "basic"}, "blocks 'basic'"),
        ({"stem": "resnet"}, "stem 'resnet'"),
        ({"strides": (1, 2, 2, 2)}, r"strides \[1, 2, 2, 2\]"),
        ({"depths": (1, 1), "widths": (8, 16), "strides": (2, 2)}, "2 stages"),
        ({"bottleneck_ratios": (1, 1, 2, 1)}, "differ between stages"),
        ({"block": "linear"}, "linear blocks without a head"),
        ({"widths": (64, 32, 64, 128), "group_widths": (8, 8, 8, 8)}, "none was found"),
        ({"se_ratio": 0.01, "group_widths": (8, 8, 8, 8)}, "0 channels"),
    ],
)
def test_what_timm_cannot_express_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"timm.*{words}"):
        timm.write(Staged(**{**SMALL, **options}))


def test_the_example_carries_weights_over() -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "from_timm.py"
    done = subprocess.run([sys.executable, example, "regnetx_002"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("regnetx_002: 2,684,792 parameters, outputs differ by ")
    assert float(done.stdout.split()[-3]) < 1e-5


def test_a_name_that_only_timm_knows_needs_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(requiring, "version", missing)
    assert timm.network("regnetx_002").depths == (1, 1, 4, 7)
    with pytest.raises(HostError, match=r"pip install 'regnas\[timm\]'"):
        timm.network("regnetz_005")
    monkeypatch.undo()
    with pytest.raises(PluginNotFound, match="did you mean regnetz_005"):
        timm.network("regnetz_05")
