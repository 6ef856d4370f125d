"""Where the layers of a staged network are, for networks that begin with the weights of another.

Blocks are alike where their transforms have as many convolutions: X, R, linear and ResNet-RS blocks have three, basic
and vanilla ones two, V and VR blocks one. What comes after the last stage is another part where there are more stages.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from regnas.search_spaces.staged.modules.blocks import ConvNorm, LinearResidual, Residual, SqueezeExcitation
from regnas.transfer import Place

Places = dict[str, Place]


def places_of(network: nn.Module) -> Places:
    """The place of every layer of a `regnas.search_spaces.staged.modules.network.StagedNetwork`, by its name."""
    stem, stages = network.get_submodule("stem"), network.get_submodule("stages")
    head, count = network.get_submodule("head"), len(list(stages.children()))
    convs = [(name, child) for name, child in stem.named_children() if isinstance(child, ConvNorm)]
    found: Places = {}
    for number, (name, _) in enumerate(convs):
        found |= _normed(f"stem.{name}", f"stem {number + 1} of {len(convs)}")
    for stage, blocks in stages.named_children():
        for block, child in blocks.named_children():
            for name, part in _of_block(child):
                found[f"stages.{stage}.{block}.{name}"] = Place(part, int(stage), int(block))
    end = list(stages.get_submodule(str(count - 1)).children())[-1]
    last = f"stage {count}, blocks of {_convs(end)}"
    if isinstance(next(head.children(), None), ConvNorm):
        found |= _normed("head.0", f"head of {last}")
        last = f"head of {last}"
    return found | {"classifier": Place(f"classifier of {last}", classifies=True)}


def _normed(name: str, part: str) -> Places:
    """The convolution and the normalisation of a `ConvNorm`."""
    return {f"{name}.0": Place(f"{part}, convolution"), f"{name}.1": Place(f"{part}, normalisation")}


def _of_block(block: nn.Module) -> Iterator[tuple[str, str]]:
    """Names and parts of a block's layers."""
    transform, before = block, ""
    if isinstance(block, Residual | LinearResidual):
        transform, before = block.transform, "transform."
    convs = _convs(block)
    if isinstance(block, Residual):
        for name, layer in block.shortcut.named_children():
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                yield f"shortcut.{name}", f"shortcut past {convs}, {_kind(layer)}"
    number = 0
    for name, child in transform.named_children():
        if isinstance(child, ConvNorm):
            number += 1
            for inner in ("0", "1"):
                yield f"{before}{name}.{inner}", f"{number} of {convs}, {_kind(child.get_submodule(inner))}"
        elif isinstance(child, SqueezeExcitation):
            for inner in ("down", "up"):
                yield f"{before}{name}.{inner}", f"squeeze after {number} of {convs}, {inner}"


def _convs(block: nn.Module) -> int:
    """How many convolutions a block's transform has, without those of its squeeze-and-excitation."""
    transform = block.transform if isinstance(block, Residual | LinearResidual) else block
    return sum(isinstance(child, ConvNorm) for child in transform.children())


def _kind(layer: nn.Module) -> str:
    return "convolution" if isinstance(layer, nn.Conv2d) else "normalisation"
