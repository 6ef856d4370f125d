"""One module holds all networks of a staged space inside its window: each is slices of it, and computes the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.modules.supernet import SlicedStages
from regnas.supernet import SlicedSupernet, SupportsSupernet
from regnas.testing import SupernetRules
from regnas.window import Window

SPACES = ("regnetx", "regnety", "vanilla")


def space_of(spec: str, flops: str = "200k:800k") -> Space:
    return (
        make_space(spec).on(Images(16, 4, strides=(2,), stem_stride=1, stem_width=8)).within(Window.parse(flops=flops))
    )


def supernet_of(space: Space) -> SlicedStages:
    assert isinstance(space, SupportsSupernet)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        found = space.supernet()
    assert isinstance(found, SlicedStages) and isinstance(found, SlicedSupernet)
    return found


class TestSupernetOfRegNets(SupernetRules):
    def make(self) -> Space:
        return space_of("regnetx")


def networks_of(space: Space, count: int) -> list[Staged]:
    found = [one.architecture for one in space.sample(count)]
    assert all(isinstance(one, Staged) for one in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("spec", SPACES)
def test_a_network_selected_computes_what_its_slices_by_hand_do(spec: str) -> None:
    """By hand: every weight is the first channels of the layer of its name, of its group width where it is grouped, or
    of the next wider one where a single group is narrower than all.
    """
    space = space_of(spec)
    supernet = supernet_of(space)
    whole = {name.replace("/", "."): weight for name, weight in supernet.named_parameters()}
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    for one in networks_of(space, 2):
        network = one.build()
        with torch.no_grad():
            for name, own in network.named_parameters():
                source = whole.get(name)
                if source is None:  # a grouped convolution
                    group = one.group_widths[int(name.split(".")[1])]
                    known = [int(held.rpartition(".")[2]) for held in whole if held.startswith(f"{name}.")]
                    source = whole[f"{name}.{min(width for width in known if width >= group)}"]
                own.copy_(source[tuple(slice(size) for size in own.shape)])
        assert torch.equal(supernet.select(one)(images), network(images))


def test_the_first_groups_of_a_grouped_convolution_are_those_of_a_narrower_network() -> None:
    space = space_of("regnetx")
    supernet, (one,) = supernet_of(space), networks_of(space, 1)
    narrow = replace(one, widths=tuple(group for group in one.group_widths), bottleneck_ratios=(1.0,) * one.stages)
    wide = one.build()
    slices, less = supernet.slices(one, wide), supernet.slices(narrow, narrow.build())
    name = "stages.3.0.transform.1.0.weight"
    group = one.group_widths[3]
    assert less[name].shape == (group, group, 3, 3)
    assert torch.equal(less[name], slices[name][:group]) and less[name].data_ptr() == slices[name].data_ptr()


def test_networks_of_other_group_widths_share_all_but_the_grouped_convolutions() -> None:
    space = space_of("anynetx-a[stages=1,group_width=4|8,width=16:32]", ":800k")
    supernet = supernet_of(space)
    kinds = {one.group_widths[0]: one for one in networks_of(space, 40) if one.bottleneck_widths[0] > 8}
    assert set(kinds) == {4, 8}
    four, eight = (supernet.slices(kinds[group], kinds[group].build()) for group in (4, 8))
    same = {name for name in four if four[name].data_ptr() == eight.get(name, four[name][1:]).data_ptr()}
    assert {name for name in four if name in eight} - same == {
        name for name in four if name in eight and name.endswith(".transform.1.0.weight")
    }


@pytest.mark.parametrize("spec", SPACES)
def test_every_network_of_the_window_is_held(spec: str) -> None:
    space = space_of(spec)
    supernet = supernet_of(space)
    for one in networks_of(space, 15):
        with torch.device("meta"):
            network: nn.Module = one.build()
        slices = supernet.slices(one, network)
        assert {name: part.shape for name, part in slices.items()} == {
            name: own.shape for name, own in network.named_parameters()
        }


@pytest.mark.parametrize(
    ("spec", "window", "said"),
    [
        ("regnetx", "", "has no upper limit; give one, such as --flops :400M"),
        ("resnext-a", ":800k", "this space chooses numbers of groups"),
        ("anynetx-a", ":1T", "and 268,435,456 at most are held; lower the window"),
    ],
)
def test_a_space_without_a_supernet_says_why_in_a_line(spec: str, window: str, said: str) -> None:
    space = space_of(spec, window) if window else make_space(spec).on(Images(16, 4)).within(Window())
    assert isinstance(space, SupportsSupernet)
    with pytest.raises(UsageError, match=said) as refusal:
        space.supernet()
    assert "\n" not in str(refusal.value)


def test_a_network_that_is_none_of_the_supernet_is_refused() -> None:
    space = space_of("regnetx")
    supernet, (one,) = supernet_of(space), networks_of(space, 1)
    larger = replace(one, widths=tuple(64 * width for width in one.widths))
    threes = replace(one, widths=(24,) * 4, bottleneck_ratios=(1.0,) * 4, group_widths=(3,) * 4)
    for other, said in (
        (larger, "larger than any of regnetx"),
        (threes, "holds group widths .* in stage 1, got"),
        (replace(one, classes=7), "on its images alone"),
    ):
        with pytest.raises(UsageError, match=said):
            supernet.select(other)
