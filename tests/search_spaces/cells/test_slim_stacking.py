"""Networks of cells as TensorFlow-slim stacks them, and timm's two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from regnas.architecture import Architecture
from regnas.design_space import Space, make_space
from regnas.errors import InvalidArchitecture, PluginNotFound, UsageError
from regnas.format import Format, make_format
from regnas.preset import preset
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.slim.architecture import SlimCells
from regnas.search_spaces.cells.slim.network import SameConv2d, SamePool, SlimNetwork
from regnas.search_spaces.cells.slim.stacking import places
from regnas.testing import ArchitectureRules, FormatRules, SpaceRules

# Counted by hooks on timm 1.0.31 (the two large ones) and by an independent implementation of tensorflow/models and
# tensorflow/tpu: params, multiply-adds, and outputs of convolutions, linear layers and max-pools.
COUNTS: dict[str, tuple[int, int, int | None]] = {
    "nasnet-a-mobile": (5_289_978, 563_639_816, 7_938_035 + 155_232),
    "nasnet-a-large": (88_753_150, 23_783_415_658, 90_560_452 + 1_334_004),
    "pnasnet-5-large": (86_057_668, 24_937_396_792, 92_889_814 + 10_089_852),
    "nasnet-a-cifar": (3_346_538, 544_333_322, None),
    "amoebanet-a-cifar": (3_218_266, 509_669_002, None),
    "pnasnet-5-cifar": (3_189_082, 574_891_402, None),
}
TIMM = {"nasnetalarge": "nasnet-a-large", "pnasnet5large": "pnasnet-5-large"}


def network_of(name: str, **changes: Any) -> SlimCells:
    known = preset(name)
    space = make_space(known.space).on(known.images)
    made = space.decode(space.complete(known.params))
    assert isinstance(made, SlimCells)
    return replace(made, **changes)


def cell(text: str, *concat: int) -> Cell:
    return Cell(parse_edges(text), concat)


NETWORK = SlimCells(
    cell("c1@0+skip@1 / sep3@2+avg3@0", 0, 3),
    cell("dil3@0+skip@1 / none@0+max3@1", 1, 2, 3),
    width=8,
    depth=3,
    stem="cifar",
    stem_width=6,
    classes=5,
)


class TestNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        one = replace(NETWORK, classes=classes)
        wide = cell("c71@0+c3@1 / none@0+skip@0 / max5@0+avg3@0", 0, 2, 3, 4)
        return [
            one,
            replace(one, reductions="replace", depth=5),
            replace(one, stem="imagenet", skip_reduction=True),
            # Odd widths, and a raw input that is part of the output.
            replace(one, normal=wide, reduce=wide, stem="imagenet", width=10),
            replace(one, normal=cell("sep5@1+sep5@1", 2), width=4),  # input 0 is used by no node
        ]


class TestSpace(SpaceRules):
    @pytest.fixture(autouse=True, params=["nasnet[stacking=tf]", "pnas[normal_output=2-4-6,reduction=same]"])
    def _named(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param

    def make(self) -> Space:
        return make_space(self._spec).fix(width=[4, 6], depth=[3, 4])


@pytest.mark.slow
class TestTimm(FormatRules):
    suffix = None  # it reads names, and writes Python

    def make(self) -> Format[Any]:
        return make_format("timm-cells")

    def networks(self) -> Sequence[Architecture]:
        return [network_of(name) for name in TIMM.values()]

    def refused(self) -> Sequence[Architecture]:
        return [NETWORK, network_of("nasnet-a-mobile")]


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_cost_what_other_implementations_count(name: str) -> None:
    params, flops, activations = COUNTS[name]
    cost = network_of(name).complexity(preset(name).images.resolution)
    assert (cost["params"], cost["flops"]) == (params, flops)
    assert activations is None or cost["activations"] == activations


@pytest.mark.parametrize(("model", "name"), TIMM.items())
def test_counts_are_those_of_timms_module(model: str, name: str) -> None:
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        there, here = timm.create_model(model), network_of(name).build()
    counts = [sum(one.numel() for one in built.parameters()) for built in (there, here)]
    assert counts[0] == counts[1] == COUNTS[name][0]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), TIMM.items())
def test_outputs_with_timms_weights_are_timms(model: str, name: str) -> None:
    """Sides that are odd and even on the way down; without the bias of the classifier, which would hide the rest."""
    timm, form = pytest.importorskip("timm"), make_format("timm-cells")
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        there, here = timm.create_model(model).eval(), network_of(name).build().eval()
        for module in there.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
        there.last_linear.bias.zero_()
        here.load_state_dict(form.import_weights(there.state_dict(), list(here.state_dict())))  # type: ignore[attr-defined]
        back = form.export_weights(here.state_dict())  # type: ignore[attr-defined]
        assert {key: True for key in back} == {
            key: torch.equal(back[key], value) for key, value in there.state_dict().items()
        }
        for side in (97, 130):
            x = torch.randn(1, 3, side, side)
            one, other = there(x), here(x)
            largest = one.abs().max().item()
            assert largest > 0
            # Sums of some thousand numbers of single precision in another order: 2^-24 each, a hundred layers deep.
            torch.testing.assert_close(other, one, rtol=0, atol=1e-4 * largest)


def test_timms_networks_are_known_by_its_names() -> None:
    for model, name in TIMM.items():
        (read,) = make_format("timm-cells").read(model)  # type: ignore[attr-defined]
        assert read == network_of(name)
        assert repr(model) in make_format("timm-cells").write(read, {})
    with pytest.raises(PluginNotFound, match="it has nasnetalarge, pnasnet5large"):
        make_format("timm-cells").read("nasnetamobile")  # type: ignore[attr-defined]


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of nasnet-a-large or of pnasnet-5-large"):
        make_format("timm-cells").export_weights(NETWORK.build().state_dict())  # type: ignore[attr-defined]


def test_the_cell_behind_an_extra_reduction_can_skip_its_input() -> None:
    """Source: tensorflow/models ``nasnet.py``, ``skip_reduction_layer_input``."""
    for skips, sources in ((False, [None, 0, 1, 2, 3, 4, 5]), (True, [None, 0, 0, 2, 3, 3, 5])):
        one = replace(NETWORK, depth=5, skip_reduction=skips)
        assert [place.source for place in places(one)] == sources, skips
        assert [place.reduced for place in places(one)] == [False, True, False, False, True, False, False]


def test_sides_are_halved_rounded_up_with_more_padding_at_the_end() -> None:
    conv = SameConv2d(1, 1, 3, 2)
    nn.init.ones_(conv.weight)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert conv(x).flatten().tolist() == [45.0, 39.0, 66.0, 50.0]  # windows begin at pixels 0 and 2
    assert SamePool("max", 3, 2)(-x - 1).shape == (1, 1, 2, 2)
    assert SamePool("max", 3, 2)(-x - 1).max() == -1, "the border counts as a pixel"


def test_drop_path_acts_in_training_alone() -> None:
    built = NETWORK.build()
    assert isinstance(built, SlimNetwork)
    x = torch.randn(4, 3, 16, 16)
    built.train()(x)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = built.train()(x)
        built.set_drop_path(0.5)
        assert not torch.equal(built(x), before)
        assert torch.equal(built.eval()(x), built(x))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nasnet[stacking=slim]", "stacking is one of nds, tf, got 'slim'"),
        ("nasnet[normal_output=2-9]", "inputs and nodes from 0 to 6, each once, such as 0-2-4; got '2-9'"),
        ("nasnet[reduce_output=2-2]", "each once"),
        ("nasnet[stem_width=0]", "stem_width is a whole number from 1 to 262,144, got '0'"),
        ("nasnet[reductions=none]", "reductions is one of extra, replace"),
        ("nasnet[skip_reduction=1]", "skip_reduction is one of no, yes"),
        ("nasnet[normal_output=2,stacking=nds]", "leave these out"),
    ],
)
def test_bad_options_are_named(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_space(spec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 2}, "depth is a whole number from 3 to 1,000, got 2"),
        ({"reductions": "both"}, "reductions is one of extra, replace, got 'both'"),
        ({"skip_reduction": 1}, "skip_reduction is one of False, True, got 1"),
        ({"reduce_concat": []}, "reduce cell: the output of a cell is one or more of its inputs and nodes, 0 to 3"),
    ],
)
def test_bad_networks_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        SlimCells.from_json({**NETWORK.to_json(), **changes})


def test_no_image_is_too_small_without_a_word() -> None:
    with pytest.raises(InvalidArchitecture, match="kernel"):
        replace(NETWORK, stem="imagenet").complexity(2)


def test_the_stacking_is_said_by_any_of_its_options() -> None:
    assert make_space("nasnet[stem_width=32]").spec == "nasnet[stem_width=32]"
    assert make_space("nasnet[stacking=nds]").spec == "nasnet"
    point = make_space("nasnet").sample(1)[0].params
    assert isinstance(make_space("nasnet[stacking=tf]").decode(point), SlimCells)
