"""Mobile networks: what they compute and what they cost."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from regnas.architecture import Architecture
from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.blocks import DropConnect, Layer, SqueezeExcitation
from regnas.search_spaces.mobile.line import line_of, read_line, stage_text
from regnas.search_spaces.mobile.network import MobileNetwork
from regnas.search_spaces.mobile.published import A1, B0, B1, COMPOUND, SMALL, V2, Published, compound, multiplied
from regnas.search_spaces.mobile.stage import Stage, squeezed_width
from regnas.testing import ArchitectureRules
from regnas.testing.counting import count

# Counted by hooks on timm's networks (1.0.31) and, for scaled ones, by the closed form of pycls.
VECTORS = json.loads((Path(__file__).parents[2] / "data" / "mobile-vectors.json").read_text())
COUNTED = {row["network"]: row for row in VECTORS["complexity"]["rows"] if not row["network"].startswith("resnet")}
NETWORKS: dict[str, Any] = {
    "mnasnet_050": multiplied("mnasnet-b1", 0.5),
    "mnasnet_100": multiplied("mnasnet-b1", 1.0),
    "semnasnet_100": multiplied("mnasnet-a1", 1.0),
    "semnasnet_140": multiplied("mnasnet-a1", 1.4),
    **{name.replace("-", "_"): compound(name) for name in COMPOUND},
}


def network(line: str, **numbers: Any) -> Mobile:
    return Mobile(stages=read_line(line), **{"stem_width": 8, "head_width": 24, "classes": 4, **numbers})


def published(one: Published) -> Mobile:
    return Mobile(stages=read_line(one.line), stem_width=one.stem, head_width=one.head, activation=one.activation)


class TestNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        return [
            network("ds_r1_k3_s1_c8 ir_r2_k5_s2_e6_c12_se0.25 ir_r1_k3_s1_e3_c12", classes=classes),
            network("cn_r2_k3_s2_c12_se0.25_pool er_r2_k5_s1_e4_c16_se0.5_noskip", classes=classes, activation="silu"),
            network("ir_r2_k3_s2_e2_c10_pool ds_r3_k7_s1_c10", classes=classes, head_width=0, stem_stride=1),
            network("er_r1_k3_s2_e2_c16 cn_r1_k5_s1_c16", classes=classes, input_size=20, activation="relu6"),
        ]


@pytest.mark.parametrize("name", sorted({*COUNTED} - {"mnasnet_small"}))
def test_published_networks_cost_what_hooks_count_on_timms(name: str) -> None:
    row = COUNTED[name]
    cost = NETWORKS[name].complexity(row["resolution"])
    assert (cost.params, cost.flops, cost.activations) == (row["params"], row["flops"], row["acts"])


def test_the_small_mnasnet_costs_what_timms_does() -> None:
    row = COUNTED["mnasnet_small"]
    cost = published(SMALL).complexity(224)
    assert (cost.params, cost.flops, cost.activations) == (row["params"], row["flops"], row["acts"])


@pytest.mark.parametrize("one", [A1, B0, SMALL], ids=["a1", "b0", "small"])
def test_hooks_count_the_same_on_published_networks(one: Published) -> None:
    made = published(one)
    with torch.device("meta"):
        built = made.build()
    assert count(built, 224) == made.complexity(224)


@pytest.mark.parametrize("one", [A1, B1, B0, V2, SMALL])
def test_lines_read_back_as_the_stages_they_were_written_of(one: Published) -> None:
    made = published(one)
    assert line_of(made) == line_of(replace(made, stages=read_line(line_of(made))))
    assert read_line(line_of(made)) == made.stages


@given(
    st.builds(
        Stage,
        block=st.sampled_from(["mbconv", "fused"]),
        expansion=st.integers(1, 64),
        kernel=st.sampled_from([1, 3, 5, 31]),
        stride=st.integers(1, 30),
        se=st.sampled_from([0.0, 0.25, 0.5]),
        skip=st.sampled_from(["identity", "pool", "none"]),
        width=st.integers(1, 2000),
        depth=st.integers(1, 200),
    )
)
def test_any_stage_reads_back_from_both_of_its_texts(stage: Stage) -> None:
    assert read_line(stage_text(stage)) == read_line(stage_text(stage, short=True)) == (stage,)


def test_the_authors_own_words_are_read() -> None:
    """tensorflow/tpu ``mnasnet_models.py``, of MnasNet-A1."""
    stages = read_line("r1_k3_s11_e1_i32_o16_noskip r4_k3_s22_e6_i40_o80 r2_k3_s11_e6_i80_o112_se0.25")
    assert stages == (
        Stage(expansion=1, width=16, skip="none"),
        Stage(stride=2, width=80, depth=4),
        Stage(width=112, depth=2, se=0.25),
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "such as"),
        ("ir_r2_k3_s1_c8", "stage 1 of the line says no expansion"),
        ("ds_r1_k3_s1_c8 ir_k3_e6", "stage 2 of the line says no width"),
        ("ds_r1_k4_s1_c8", "stage 1 of the line: kernel is odd"),
        ("ds_r1_k3_s1_c8 xx_c8", "stage 2 of the line has 'xx'"),
        ("ds_r1.5_c8", "r is a whole number"),
        ("ds_c8_se2", "se is a number from 0 to 1"),
    ],
)
def test_a_line_that_is_none_is_refused_by_its_stage(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_line(line)


# --- layers -----------------------------------------------------------------------------------------------------


def layer(stage: Stage, wide_in: int, stride: int = 1) -> Layer:
    return Layer(stage, wide_in, stride, "relu", 1e-5).eval()


def test_no_activation_comes_after_the_sum() -> None:
    """Of weights that are zero the branch is zero, and what is negative comes through."""
    one = layer(Stage(expansion=3, width=6), 6)
    for parameter in one.parameters():
        nn.init.zeros_(parameter)
    x = -torch.rand(2, 6, 5, 5)
    assert torch.equal(one(x), x)


@pytest.mark.parametrize(("stride", "wide"), [(2, 6), (1, 8)])
def test_nothing_is_added_where_size_or_width_change(stride: int, wide: int) -> None:
    one = layer(Stage(expansion=3, width=wide, stride=stride), 6, stride)
    assert one.skip is None and isinstance(one.drop, nn.Identity)
    for parameter in one.parameters():
        nn.init.zeros_(parameter)
    assert not one(torch.rand(2, 6, 5, 5)).any()


def test_a_pooled_skip_is_the_mean_of_the_pixels_around_and_leaves_out_the_border() -> None:
    one = layer(Stage(expansion=3, width=2, skip="pool"), 2)
    for parameter in one.parameters():
        nn.init.zeros_(parameter)
    x = torch.arange(18.0).reshape(1, 2, 3, 3)
    out = one(x)
    assert out[0, 0, 1, 1] == 4.0 and out[0, 0, 0, 0] == (0 + 1 + 3 + 4) / 4


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        (Stage(block="fused", expansion=1, width=8), ["conv"]),
        (Stage(block="fused", expansion=4, width=8, se=0.25), ["expand", "squeeze", "project"]),
        (Stage(expansion=1, width=8), ["depthwise", "project"]),
        (Stage(expansion=6, width=8, se=0.25), ["expand", "depthwise", "squeeze", "project"]),
    ],
)
def test_layers_have_the_convolutions_of_their_kind(stage: Stage, names: list[str]) -> None:
    assert [name for name, _ in layer(stage, 6).layers.named_children()] == names


def test_channels_are_squeezed_by_the_input_and_not_by_the_expanded_width() -> None:
    """MnasNet-A1's first: 24 x 3 = 72 channels to 6."""
    found = [one for one in layer(Stage(expansion=3, width=40, se=0.25), 24).modules()]
    squeeze = next(one for one in found if isinstance(one, SqueezeExcitation))
    assert (squeeze.down.in_channels, squeeze.down.out_channels) == (72, 6)
    assert (squeezed_width(7, 0.25), squeezed_width(2, 0.25), squeezed_width(8, 0.0)) == (1, 1, 0)


# --- the whole network ------------------------------------------------------------------------------------------


def test_drop_connect_grows_with_depth_and_spares_layers_without_skip() -> None:
    """Golden values: block i of 16 at rate 0.2 in EfficientNet-B0."""
    (row,) = VECTORS["drop_connect"]["rows"]
    with torch.device("meta"):
        built = published(B0).build()
    assert isinstance(built, MobileNetwork)
    built.set_drop_path(row["rate"])
    layers = [one for one in built.modules() if isinstance(one, Layer)]
    assert len(layers) == row["blocks"]
    for one, expected in zip(layers, row["drop"], strict=True):
        assert isinstance(one.drop, DropConnect) == (one.skip is not None)
        if isinstance(one.drop, DropConnect):
            assert one.drop.probability == pytest.approx(expected, abs=1e-12)
    assert sum(one.skip is not None for one in layers) == 9
    with pytest.raises(UsageError, match="below 1"):
        built.set_drop_path(1.0)


def test_drop_connect_drops_whole_images_in_training_alone() -> None:
    drop = DropConnect()
    drop.probability = 0.5
    x = torch.ones(64, 2, 3, 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        out = drop.train()(x)
    kept = out.amax(dim=(1, 2, 3))
    assert set(kept.tolist()) == {0.0, 2.0}
    assert torch.equal(out, kept.reshape(-1, 1, 1, 1).expand_as(x))
    assert torch.equal(drop.eval()(x), x)


def test_weights_start_as_the_authors_start_them() -> None:
    """Standard deviations within 5 of their standard errors; source: the docstring of ``initialise``."""
    torch.manual_seed(0)
    built: Any = network("ir_r1_k5_s1_e6_c64", stem_width=64, head_width=256, classes=16).build()
    layers = built.stages[0][0].layers
    for weight, expected in (
        (layers.expand[0].weight, math.sqrt(2 / 384)),
        (layers.depthwise[0].weight, math.sqrt(2 / 25)),
        (layers.project[0].weight, math.sqrt(2 / 64)),
    ):
        assert abs(weight.std().item() / expected - 1) < 5 / math.sqrt(2 * weight.numel())
    assert built.classifier.weight.abs().max().item() <= 0.25
    assert not built.classifier.bias.any()


def test_ends_of_residual_branches_are_their_last_normalisations() -> None:
    built = network("ds_r2_k3_s1_c8 ir_r2_k3_s2_e6_c12_noskip cn_r2_k3_s1_c12").build()
    assert isinstance(built, MobileNetwork)
    skips = [one for one in built.modules() if isinstance(one, Layer) and one.skip is not None]
    ends = built.residual_ends()
    assert len(ends) == len(skips) == 4
    assert all(isinstance(end, nn.BatchNorm2d) and end.num_features in (8, 12) for end in ends)


def test_pictures_are_brought_to_the_size_that_the_network_asks_for() -> None:
    seen = []
    built: Any = network("ds_r1_k3_s1_c8", input_size=20).build().eval()
    built.stem.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    for size in (12, 20, 31):
        built(torch.rand(1, 3, size, size))
    assert seen == [(1, 3, 20, 20)] * 3


def test_a_skip_that_no_layer_can_have_makes_no_other_network() -> None:
    same = [network(f"ds_r1_k3_s2_c8{skip} ir_r1_k3_s1_e6_c12{skip}") for skip in ("", "_noskip", "_pool")]
    assert len({one.key() for one in same}) == 1
    other = [network(f"ds_r1_k3_s1_c8{skip}") for skip in ("", "_noskip", "_pool")]
    assert len({one.key() for one in other}) == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"stem_width": 0}, "stem_width is a whole number"),
        ({"stem_stride": 8}, "stem_stride is a whole number from 1 to 4"),
        ({"activation": "gelu"}, "activation is one of relu, silu, relu6"),
        ({"classes": 1}, "classes is a whole number"),
        ({"norm_eps": 0}, "norm_eps is a number above 0"),
        ({"stages": []}, "1 to 100 stages"),
        ({"stages": 3}, "stages are a list"),
        ({"stages": [{"width": 8, "kernel": 2}]}, "kernel is odd"),
        ({"stages": [{"width": 8, "colour": 2}]}, "stages of mobile networks have no colour"),
        ({"stages": [{"kernel": 3}]}, "stages of mobile networks need width"),
        ({"stages": [{"width": 8, "block": "cell"}]}, "block is one of mbconv, fused"),
        ({"stages": [{"width": 8, "se": "much"}]}, "se is a number from 0 to 1"),
        ({"stages": [{"width": 8, "depth": True}]}, "depth of a stage is a whole number"),
        ({"colour": 1}, "mobile networks have no colour"),
        ({"schema": 2}, "reads schema 1"),
    ],
)
def test_what_no_network_can_have_is_refused(wrong: dict[str, Any], says: str) -> None:
    value = network("ds_r1_k3_s1_c8").to_json()
    with pytest.raises(InvalidArchitecture, match=says):
        Mobile.from_json({**value, **wrong})


def test_networks_too_large_to_be_counted_are_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="too large to be counted"):
        network("er_r9000_k31_s1_e64_c1000000").complexity(65_536)
