"""Names of tensors: ours, timm's, and those of torchvision's three classes. All keep them in one order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LAYER = re.compile(r"stages\.(\d+)\.(\d+)\.layers\.(conv|expand|depthwise|squeeze|project)\.(.+)")
_NORMED = ("conv", "expand", "depthwise", "project")  # parts of a convolution and its normalisation
# timm's names by the parts that a layer has: convolution and normalisation of each
_TIMM = {
    ("conv",): ("conv", "bn1"),
    ("depthwise", "project"): ("conv_dw", "bn1", "conv_pw", "bn2"),
    ("expand", "depthwise", "project"): ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"),
    ("expand", "project"): ("conv_exp", "bn1", "conv_pwl", "bn2"),
}
_SQUEEZE = {"down": "conv_reduce", "up": "conv_expand"}
_FULLY = {"down": "fc1", "up": "fc2"}

# Stage, layer, parts of the layer without squeeze-and-excitation, part, rest of the name.
Rename = Callable[[int, int, tuple[str, ...], str, str], str]
Names = dict[str, str]


def renamed(state: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """A ``state_dict`` of ours under other names."""
    return {theirs: state[ours] for ours, theirs in names.items()}


def taken(state: Mapping[str, Tensor], names: Names, library: str) -> dict[str, Tensor]:
    """The other way.

    Raises:
        ValueError: the library's network is another one.
    """
    if different := sorted(set(names.values()) ^ set(state)):
        raise ValueError(f"{library}'s network is another one: {', '.join(different[:3])} is in one of the two")
    return {ours: state[theirs] for ours, theirs in names.items()}


def timm_names(ours: Iterable[str]) -> Names:
    """timm's names of our tensors.

    Raises:
        ValueError: they are not those of a mobile network.
    """

    def layer(stage: int, number: int, parts: tuple[str, ...], part: str, rest: str) -> str:
        place = f"blocks.{stage}.{number}"
        if part == "squeeze":
            which, tail = rest.split(".", 1)
            return f"{place}.se.{_SQUEEZE[which]}.{tail}"
        which, tail = rest.split(".", 1)
        return f"{place}.{_TIMM[parts][2 * parts.index(part) + int(which)]}.{tail}"

    ends = {"stem.0": "conv_stem", "stem.1": "bn1", "head.0.0": "conv_head", "head.0.1": "bn2"}
    return _names(ours, layer, {**ends, "classifier": "classifier"}, "timm")


def torchvision_names(ours: Iterable[str], kernels: Mapping[str, int]) -> Names:
    """torchvision's names of our tensors.

    Args:
        kernels: pixels of a side of the depthwise convolutions, by the names of their weights, as far as known.

    Raises:
        ValueError: torchvision has no such network.
    """
    listed = list(ours)
    if any(".squeeze." in name for name in listed):
        return efficientnet_names(listed)
    return mnasnet_names(listed) if any(kernel > 3 for kernel in kernels.values()) else mobilenet_names(listed)


def efficientnet_names(ours: Iterable[str]) -> Names:
    """Those of torchvision's ``EfficientNet``."""
    listed = list(ours)

    def layer(stage: int, number: int, parts: tuple[str, ...], part: str, rest: str) -> str:
        order: list[str] = [
            one for one in ("conv", "expand", "depthwise", "squeeze", "project") if one in (*parts, "squeeze")
        ]
        place = f"features.{stage + 1}.{number}.block.{order.index(part)}"
        which, tail = rest.split(".", 1)
        return f"{place}.{_FULLY.get(which, which)}.{tail}"

    last = 2 + max(int(name.split(".")[1]) for name in listed if name.startswith("stages."))
    return _names(listed, layer, _features(last), "torchvision")


def mobilenet_names(ours: Iterable[str]) -> Names:
    """Those of torchvision's ``MobileNetV2``, whose layers are numbered through."""
    listed = list(ours)
    places = sorted({(int(match[1]), int(match[2])) for name in listed if (match := _LAYER.fullmatch(name))})

    def layer(stage: int, number: int, parts: tuple[str, ...], part: str, rest: str) -> str:
        place, (which, tail) = f"features.{places.index((stage, number)) + 1}.conv", rest.split(".", 1)
        if part == "project":
            return f"{place}.{len(parts) - 1 + int(which)}.{tail}"
        return f"{place}.{parts.index(part)}.{which}.{tail}"

    return _names(listed, layer, _features(len(places) + 1), "torchvision")


def mnasnet_names(ours: Iterable[str]) -> Names:
    """Those of torchvision's ``MNASNet``: activations are numbered among the layers."""

    def layer(stage: int, number: int, parts: tuple[str, ...], part: str, rest: str) -> str:
        which, tail = rest.split(".", 1)
        at = 3 * parts.index(part) + int(which)
        return f"layers.{3 + at}.{tail}" if stage == 0 else f"layers.{7 + stage}.{number}.layers.{at}.{tail}"

    ends = {"stem.0": "layers.0", "stem.1": "layers.1", "head.0.0": "layers.14", "head.0.1": "layers.15"}
    return _names(ours, layer, {**ends, "classifier": "classifier.1"}, "torchvision")


def _features(last: int) -> dict[str, str]:
    ends = {"stem.0": "features.0.0", "stem.1": "features.0.1"}
    head = {"head.0.0": f"features.{last}.0", "head.0.1": f"features.{last}.1"}
    return {**ends, **head, "classifier": "classifier.1"}


def _names(ours: Iterable[str], layer: Rename, ends: Mapping[str, str], library: str) -> Names:
    listed = list(ours)
    parts: dict[tuple[str, str], list[str]] = {}
    for name in listed:
        if (match := _LAYER.fullmatch(name)) and match[3] in _NORMED:
            known = parts.setdefault((match[1], match[2]), [])
            known += [] if match[3] in known else [match[3]]
    found = {}
    for name in listed:
        match = _LAYER.fullmatch(name)
        end = next((one for one in ends if name.startswith(f"{one}.")), None)
        if match is not None:
            own = tuple(parts[match[1], match[2]])
            found[name] = layer(int(match[1]), int(match[2]), own, match[3], match[4])
        elif end is not None:
            found[name] = ends[end] + name.removeprefix(end)
        else:
            raise ValueError(f"{name!r} has no counterpart in {library}'s mobile networks")
    return found
