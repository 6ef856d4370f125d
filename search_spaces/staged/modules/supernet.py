"""One module for all networks of a staged space inside its window: each network's weights are slices of larger ones.

A network takes the first blocks of every stage and the first channels of every layer (slimmable widths: Yu et al. 2019,
arXiv 1812.08928; first blocks: Cai et al. 2020, arXiv 1908.09791). A grouped convolution is another function for every
group width, in which a channel sees other channels, so networks share one only where their group width is the same:
its first groups. A network of one group, narrower than any group width that can be asked for, takes the first channels
of the first group of the next wider one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.complexity import BLOCKS, Template
from regnas.search_spaces.staged.modules.blocks import make_block
from regnas.search_spaces.staged.modules.largest import Largest, group_widths, largest_blocks
from regnas.search_spaces.staged.modules.network import StagedNetwork, squeezed_width

if TYPE_CHECKING:
    from regnas.search_spaces.staged.space import StagedSpace

GROUPED = ".transform.1.0.weight"  # the ends of the names of grouped convolutions
MOST_WEIGHTS = 1 << 28  # 1 GiB of them, and as much for what an optimiser remembers
_TYPICAL = 64  # networks, of which what is usual in a space is told
_SEED = 0  # of these


class SlicedStages(nn.Module):
    """A `regnas.supernet.SlicedSupernet`.

    A layer starts as in a network of the middle width of the space, and the end of each residual branch at 1 / sqrt(n)
    with the mean number n of blocks, as trainings alone start at 1 / sqrt of their own.

    Args:
        space: on its images and inside its window, which has an upper limit.

    Raises:
        UsageError: nothing is shared in this space, or it is too large.
    """

    def __init__(self, space: StagedSpace) -> None:
        super().__init__()
        self._template = space.template()
        self._spec, self._groups = space.spec, [group_widths(space, stage) for stage in range(space.stages)]
        typical = [one.architecture for one in space.sample(_TYPICAL, duplicates="allow")]
        plan = {**_ends(space, largest_blocks(space)[-1][0].wide), **_stages(space, self._groups)}
        if (total := sum(map(math.prod, plan.values()))) > MOST_WEIGHTS:
            raise UsageError(
                f"the supernet of {space.spec} inside {space.window} holds {total:,} weights, and {MOST_WEIGHTS:,} at "
                f"most are held; lower the window, or fix parameters that make networks wide"
            )
        usual = _usual([one for one in typical if isinstance(one, Staged)])
        for name, shape in plan.items():
            self.register_parameter(_stored(name), nn.Parameter(torch.empty(shape)))
        self._start(usual)

    def slices(self, architecture: Architecture, network: nn.Module) -> dict[str, Tensor]:
        """See `regnas.supernet.SlicedSupernet`."""
        return {name: weight[part] for name, (weight, part) in self._places(architecture, network).items()}

    def select(self, architecture: Architecture) -> SlicedPart:
        """The network's module; its normalisations' running statistics are its own, and begin anew.

        Raises:
            UsageError: it is no network of the space, or larger than its window allows.
        """
        with torch.random.fork_rng(devices=[]):
            network = architecture.build()
        part = SlicedPart(network, self._places(architecture, network))
        part.train(self.training)
        return part

    def _places(self, architecture: Architecture, network: nn.Module) -> dict[str, tuple[nn.Parameter, _Slices]]:
        if not isinstance(architecture, Staged) or architecture.template != self._template:
            raise UsageError(f"this supernet holds networks of {self._spec} on its images alone")
        found = {}
        for name, parameter in network.named_parameters():
            stored = name
            if BLOCKS[self._template.block].grouped and name.endswith(GROUPED):
                stored = f"{name}.{self._group(architecture, int(name.split('.')[1]))}"
            weight = self._parameters.get(_stored(stored))
            if weight is None or any(own > most for own, most in zip(parameter.shape, weight.shape, strict=True)):
                raise UsageError(
                    f"a network is larger than any of {self._spec} inside the window of this supernet: {name} of "
                    f"{architecture.summary().line}"
                )
            found[name] = (weight, tuple(slice(0, size) for size in parameter.shape))
        return found

    def _group(self, architecture: Staged, stage: int) -> int:
        """Of the group widths that can be asked for, the one whose convolution a network takes."""
        own, inner = architecture.group_widths[stage], architecture.bottleneck_widths[stage]
        known = self._groups[stage]
        wider = [group for group in known if group > own]
        if own in known or (own == inner and wider):
            return own if own in known else wider[0]
        raise UsageError(
            f"this supernet holds group widths {', '.join(map(str, known))} in stage {stage + 1}, got {own}"
        )

    @torch.no_grad()
    def _start(self, usual: Staged) -> None:
        network = StagedNetwork(usual)
        shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
        ends = {id(one.weight) for one in network.residual_ends()}
        last = {name for name, parameter in network.named_parameters() if id(parameter) in ends}
        branches = max(1, len(ends))
        for key, weight in self.named_parameters():
            name = key.replace("/", ".")
            likened = _likened(name, usual.depths)
            if weight.dim() == 4:
                out = shapes[likened][0] if likened in shapes else weight.shape[0]
                weight.normal_(0.0, math.sqrt(2 / (weight.shape[2] * weight.shape[3] * out)))
            elif weight.dim() == 2:
                weight.normal_(0.0, 0.01)
            else:
                weight.fill_(0.0 if name.endswith("bias") else 1 / math.sqrt(branches) if likened in last else 1.0)


_Slices = tuple[slice, ...]


class SlicedPart(nn.Module):
    """A network with slices of a supernet's parameters for weights, through which gradients reach these.

    Args:
        network: whose own weights are not used.
        places: of each of its parameters, a parameter of the supernet and which part of it.
    """

    def __init__(self, network: nn.Module, places: dict[str, tuple[nn.Parameter, _Slices]]) -> None:
        super().__init__()
        self._network, self._places = (network,), places  # a tuple hides its weights from `parameters`

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Those of the supernet that it has a part of."""
        yield from {id(weight): weight for weight, _ in self._places.values()}.values()

    def train(self, mode: bool = True) -> SlicedPart:
        """Training or evaluation mode."""
        super().train(mode)
        self._network[0].train(mode)
        return self

    def forward(self, images: Tensor) -> Tensor:
        weights = {name: weight[part] for name, (weight, part) in self._places.items()}
        return functional_call(self._network[0], weights, (images,))  # type: ignore[no-any-return]


def _stored(name: str) -> str:
    """A parameter's name without dots, which torch gives to modules."""
    return name.replace(".", "/")


def _likened(name: str, depths: Sequence[int]) -> str:
    """The name of the same layer in the middle network, of its last block where that has fewer."""
    parts = name.split(".")
    if parts[0] != "stages":
        return name
    parts[2] = str(min(int(parts[2]), depths[int(parts[1])] - 1))
    return ".".join(parts[:-1] if parts[-1].isdecimal() else parts)


def _usual(networks: Sequence[Staged]) -> Staged:
    """A network of the middle depths and widths of some."""
    depths, widths = (np.median([getattr(one, kind) for one in networks], 0) for kind in ("depths", "widths"))
    ratios = np.median([one.bottleneck_ratios for one in networks], 0)
    inner = [max(1, round(float(width / ratio))) for width, ratio in zip(widths, ratios, strict=True)]
    one = networks[0].template
    return Staged(
        stem=one.stem,
        stem_width=one.stem_width,
        block=one.block,
        strides=one.strides,
        se_ratio=one.se_ratio,
        head_width=one.head_width,
        classes=one.classes,
        activation=one.activation,
        depths=tuple(max(1, round(float(depth))) for depth in depths),
        widths=tuple(max(1, round(each * float(ratio))) for each, ratio in zip(inner, ratios, strict=True)),
        bottleneck_ratios=tuple(float(ratio) for ratio in ratios),
        group_widths=tuple(inner),
    )


def _ends(space: StagedSpace, last: int) -> dict[str, tuple[int, ...]]:
    """Shapes of stem, head and classifier."""
    with torch.device("meta"):
        network = StagedNetwork(
            Staged(**space.shared_values(space.stages), depths=(1,) * space.stages, widths=(last,) * space.stages)
        )
    ends = (("stem", network.stem), ("head", network.head), ("classifier", network.classifier))
    return {f"{part}.{name}": tuple(each.shape) for part, module in ends for name, each in module.named_parameters()}


def _stages(space: StagedSpace, groups: Sequence[Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Shapes of all blocks."""
    template, found, wide_in = space.template(), dict[str, tuple[int, ...]](), space.template().stem_width
    for stage, blocks in enumerate(largest_blocks(space)):
        for number, most in enumerate(blocks):
            first = number == 0
            shapes = _block(
                template, most, wide_in if first else most.wide, template.strides[stage] if first else 1, first
            )
            for name, shape in shapes.items():
                whole = f"stages.{stage}.{number}.{name}"
                if groups[stage] and whole.endswith(GROUPED):
                    for group, inner in most.by_group.items():
                        found[f"{whole}.{group}"] = (inner, min(group, inner), *shape[2:])
                else:
                    found[whole] = shape
        wide_in = blocks[0].wide
    return found


def _block(template: Template, most: Largest, wide_in: int, stride: int, first: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of the largest block of a place; the first of a stage may have a shortcut's, too."""
    rule = BLOCKS[template.block]
    wide = most.wide
    before = wide_in + 1 if first and wide_in == wide else wide_in  # of another width, so that the shape changes
    with torch.device("meta"):
        block = make_block(
            template.block,
            wide_in=before,
            wide=wide,
            inner=most.inner,
            group=most.inner,
            stride=stride,
            squeezed=squeezed_width(rule, before, wide, template.se_ratio if rule.squeezes else 0),
            act=template.activation,
        )
    return {name: tuple(parameter.shape) for name, parameter in block.named_parameters()}
