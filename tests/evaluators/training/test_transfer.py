"""What a new network takes of another's weights, and that it then computes what the other did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from regnas.architecture import Architecture, SupportsResiduals
from regnas.design_space import make_space
from regnas.evaluators.training.options.transfer import Taken, take
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.staged.architecture import Staged
from regnas.transfer import SupportsTransfer

SOURCE = Staged(
    stem="cifar",
    stem_width=8,
    depths=(2, 2),
    widths=(16, 32),
    strides=(1, 2),
    group_widths=(4, 8),
    se_ratio=0.25,
    classes=5,
)
MOBILE = Mobile(
    stages=read_line("ds_r1_k3_s1_c8_noskip ir_r2_k3_s2_e3_c16_se0.25 er_r2_k3_s2_e2_c24"),
    stem_width=8,
    head_width=32,
    classes=5,
)
# A sum of some hundred numbers of size one in another order: 2^-24 each, and twenty layers of it.
ROUNDING: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


def network(architecture: Architecture, seed: int) -> nn.Module:
    """A network whose normalisations do something, as after a training."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        made = architecture.build().eval()
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0.0, 0.2)
                nn.init.normal_(module.running_mean, 0.0, 0.2)  # type: ignore[arg-type]
                nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
                module.num_batches_tracked.fill_(7 + seed)  # type: ignore[union-attr]
        return made


def begun(architecture: Architecture, source: Architecture, *, same_classes: bool = True) -> tuple[nn.Module, Taken]:
    """A network of one architecture that begins with the weights of `network(source, 0)`."""
    made, state = network(architecture, 1), network(source, 0).state_dict()
    taken = take(made, architecture, source, state, same_classes=same_classes)
    with torch.device("meta"):
        counted = take(architecture.build(), architecture, source, state, same_classes=same_classes)
    assert counted == taken  # known without any weights
    return made, taken


def outputs(made: nn.Module) -> Tensor:
    with torch.no_grad():
        return made(torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)))  # type: ignore[no-any-return]


EVERY_BLOCK = [
    replace(SOURCE, block=block, group_widths=(), stem=stem, head_width=head)
    for block, stem, head in (
        ("x", "simple", 0),
        ("r", "resnet", 0),
        ("linear", "cifar", 24),
        ("rs", "rs", 0),
        ("basic", "cifar", 0),
        ("vanilla", "simple", 0),
        ("v", "cifar", 0),
        ("vr", "cifar", 12),
    )
]


@pytest.mark.parametrize("architecture", [*EVERY_BLOCK, MOBILE, replace(MOBILE, head_width=0)])
def test_every_tensor_of_a_network_is_in_a_place_of_its_own(architecture: Architecture) -> None:
    with torch.device("meta"):
        made = architecture.build()
    assert isinstance(made, SupportsTransfer)
    places = made.layer_places()
    assert len(set(places.values())) == len(places)
    assert {name.rpartition(".")[0] for name in made.state_dict()} == set(places)
    assert [name for name, place in places.items() if place.classifies] == ["classifier"]


@pytest.mark.parametrize("architecture", [SOURCE, *EVERY_BLOCK, MOBILE])
def test_a_network_of_the_very_same_architecture_has_the_very_same_weights(architecture: Architecture) -> None:
    made, taken = begun(architecture, architecture)
    source = network(architecture, 0)
    expected = source.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in made.state_dict().items())
    assert torch.equal(outputs(made), outputs(source))
    assert taken.share == 1 and taken.tensors == taken.of_tensors == len(list(made.parameters()))


@pytest.mark.parametrize("architecture", [SOURCE, MOBILE])
def test_with_other_classes_the_last_layer_alone_is_new(architecture: Any) -> None:
    for target in (replace(architecture, classes=7), architecture):  # as many, which mean something else
        made, taken = begun(target, architecture, same_classes=False)
        new, source = network(target, 1).state_dict(), network(architecture, 0).state_dict()
        for name, tensor in made.state_dict().items():
            assert torch.equal(tensor, (new if name.startswith("classifier.") else source)[name])
        assert taken.of_tensors - taken.tensors == 2


def dense(layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
    """A layer's weights ``(out, in, height, width)`` without groups, and which of them it has; one at a time."""
    weight = layer.weight.detach().reshape(*layer.weight.shape[:2], *(layer.weight.shape[2:] or (1, 1)))
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    whole = torch.zeros(len(weight), weight.shape[1] * groups, *weight.shape[2:])
    there = torch.zeros(whole.shape[:2], dtype=torch.bool)
    for out in range(len(weight)):
        for slot in range(weight.shape[1]):
            place = out // (len(weight) // groups) * weight.shape[1] + slot
            whole[out, place], there[out, place] = weight[out, slot], True
    return whole, there


def expected_of(new: nn.Module, old: nn.Module) -> Tensor:
    """The rows that both have, by the rule: what the new layer has a place for, as the old one has it, or zero."""
    (fresh, has), (known, _) = dense(new), dense(old)  # type: ignore[arg-type]
    rows, columns = min(len(fresh), len(known)), min(fresh.shape[1], known.shape[1])
    height = min(fresh.shape[2], known.shape[2])
    found = torch.zeros_like(fresh[:rows])
    to, of = (fresh.shape[2] - height) // 2, (known.shape[2] - height) // 2
    middle = known[:rows, :columns, of : of + height, of : of + height]
    found[:, :columns, to : to + height, to : to + height] = middle
    return found * has[:rows, :, None, None]


WIDTHS = some.sampled_from([(8, 16), (16, 32), (16, 64), (24, 48), (32, 16), (48, 96)])
GROUPS = some.sampled_from([(1, 1), (2, 4), (4, 8), (8, 16), (8, 2), (4, 4)])


@settings(deadline=None, max_examples=8)
@given(widths=WIDTHS, groups=GROUPS, stem=some.sampled_from([4, 8, 12]), classes=some.sampled_from([5, 9]))
def test_kept_channels_have_the_weights_that_they_had(
    widths: tuple[int, int], groups: tuple[int, int], stem: int, classes: int
) -> None:
    """Against a count one number at a time, on convolutions without groups."""
    target = replace(SOURCE, widths=widths, group_widths=groups, stem_width=stem, classes=classes)
    made, _ = begun(target, SOURCE, same_classes=classes == 5)
    source, fresh = network(SOURCE, 0), network(target, 1)
    for name, layer in made.named_modules():
        old = dict(source.named_modules()).get(name)
        new = fresh.get_submodule(name)
        if old is None or (name == "classifier" and classes != 5):
            continue
        if isinstance(layer, nn.Conv2d | nn.Linear):
            found, rows = dense(layer)[0], len(expected_of(layer, old))
            assert torch.equal(found[:rows], expected_of(layer, old))
            assert torch.equal(found[rows:], dense(new)[0][rows:])  # type: ignore[arg-type]
        if isinstance(layer, nn.BatchNorm2d):
            count = min(layer.num_features, old.num_features)
            for own in ("weight", "bias", "running_mean", "running_var"):
                tensor = getattr(layer, own)
                assert torch.equal(tensor[:count], getattr(old, own)[:count])
                assert torch.equal(tensor[count:], getattr(new, own)[count:])


@settings(deadline=None, max_examples=20)
@given(
    depths=some.tuples(some.integers(2, 5), some.integers(2, 5)),
    times=some.sampled_from([1, 2, 3]),
    group_times=some.sampled_from([1, 2]),
    stem=some.sampled_from([8, 11]),
    block=some.sampled_from(["x", "r", "rs", "basic", "vr"]),
)
def test_a_deeper_and_wider_network_begins_as_the_function_that_the_other_is(
    depths: tuple[int, int], times: int, group_times: int, stem: int, block: str
) -> None:
    source = replace(SOURCE, block=block, group_widths=(4, 8) if block == "x" else ())
    groups = tuple(one * group_times for one in (4, 8)) if block == "x" and times != 3 else source.group_widths
    widths = (16 * times, 32 * times)
    target = replace(source, depths=depths, widths=widths, stem_width=stem, group_widths=groups if block == "x" else ())
    made, taken = begun(target, source)
    torch.testing.assert_close(outputs(made), outputs(network(source, 0)), **ROUNDING)
    assert 0 < taken.share <= 1


def test_a_shallower_network_has_the_first_blocks_of_each_stage() -> None:
    made, taken = begun(replace(SOURCE, depths=(1, 1)), SOURCE)
    source = network(SOURCE, 0).state_dict()
    assert all(torch.equal(tensor, source[name]) for name, tensor in made.state_dict().items())
    assert taken.share == 1


def test_further_blocks_copy_the_last_one_and_add_nothing_yet() -> None:
    target = replace(SOURCE, depths=(4, 2))
    made, _ = begun(target, SOURCE)
    state, source = made.state_dict(), network(SOURCE, 0).state_dict()
    assert isinstance(made, SupportsResiduals)
    ends = {name for name, module in made.named_modules() if any(module is end for end in made.residual_ends())}
    assert len(ends) == 6
    for name, tensor in state.items():
        if name.startswith(("stages.0.2.", "stages.0.3.")):
            layer, _, own = name.rpartition(".")
            silent = layer in ends and own in ("weight", "bias")
            other = source[f"stages.0.1.{name.split('.', 3)[3]}"]
            assert torch.equal(tensor, torch.zeros_like(tensor) if silent else other)


def test_the_first_block_of_a_stage_is_copied_to_no_other_place() -> None:
    """What comes after a stage's only block is new, and adds nothing yet: the network is the function that it was."""
    source = replace(SOURCE, depths=(1, 2))
    target = replace(source, depths=(3, 2))
    made, taken = begun(target, source)
    new = network(target, 1).state_dict()
    assert torch.equal(made.state_dict()["stages.0.1.transform.0.0.weight"], new["stages.0.1.transform.0.0.weight"])
    torch.testing.assert_close(outputs(made), outputs(network(source, 0)), **ROUNDING)
    assert taken.share < 1


def test_further_blocks_without_a_shortcut_are_plain_copies() -> None:
    source = replace(SOURCE, block="vanilla", group_widths=())
    made, _ = begun(replace(source, depths=(3, 2)), source)
    state, known = made.state_dict(), network(source, 0).state_dict()
    copied = [name for name in state if name.startswith("stages.0.2.")]
    assert copied and all(torch.equal(state[name], known[name.replace("0.2.", "0.1.", 1)]) for name in copied)


@pytest.mark.parametrize(
    "line",
    [
        "ds_r1_k5_s1_c8_noskip ir_r2_k5_s2_e3_c16_se0.25 er_r2_k3_s2_e2_c24",  # 3x3 in the middle of 5x5
        "ds_r1_k3_s1_c8_noskip ir_r4_k3_s2_e3_c16_se0.25 er_r3_k3_s2_e2_c24",
        "ds_r1_k3_s1_c12_noskip ir_r2_k3_s2_e4_c20_se0.25 er_r2_k3_s2_e3_c32",
    ],
)
def test_a_larger_mobile_network_begins_as_the_function_that_the_other_is(line: str) -> None:
    target = replace(MOBILE, stages=read_line(line), head_width=48)
    made, _ = begun(target, MOBILE)
    torch.testing.assert_close(outputs(made), outputs(network(MOBILE, 0)), **ROUNDING)


def test_a_smaller_kernel_is_the_middle_of_the_other() -> None:
    source = replace(MOBILE, stages=read_line("ds_r1_k5_s1_c8"), head_width=0)
    made, _ = begun(replace(source, stages=read_line("ds_r1_k3_s1_c8")), source)
    name = "stages.0.0.layers.depthwise.0.weight"
    assert torch.equal(made.state_dict()[name], network(source, 0).state_dict()[name][:, :, 1:4, 1:4])


@pytest.mark.parametrize(
    ("target", "tensors"),
    [
        (replace(SOURCE, block="basic", group_widths=()), 3),  # the stem
        (MOBILE, 0),
        (make_space("darts").sample(1)[0].architecture, 0),
    ],
)
def test_of_other_blocks_and_families_little_or_nothing_is_taken(target: Architecture, tensors: int) -> None:
    made, taken = begun(target, SOURCE, same_classes=False)
    assert taken.tensors == tensors
    if not tensors:
        new = network(target, 1).state_dict()
        assert all(torch.equal(tensor, new[name]) for name, tensor in made.state_dict().items())


def test_what_follows_another_number_of_stages_is_new() -> None:
    target = replace(SOURCE, depths=(2,), widths=(16,), strides=(1,), group_widths=(4,), bottleneck_ratios=())
    made, _ = begun(target, SOURCE)
    new, source = network(target, 1).state_dict(), network(SOURCE, 0).state_dict()
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, (new if name.startswith("classifier.") else source)[name])


def test_a_family_without_places_takes_its_very_own_architecture() -> None:
    one = make_space("nasbench201").sample(1)[0].architecture
    made, taken = begun(one, one)
    source = network(one, 0).state_dict()
    assert taken.share == 1 and all(torch.equal(tensor, source[name]) for name, tensor in made.state_dict().items())


def shapes(architectures: Sequence[Architecture]) -> list[float]:
    return [begun(one, SOURCE)[1].share for one in architectures]


def test_the_share_that_is_taken_falls_with_the_distance() -> None:
    """By hand: twice the width keeps half of what is per channel and a quarter of what is between channels."""
    whole, wide, wider = shapes([SOURCE, *(replace(SOURCE, widths=(16 * t, 32 * t)) for t in (2, 4))])
    assert whole == 1 > wide > wider
    only = Staged(stem="cifar", stem_width=8, depths=(1,), widths=(16,), strides=(1,), block="v", classes=2)
    _, taken = begun(replace(only, widths=(32,)), only)
    # stem 3*8*9 + 16, block 8*32*9 + 64, last layer 32*2 + 2; of the second and third the half is known
    assert (taken.numbers, taken.of_numbers) == (232 + 1152 + 32 + 34, 232 + 2304 + 64 + 66)
