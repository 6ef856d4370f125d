"""ResNets, ResNeXts and ResNet-RS as torchvision and timm have them: names, calls of their classes, names of tensors.

Both libraries name tensors alike. Source: torchvision ``models/resnet.py``, timm ``models/resnet.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.presets import RESNET_DEPTHS, RESNET_RS

if TYPE_CHECKING:
    from torch import Tensor

# Of torchvision; the second of the names is how the depths are known, and whether it has groups.
_TORCHVISION = {
    "resnet50": ("50", False),
    "resnet101": ("101", False),
    "resnet152": ("152", False),
    "resnext50_32x4d": ("50", True),
}
_TIMM = {**_TORCHVISION, "resnext101_32x4d": ("101", True)}
_OURS = re.compile(r"stages\.(\d+)\.(\d+)\.(transform|shortcut)\.(\d+)\.?(\w+)?\.(\w+)")
_STEM = re.compile(r"stem\.(\d+)\.(\d)\.(\w+)")
_DEEP = ("conv1.0", "conv1.1", "conv1.3", "conv1.4", "conv1.6", "bn1", "maxpool.0", "maxpool.1")
_SQUEEZE = {"down": "fc1", "up": "fc2"}
_PLANES = 64


def resnet(size: str, *, groups: bool = False) -> Staged:
    """ResNet-50, -101 or -152, or the ResNeXt with 32 groups of 4 channels in its first stage."""
    return Staged(
        stem="resnet",
        stem_width=_PLANES,
        block="x" if groups else "r",
        depths=RESNET_DEPTHS[size],
        widths=tuple(256 << stage for stage in range(4)),
        strides=(1, 2, 2, 2),
        bottleneck_ratios=(2 if groups else 4,) * 4,
        group_widths=tuple(4 << stage for stage in range(4)) if groups else (),
    )


def resnet_rs(size: str) -> Staged:
    """One of ResNet-RS, by its layers."""
    plain = replace(resnet("50"), depths=RESNET_RS[size][0], group_widths=())
    return replace(plain, stem="rs", block="rs", se_ratio=0.25)


def of_name(name: str, library: str) -> Staged | None:
    """The network of a name of ``timm`` or ``torchvision``; None where it is none of these networks."""
    model = name.partition(".")[0] if library == "timm" else name
    known = _TIMM if library == "timm" else _TORCHVISION
    if model in known:
        size, groups = known[model]
        return resnet(size, groups=groups)
    size = model.removeprefix("resnetrs")
    return resnet_rs(size) if library == "timm" and size != model and size in RESNET_RS else None


def write(network: Staged, library: str) -> str | None:
    """Python that builds a ResNet; None where the network has the stem of none.

    Raises:
        UsageError: the library's class cannot express it, and why.
    """
    if network.stem not in ("resnet", "rs"):
        return None
    groups, width = _check(network, library)
    given = f"num_classes={network.classes}"
    if network.stem == "rs":
        return (
            "from functools import partial\n\nfrom timm.layers import get_attn\n"
            "from timm.models.resnet import Bottleneck, ResNet\n\n"
            f"weigh = partial(get_attn('se'), rd_ratio={network.se_ratio!r})\nnetwork = ResNet(\n"
            f"    Bottleneck,\n    {list(network.depths)},\n    {given},\n    stem_width={network.stem_width // 2},\n"
            "    stem_type='deep',\n    replace_stem_pool=True,\n    avg_down=True,\n"
            "    block_args=dict(attn_layer=weigh),\n)\n"
        )
    names = ("groups", "width_per_group") if library == "torchvision" else ("cardinality", "base_width")
    call = f"{list(network.depths)}, {given}, {names[0]}={groups}, {names[1]}={width}"
    return f"from {library}.models.resnet import Bottleneck, ResNet\n\nnetwork = ResNet(Bottleneck, {call})\n"


def _check(network: Staged, library: str) -> tuple[int, int]:
    """How many groups there are, and how wide they are in the first stage, as the library counts."""
    deep = network.stem == "rs"
    groups = network.bottleneck_widths[0] // network.group_widths[0]
    width = network.bottleneck_widths[0] // groups
    expected = tuple(_PLANES * width * groups // _PLANES << stage for stage in range(network.stages))
    standard = tuple(256 << stage for stage in range(network.stages))
    even = all(inner == g * groups for inner, g in zip(network.bottleneck_widths, network.group_widths, strict=True))
    for right, what in (
        (not deep or library == "timm", "the rs stem: timm expresses it"),
        (
            network.block in (("rs",) if deep else ("x", "r")),
            f"blocks {network.block!r} behind the stem {network.stem!r}",
        ),
        (
            network.stages == 4 and network.strides == (1, 2, 2, 2),
            f"the strides {list(network.strides)}: it has 1-2-2-2",
        ),
        (network.stem_width == _PLANES, f"a stem of {network.stem_width} channels: it has {_PLANES}"),
        (network.widths == standard, f"widths other than {list(standard)}"),
        (even and network.bottleneck_widths == expected, "bottlenecks or groups that do not double with the widths"),
        (deep or not network.se_ratio, "squeeze-and-excitation"),
        (not deep or network.se_ratio == 0.25, f"a squeeze ratio of {network.se_ratio:g}: it rounds others to eights"),
        (not deep or (groups, width) == (1, _PLANES), "rs blocks of other bottlenecks than a quarter"),
        (not network.head_width and network.activation == "relu", "a head, or another activation than relu"),
    ):
        if not right:
            raise UsageError(f"{library}'s ResNet cannot express {what}")
    return groups, width


def is_ours(state: Mapping[str, Any]) -> bool:
    """Whether a ``state_dict`` of ours is that of a network with a ResNet's stem."""
    first = state.get("stem.0.0.weight")
    return "stem.3.0.weight" in state or (first is not None and first.shape[-1] == 7)


def is_theirs(names: Iterable[str]) -> bool:
    """Whether names of tensors are those of a library's ResNet."""
    return bool({"conv1.weight", "conv1.0.weight"} & set(names))


def names_of(ours: Iterable[str]) -> dict[str, str]:
    """The libraries' names of our tensors.

    Raises:
        ValueError: a name that no ResNet has.
    """
    listed = list(ours)
    deep = "stem.3.0.weight" in listed
    return {name: _theirs(name, deep) for name in listed}


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ``state_dict`` of ours under the libraries' names."""
    return {theirs: state[ours] for ours, theirs in names_of(state).items()}


def taken(state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The other way.

    Raises:
        ValueError: theirs is another network.
    """
    known = names_of(names)
    if different := sorted(set(known.values()) ^ set(state)):
        raise ValueError(f"theirs is another network: {', '.join(different[:3])} is in one of the two")
    return {ours: state[theirs] for ours, theirs in known.items()}


def _theirs(name: str, deep: bool) -> str:
    if name.startswith("classifier."):
        return f"fc.{name.removeprefix('classifier.')}"
    if match := _STEM.fullmatch(name):
        place = 2 * int(match[1]) + int(match[2])
        return f"{_DEEP[place] if deep else ('conv1', 'bn1')[place]}.{match[3]}"
    if match := _OURS.fullmatch(name):
        block, part, index, inner, tail = f"layer{int(match[1]) + 1}.{match[2]}", match[3], match[4], match[5], match[6]
        if part == "shortcut":
            return f"{block}.downsample.{index}.{tail}"
        if inner in _SQUEEZE:
            return f"{block}.se.{_SQUEEZE[inner]}.{tail}"
        return f"{block}.{('conv', 'bn')[int(inner)]}{int(index) + 1}.{tail}"
    raise ValueError(f"{name!r} has no counterpart in a ResNet")
