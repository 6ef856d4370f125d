"""What a new network takes from the weights of another: channel by channel, block by block.

The rules are those of parameter remapping (Fang et al. 2020, FNA, arXiv 2001.02525, section 3.2), made such that what
is taken computes what it did before:

- **Channels.** The first ones are taken. A kept channel reads its old inputs as before, as far as they are there, and
  new inputs by zero. A new channel starts as in a new network.
- **Groups.** A convolution with groups is one without whose other weights are zero: a kept channel has the weights of
  the inputs that both networks' groups give it, and zero for those that only the new one's do.
- **Kernels.** A smaller one is the middle of the other, a larger one has it in its middle and zeros around.
- **Blocks.** The first of a stage take those of the other network's stage. Further ones copy its last, and where they
  are added to a shortcut their branch starts at nothing: its last normalisation is zero (Goyal et al. 2017, section
  5.1), so that the deeper network begins as the same function (Net2DeeperNet, Chen et al. 2016, arXiv 1511.05641). The
  first block of a stage, which changes the shape, is never copied to another place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from regnas.architecture import Architecture, SupportsResiduals
from regnas.pretrained import with_classes
from regnas.transfer import Place, SupportsTransfer

Pairs = dict[str, str]
Amount = tuple[int, int]  # tensors, and numbers in them
Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Taken:
    """How much of a network comes from another.

    Attributes:
        tensors: of the network's parameters that hold something of the other's, of ``of_tensors``.
        numbers: of its parameters that are the other's, of ``of_numbers``.
    """

    tensors: int
    of_tensors: int
    numbers: int
    of_numbers: int

    @property
    def share(self) -> float:
        """Of the network's parameters, from 0 to 1."""
        return self.numbers / self.of_numbers

    def said(self) -> str:
        """In words."""
        return f"{self.tensors} of {self.of_tensors} tensors, {self.share:.1%} of the parameters"


@torch.no_grad()
def take(
    network: nn.Module,
    architecture: Architecture,
    other: Architecture,
    state: Mapping[str, Tensor],
    *,
    same_classes: bool,
) -> Taken:
    """Let a new network begin with what fits of another's weights; nothing of one of another family does.

    Args:
        network: of ``architecture``, new: what nothing fits to stays as it is. On ``meta`` it is only counted.
        state: tensors of ``other``, by name.
        same_classes: whether the outputs of both mean the same; else the last layer stays new.
    """
    parameters = list(network.parameters())
    found: list[Amount] = []
    if architecture.kind == other.kind:
        with torch.device("meta"):
            theirs = other.build()
        if isinstance(network, SupportsTransfer) and isinstance(theirs, SupportsTransfer):
            found = _by_place(network, theirs, state, same_classes)
        elif with_classes(architecture, 2) == with_classes(other, 2):  # a family that knows no places: as it is, or not
            found = _as_it_is(network, state)
    return Taken(
        sum(tensors for tensors, _ in found),
        len(parameters),
        sum(numbers for _, numbers in found),
        sum(one.numel() for one in parameters),
    )


def _by_place(network: nn.Module, theirs: nn.Module, state: Mapping[str, Tensor], same_classes: bool) -> list[Amount]:
    ours, others = _places(network), _places(theirs)
    pairs, added = _matched(ours, others, same_classes)
    found = {
        name: _layer(network.get_submodule(name), theirs.get_submodule(other), other, state)
        for name, other in pairs.items()
    }
    ends = network.residual_ends() if isinstance(network, SupportsResiduals) else []
    for name, place in ours.items():
        layer = network.get_submodule(name)
        if (place.stage, place.block) in added and any(layer is end for end in ends):
            found[name] = (0, 0)
            for parameter in layer.parameters():
                parameter.zero_()
    return list(found.values())


def _places(network: nn.Module) -> Mapping[str, Place]:
    return network.layer_places() if isinstance(network, SupportsTransfer) else {}


def _matched(
    ours: Mapping[str, Place], others: Mapping[str, Place], same_classes: bool
) -> tuple[Pairs, set[tuple[int | None, int | None]]]:
    """The layer that each of ours takes from, and the blocks that are more than the other network has in a stage of
    which something is taken.
    """
    names = {place: name for name, place in others.items()}
    depths: dict[int | None, int] = {}
    for place in others.values():
        depths[place.stage] = max(depths.get(place.stage, 0), 1 + (place.block or 0))
    pairs: Pairs = {}
    further: set[tuple[int | None, int | None]] = set()
    begun: set[int | None] = set()
    for name, place in ours.items():
        wanted, depth = place, depths.get(place.stage, 0)
        if place.block is not None and place.block >= depth:
            further.add((place.stage, place.block))
            wanted = replace(place, block=depth - 1)
            if depth < 2:  # the first block is never copied to another place
                continue
        if wanted in names and (same_classes or not place.classifies):
            pairs[name] = names[wanted]
            begun |= {place.stage} if wanted == place else set()
    return pairs, {place for place in further if place[0] in begun}


def _layer(layer: nn.Module, theirs: nn.Module, name: str, state: Mapping[str, Tensor]) -> Amount:
    """Take a layer's tensors; parameters are counted."""
    tensors = numbers = 0
    for own, tensor in layer.state_dict(keep_vars=True).items():
        source = state.get(f"{name}.{own}")
        if source is None:
            continue
        if tensor.dim() < 2:
            count = _vector(tensor, source)
        else:
            count = _operator(tensor, source, _groups(layer), _groups(theirs))
        if isinstance(tensor, nn.Parameter) and count:
            tensors, numbers = tensors + 1, numbers + count
    return tensors, numbers


def _groups(layer: nn.Module) -> int:
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


def _vector(tensor: Tensor, source: Tensor) -> int:
    """Take the first numbers of ``(n,)``, or the one of ``()``; returns how many."""
    count = min(tensor.numel(), source.numel())
    if not tensor.is_meta:
        tensor.view(-1)[:count] = source.reshape(-1)[:count]
    return count


def _operator(tensor: Tensor, source: Tensor, groups: int, their_groups: int) -> int:
    """Take the rows that both have, each with what it reads in both; returns how many numbers were taken.

    Args:
        tensor: ``(out, in / groups, ...)``, of a convolution or a linear layer.
    """
    rows, width, their_width = min(len(tensor), len(source)), tensor.shape[1], source.shape[1]
    row = torch.arange(rows, device="cpu")[:, None]
    first = row // (len(tensor) // groups) * width  # input of the row's first number, and of the other's
    their_first = row // (len(source) // their_groups) * their_width
    place = first + torch.arange(width, device="cpu") - their_first
    there = (place >= 0) & (place < their_width)
    every, (inside, outside) = (slice(None),) * 2, _middles(tensor.shape[2:], source.shape[2:])
    if not tensor.is_meta:
        picked = source[row, place.clamp(0, their_width - 1)]
        whole = torch.zeros_like(tensor[:rows])
        known = there.view(*there.shape, *([1] * (tensor.dim() - 2)))
        whole[every + inside] = torch.where(known, picked[every + outside], torch.zeros(()))
        tensor[:rows] = whole
    return int(there.sum()) * int(math.prod(one.stop - one.start for one in inside))


def _middles(sizes: Sequence[int], others: Sequence[int]) -> tuple[Slices, Slices]:
    """Where a kernel takes what it takes, and from where in the other: the middle of the larger one."""
    inside: Slices = ()
    outside: Slices = ()
    for size, other in zip(sizes, others, strict=True):
        both = min(size, other)
        inside += (slice((size - both) // 2, (size - both) // 2 + both),)
        outside += (slice((other - both) // 2, (other - both) // 2 + both),)
    return inside, outside


def _as_it_is(network: nn.Module, state: Mapping[str, Tensor]) -> list[Amount]:
    """Take all tensors of the same architecture; its last layer may have other outputs."""
    found = []
    for name, tensor in network.state_dict(keep_vars=True).items():
        if (source := state.get(name)) is not None and source.shape == tensor.shape:
            if not tensor.is_meta:
                tensor.copy_(source)
            found += [(1, tensor.numel())] if isinstance(tensor, nn.Parameter) else []
    return found
