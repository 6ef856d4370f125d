"""ResNets, ResNeXts and ResNet-RS: counts, the space, timm's and torchvision's networks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.format import SupportsWeights, make_format, read, write
from regnas.images import Images
from regnas.preset import preset
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.formats.resnets import resnet, resnet_rs
from regnas.search_spaces.staged.modules.blocks import SqueezeExcitation, make_block
from regnas.studies.design.describe import describe_preset
from regnas.testing import ArchitectureRules
from regnas.testing.counting import count

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "mobile-vectors.json").read_text())
COUNTED = {row["network"]: row for row in VECTORS["complexity"]["rows"] if row["network"].startswith("resnet")}
# Parameters and multiply-adds with the last biases; those of torchvision and timm, by hooks.
SIZES = {
    "resnet-50": (25_557_032, 4_089_185_256),
    "resnet-101": (44_549_160, 7_801_406_440),
    "resnet-152": (60_192_808, 11_513_627_624),
    "resnext-50": (25_028_904, 4_230_480_872),
    "resnext-101": (44_177_704, 7_969_997_800),
    "resnext-152": (59_951_400, 11_709_514_728),
}
SMALL: dict[str, Any] = {
    "depths": (1, 2),
    "widths": (16, 32),
    "strides": (1, 2),
    "bottleneck_ratios": (4, 4),
    "block": "rs",
}


class TestRSNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        return [
            Staged(**{**SMALL, "stem": "rs", "stem_width": 8, "se_ratio": 0.25, "classes": classes}),
            Staged(**{**SMALL, "stem_width": 16, "strides": (3, 2), "classes": classes}),
        ]


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_resnet_rs_costs_what_hooks_count_on_timms(name: str) -> None:
    row, size = COUNTED[name], name.removeprefix("resnetrs").partition("@")[0]
    found = describe_preset(f"resnet-rs-{size}", row["resolution"], None)
    assert found["in_space"]
    assert found["complexity"] == {name: row[short] for name, short in _COSTS}
    assert resnet_rs(size).complexity(row["resolution"]) == found["complexity"]


_COSTS = (("flops", "flops"), ("params", "params"), ("activations", "acts"))


@pytest.mark.parametrize("name", sorted(SIZES))
def test_resnets_have_the_published_sizes(name: str) -> None:
    found = describe_preset(name, None, None)
    assert (found["complexity"]["params"], found["complexity"]["flops"]) == SIZES[name]
    assert "3x3" in found["note"]


def test_resnet_rs_weighs_a_quarter_of_its_output_before_the_sum() -> None:
    block = make_block("rs", wide_in=64, wide=256, inner=64, group=64, stride=1, squeezed=64, act="relu")
    (squeeze,) = [one for one in block.modules() if isinstance(one, SqueezeExcitation)]
    assert (squeeze.down.in_channels, squeeze.down.out_channels) == (256, 64)


def test_the_shortcut_of_resnet_d_sees_every_pixel() -> None:
    """A strided 1x1 convolution would leave three of four out; an odd border is averaged over what there is."""
    block: Any = make_block("rs", wide_in=1, wide=2, inner=1, group=1, stride=2, squeezed=0, act="relu").eval()
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    pooled = block.shortcut[0](x)
    assert torch.equal(pooled[0, 0], torch.tensor([[2.0, 3.5], [6.5, 8.0]]))
    assert block(x).shape == (1, 2, 2, 2)


def test_each_stage_of_the_space_is_twice_as_wide() -> None:
    for candidate in make_space("resnet-rs").sample(20):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert network.widths == tuple(candidate.params["width"] << stage for stage in range(4))
        assert (network.stem, network.block, network.strides) == ("rs", "rs", (1, 2, 2, 2))


def test_small_images_have_the_stem_that_they_ask_for() -> None:
    images = Images(28, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2))
    network = make_space("resnet-rs").on(images).sample(1)[0].architecture
    assert isinstance(network, Staged)
    assert (network.stem, network.stem_width) == ("simple", 16)


def test_a_stem_of_an_odd_width_begins_with_half_of_it_rounded_up() -> None:
    network = Staged(**{**SMALL, "stem": "rs", "stem_width": 9})
    built = network.build()
    assert [one.out_channels for one in built.stem.modules() if isinstance(one, nn.Conv2d)] == [5, 5, 9, 9]  # type: ignore[union-attr]
    assert count(built, 33) == network.complexity(33)


def _unsettled(module: nn.Module) -> nn.Module:
    torch.manual_seed(5)
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            nn.init.uniform_(one.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(one.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return module.eval()


def _run(text: str) -> nn.Module:
    made: dict[str, Any] = {}
    exec(text, made)
    found: nn.Module = made["network"]
    return found


@pytest.mark.parametrize(
    ("form", "name"), [("torchvision", "resnext50_32x4d"), ("timm", "resnet50"), ("timm", "resnetrs50")]
)
def test_weights_of_the_libraries_give_their_outputs(form: str, name: str) -> None:
    """What the library makes of our code, with random weights, against the network of its name here."""
    pytest.importorskip(form)
    ours = read(f"{form}:{name}")[0]
    theirs, built = _unsettled(_run(write(form, ours))), ours.build().eval()
    made, images = make_format(form), torch.randn(1, 3, 64, 64)
    assert isinstance(made, SupportsWeights)
    built.load_state_dict(made.import_weights(theirs.state_dict(), list(built.state_dict())))
    with torch.no_grad():
        torch.testing.assert_close(built(images), theirs(images), rtol=1e-4, atol=1e-4)
    back = made.export_weights(built.state_dict())
    assert all(torch.equal(back[name], tensor) for name, tensor in theirs.state_dict().items())


@pytest.mark.parametrize(
    ("form", "name"),
    [("torchvision", "resnet152"), ("timm", "resnext101_32x4d"), ("timm", "resnetrs200"), ("timm", "resnetrs420")],
)
def test_names_of_the_libraries_have_the_tensors_of_their_networks(form: str, name: str) -> None:
    library = pytest.importorskip(form)
    made: Any = make_format(form)
    with torch.device("meta"):
        theirs = library.create_model(name) if form == "timm" else getattr(library.models, name)(weights=None)
        ours = made.export_weights(read(f"{form}:{name}")[0].build().state_dict())
    assert {key: one.shape for key, one in ours.items()} == {key: one.shape for key, one in theirs.state_dict().items()}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"strides": (2, 2, 2, 2)}, "the strides"),
        ({"stem_width": 32}, "a stem of 32 channels"),
        ({"widths": (64, 128, 256, 512)}, "widths other than"),
        ({"bottleneck_ratios": (4, 4, 4, 2)}, "do not double"),
        ({"activation": "silu"}, "another activation"),
        ({"se_ratio": 0.25}, "squeeze-and-excitation"),
    ],
)
def test_what_a_resnet_of_the_libraries_cannot_be_is_refused(changed: dict[str, Any], says: str) -> None:
    network = replace(resnet("50"), **changed, group_widths=())
    for form in ("timm", "torchvision"):
        with pytest.raises(UsageError, match=says):
            write(form, network)


def test_presets_are_the_networks_of_the_libraries_names() -> None:
    for name, theirs in (("resnet-101", "torchvision:resnet101"), ("resnext-50", "timm:resnext50_32x4d")):
        known = preset(name)
        space = make_space(known.space).on(known.images)
        assert space.decode(space.complete(known.params)) == read(theirs)[0]
    assert np.prod(resnet_rs("50").strides) == 8
