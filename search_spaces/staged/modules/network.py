"""The torch module of a staged architecture."""

from __future__ import annotations

import math

from torch import Tensor, nn

from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.complexity import BLOCKS, Block, half_width
from regnas.search_spaces.staged.formats.places import places_of
from regnas.search_spaces.staged.modules.blocks import ConvNorm, LinearResidual, Residual, make_block
from regnas.transfer import Place


class StagedNetwork(nn.Module):
    """Stem, stages, head: ``(n, 3, height, width)`` to logits ``(n, classes)``.

    Source: Radosavovic et al. 2020, figure 3; pycls ``models/anynet.py``.
    """

    def __init__(self, architecture: Staged) -> None:
        super().__init__()
        self.stem = _stem(architecture)
        self.stages = nn.ModuleList()
        wide_in = architecture.stem_width
        for stage in range(architecture.stages):
            self.stages.append(_stage(architecture, stage, wide_in))
            wide_in = architecture.widths[stage]
        self.head = nn.Sequential()
        if architecture.head_width:
            self.head.append(ConvNorm(wide_in, architecture.head_width, 1, act=architecture.activation))
            wide_in = architecture.head_width
        self.head.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten()])
        self.classifier = nn.Linear(wide_in, architecture.classes)
        initialise(self)

    def residual_ends(self) -> list[nn.Module]:
        """The last normalisation of every block that adds to a shortcut (`regnas.architecture.SupportsResiduals`)."""
        return [block.end for block in self.modules() if isinstance(block, Residual | LinearResidual) and block.adds]

    def layer_places(self) -> dict[str, Place]:
        """Where every layer is (`regnas.transfer.SupportsTransfer`)."""
        return places_of(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.classifier(self.head(x))  # type: ignore[no-any-return]


def _stem(architecture: Staged) -> nn.Sequential:
    wide, act = architecture.stem_width, architecture.activation
    if architecture.stem == "rs":
        half = half_width(wide)
        widths = ((3, half, 2), (half, half, 1), (half, wide, 1), (wide, wide, 2))
        return nn.Sequential(*(ConvNorm(before, after, 3, stride=stride, act=act) for before, after, stride in widths))
    if architecture.stem == "resnet":
        return nn.Sequential(ConvNorm(3, wide, 7, stride=2, act=act), nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(ConvNorm(3, wide, 3, stride=2 if architecture.stem == "simple" else 1, act=act))


def _stage(architecture: Staged, stage: int, wide_in: int) -> nn.Sequential:
    blocks = nn.Sequential()
    rule = BLOCKS[architecture.block]
    for block in range(architecture.depths[stage]):
        ratio = architecture.se_ratio if rule.squeezes else 0
        blocks.append(
            make_block(
                architecture.block,
                wide_in=wide_in,
                wide=architecture.widths[stage],
                inner=architecture.bottleneck_widths[stage],
                group=architecture.group_widths[stage],
                stride=architecture.strides[stage] if block == 0 else 1,
                squeezed=squeezed_width(rule, wide_in, architecture.widths[stage], ratio),
                act=architecture.activation,
            )
        )
        wide_in = architecture.widths[stage]
    return blocks


def squeezed_width(rule: Block, wide_in: int, wide: int, ratio: float) -> int:
    """Channels between the two layers of a block's squeeze-and-excitation; 0 is none."""
    return round((wide if rule.squeezed_by == "output" else wide_in) * ratio)


def initialise(network: nn.Module) -> None:
    """The authors' initialisation (pycls ``models/blocks.py``, ``init_weights``).

    Convolutions are N(0, sqrt(2 / (k k out))), whatever their groups; linear layers N(0, 0.01) with bias 0; batch
    normalisation starts as the identity. Biases of convolutions keep torch's default.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
            nn.init.zeros_(module.bias)
