"""Where the layers of a mobile network are, for networks that begin with the weights of another."""

from __future__ import annotations

from torch import nn

from regnas.transfer import Place

Places = dict[str, Place]
_NORMED = (("0", "convolution"), ("1", "normalisation"))
_SQUEEZE = (("down", "down"), ("up", "up"))


def places_of(network: nn.Module) -> Places:
    """The place of every layer, by its name; the network is a `regnas.search_spaces.mobile.network.MobileNetwork`."""
    stages, head = network.get_submodule("stages"), network.get_submodule("head")
    count = len(list(stages.children()))
    found = {f"stem.{number}": Place(f"stem, {kind}") for number, kind in _NORMED}
    for stage, layers in stages.named_children():
        for block, layer in layers.named_children():
            parts = layer.get_submodule("layers")
            fused = (
                "" if "depthwise" in dict(parts.named_children()) else "fused "
            )  # its first convolution has a kernel
            for part, _ in parts.named_children():
                what = f"{fused}{part}" if part == "expand" else part
                for name, kind in _SQUEEZE if part == "squeeze" else _NORMED:
                    place = Place(f"{what}, {kind}", int(stage), int(block))
                    found[f"stages.{stage}.{block}.layers.{part}.{name}"] = place
    last = f"stage {count}"
    if isinstance(next(head.children(), None), nn.Sequential):
        found |= {f"head.0.{number}": Place(f"head of {last}, {kind}") for number, kind in _NORMED}
        last = f"head of {last}"
    return found | {"classifier": Place(f"classifier of {last}", classifies=True)}
