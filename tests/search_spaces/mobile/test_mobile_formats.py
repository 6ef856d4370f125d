"""Mobile networks as timm and torchvision have them: names, code, weights; and presets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import PluginNotFound, UsageError
from regnas.format import Format, SupportsWeights, make_format, read, write
from regnas.preset import preset, presets
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.formats.names import TIMM, TORCHVISION
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.mobile.presets import mobiles
from regnas.studies.design.describe import describe_preset
from regnas.testing import FormatRules

EFFICIENT = "ds_r1_k3_s1_c16_se0.25 ir_r2_k5_s2_e6_c24_se0.25"


def network(line: str, **numbers: Any) -> Mobile:
    return Mobile(stages=read_line(line), **{"classes": 7, "activation": "silu", **numbers})


class TestTimm(FormatRules):
    def make(self) -> Format[Any]:
        return make_format("timm")

    def networks(self) -> Sequence[Architecture]:
        return [
            network("ds_r1_k3_s1_c16_noskip ir_r2_k5_s2_e3_c24_se0.25", activation="relu"),
            network("cn_r2_k3_s2_c12 er_r2_k3_s1_e4_c20_se0.5_noskip cn_r2_k3_s1_c20_noskip", stem_width=8),
        ]

    def refused(self) -> Sequence[Architecture]:
        return [
            network("ir_r2_k3_s1_e6_c16_pool"),
            network("cn_r1_k3_s1_c16_se0.25"),
            network("ds_r1_k3_s1_c16", stem_stride=1),
            network("ds_r1_k3_s1_c16", head_width=0),
            network("ds_r1_k3_s1_c16", input_size=64),
            network("ir_r1_k3_s1_e6_c16_se0.25", stem_width=11),  # round(2.75) = 3, rounded down 2
        ]


class TestTorchvision(FormatRules):
    def make(self) -> Format[Any]:
        return make_format("torchvision")

    def networks(self) -> Sequence[Architecture]:
        return [network(EFFICIENT, stem_width=16), network(EFFICIENT, norm_eps=1e-3, head_width=64)]

    def refused(self) -> Sequence[Architecture]:
        return [
            network("ir_r2_k3_s1_e6_c32_se0.25_noskip"),
            network("ir_r2_k3_s1_e6_c16"),
            network(EFFICIENT, activation="relu"),
            network(EFFICIENT, stem_stride=1),
            network("ds_r1_k3_s1_c16_se0.25", activation="relu6"),
        ]


def _unsettled(module: nn.Module) -> nn.Module:
    """With normalisations that do something."""
    torch.manual_seed(5)
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            nn.init.uniform_(one.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(one.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return module.eval()


def _same_outputs(form: str, theirs: nn.Module, ours: Architecture) -> None:
    """The library's weights give its outputs here, and ours give ours there."""
    made = make_format(form)
    assert isinstance(made, SupportsWeights)
    built, images = _unsettled(ours.build()), torch.randn(2, 3, 64, 64)
    own = built.state_dict()
    with torch.no_grad():
        expected = built(images)
        outputs = _unsettled(theirs)(images)
        before = {name: tensor.clone() for name, tensor in own.items()}
        built.load_state_dict(made.import_weights(theirs.state_dict(), list(own)))
        torch.testing.assert_close(built(images), outputs, rtol=1e-4, atol=1e-5)
        exported = made.export_weights(before)
        for name, tensor in theirs.state_dict().items():  # MNASNet loads no state without a version of its own
            tensor.copy_(exported.pop(name))
        assert not exported
        torch.testing.assert_close(theirs(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["mnasnet_050", "semnasnet_075", "mnasnet_small", "mobilenetv2_035", "efficientnet_b1"]
)
def test_timms_weights_give_timms_outputs(name: str) -> None:
    timm = pytest.importorskip("timm")
    _same_outputs("timm", timm.create_model(name), read(f"timm:{name}")[0])


@pytest.mark.parametrize("name", ["mnasnet0_75", "mobilenet_v2", "efficientnet_b0"])
def test_torchvisions_weights_give_torchvisions_outputs(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    _same_outputs("torchvision", getattr(models, name)(weights=None), read(f"torchvision:{name}")[0])


def _run(text: str) -> nn.Module:
    made: dict[str, Any] = {}
    exec(text, made)
    found: nn.Module = made["network"]
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_what_timm_makes_of_our_code_is_the_same_network(number: int) -> None:
    pytest.importorskip("timm")
    one = TestTimm().networks()[number]
    _same_outputs("timm", _run(write("timm", one)), one)


@pytest.mark.parametrize("number", [0, 1])
def test_what_torchvision_makes_of_our_code_is_the_same_network(number: int) -> None:
    pytest.importorskip("torchvision")
    one = TestTorchvision().networks()[number]
    _same_outputs("torchvision", _run(write("torchvision", one)), one)


@pytest.mark.parametrize("name", ["mnasnet1_3", "mobilenet_v2"])
def test_torchvisions_other_classes_are_written_as_calls_of_them(name: str) -> None:
    pytest.importorskip("torchvision")
    one = read(f"torchvision:{name}")[0]
    shapes = {key: tuple(tensor.shape) for key, tensor in _run(write("torchvision", one)).state_dict().items()}
    with torch.device("meta"):
        made = make_format("torchvision").export_weights(one.build().state_dict())  # type: ignore[attr-defined]
    assert {key: tuple(tensor.shape) for key, tensor in made.items()} == shapes


@pytest.mark.parametrize(("form", "names"), [("timm", TIMM), ("torchvision", TORCHVISION)])
def test_every_name_has_the_tensors_of_the_librarys_network(form: str, names: Any) -> None:
    library = pytest.importorskip(form)
    made: Any = make_format(form)
    with torch.device("meta"):
        for name in names:
            theirs = library.create_model(name) if form == "timm" else getattr(library.models, name)(weights=None)
            ours = made.export_weights(read(f"{form}:{name}")[0].build().state_dict())
            assert {key: tensor.shape for key, tensor in ours.items()} == {
                key: tensor.shape for key, tensor in theirs.state_dict().items()
            }, name


def test_weights_of_another_network_are_refused() -> None:
    ours = network(EFFICIENT).build().state_dict()
    for form in ("timm", "torchvision"):
        made: Any = make_format(form)
        there = made.export_weights(ours)
        there.popitem()
        with pytest.raises(ValueError, match="another one"):
            made.import_weights(there, list(ours))


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("timm:tf_efficientnet_b0", UsageError, "take timm:efficientnet_b0"),
        ("timm:mnasnet100", PluginNotFound, "did you mean mnasnet_100"),
        ("torchvision:mnasnet_1_0", PluginNotFound, "did you mean mnasnet1_0"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(source: str, error: type[Exception], says: str) -> None:
    if source.startswith("timm"):
        pytest.importorskip("timm")  # whose RegNets are asked, too
    with pytest.raises(error, match=says):
        read(source)


# --- presets ----------------------------------------------------------------------------------------------------

# params, flops: tables of docs/spaces.md; timm and torchvision, also by their own multipliers, have the same.
COUNTS = {
    "mnasnet-a1": (3_887_038, 311_584_310),
    "mnasnet-a1-1.4": (6_105_992, 586_324_920),
    "mnasnet-a1-0.75": (2_912_278, 223_500_000),
    "mnasnet-a1-0.5": (2_082_006, 103_200_000),
    "mnasnet-a1-0.35": (1_747_018, 61_684_450),
    "mnasnet-a1-1.3": (5_468_486, 525_987_254),
    "mnasnet-b1-0.35": (1_788_232, 58_879_912),
    "mnasnet-b1": (4_383_312, 314_416_872),
    "mnasnet-b1-0.5": (2_218_512, 104_456_968),
    "mnasnet-b1-0.75": (3_170_208, 215_500_000),
    "mnasnet-b1-1.3": (6_282_256, 526_400_000),
    "mnasnet-small": (2_030_264, 68_342_784),
    "mobilenetv2": (3_504_872, 300_775_272),
    "mobilenetv2-0.35": (1_677_128, 59_286_808),
    "mobilenetv2-1.3": (5_386_792, 509_375_560),
    "efficientnet-b0": (5_288_548, 385_825_092),
    "efficientnet-b1": (7_794_184, 686_817_992),
    "efficientnet-b2": (9_109_994, 993_600_000),
    "efficientnet-b3": (12_233_232, 1_827_162_472),
    "efficientnet-b4": (19_341_616, 4_393_801_064),
    "efficientnet-b5": (30_389_784, 10_266_426_072),
    "efficientnet-b6": (43_040_704, 19_070_000_000),
    "efficientnet-b7": (66_347_960, 37_745_958_392),
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_presets_have_the_published_sizes(name: str) -> None:
    """Where only four digits of the flops are known, these."""
    found = describe_preset(name, None, None)
    params, flops = COUNTS[name]
    assert found["complexity"]["params"] == params
    assert found["complexity"]["flops"] == pytest.approx(flops, rel=5e-4 if flops % 100_000 == 0 else 0)
    assert found["in_space"] or name not in ("mnasnet-a1", "mobilenetv2", "efficientnet-b7")


@pytest.mark.parametrize("name", sorted(mobiles()))
def test_presets_are_points_of_their_space(name: str) -> None:
    known = preset(name)
    space = make_space(known.space).on(known.images)
    made = space.decode(space.complete(known.params))
    assert isinstance(made, Mobile) and presets()[name] == known
    theirs = {"mobilenetv2": "mobilenetv2_100", "mnasnet-a1": "semnasnet_100"}.get(name, name.replace("-", "_"))
    if theirs in TIMM and name != "mnasnet-small":
        assert made == TIMM[theirs]()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnasnet", "say mnasnet-a1 or mnasnet-b1 .*timm's semnasnet"),
        ("mnasnet_100", "say mnasnet-b1 .*MnasNet-A1 is timm's semnasnet"),
        ("mnasnet0_5", "say mnasnet-b1-0.5 "),
        ("semnasnet_075", "say mnasnet-a1-0.75 "),
        ("resnet50", "say resnet-50 .*3x3"),
    ],
)
def test_a_librarys_name_is_answered_with_the_preset_that_is_meant(name: str, says: str) -> None:
    with pytest.raises(PluginNotFound, match=says):
        preset(name)


def test_names_that_libraries_use_otherwise_say_which_network_is_meant() -> None:
    for name in ("mnasnet-a1", "mnasnet-b1-0.5", "mnasnet-small", "efficientnet-b5"):
        assert "timm" in describe_preset(name, 64, None)["note"]
    ours, theirs = preset("mnasnet-small"), read("timm:mnasnet_small")[0]
    space = make_space(ours.space).on(ours.images)
    made = space.decode(space.complete(ours.params))
    assert isinstance(made, Mobile) and isinstance(theirs, Mobile)
    first = replace(made.stages[0], skip="identity")
    assert replace(made, stages=(first, *made.stages[1:])) == theirs
