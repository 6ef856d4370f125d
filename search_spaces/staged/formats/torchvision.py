"""torchvision's RegNets: its names as networks, and networks as its block parameters.

Source: torchvision ``models/regnet.py``. Its names are the paper's parameters with another rounding of widths to
groups: half up, and never below 90 % (its neighbour `torchvision_weights` says which networks differ).
"""

from __future__ import annotations

import difflib
from typing import Any

from regnas.errors import PluginNotFound, UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import RegNetLine
from regnas.search_spaces.staged.presets import preset

# Not of the paper (Singh et al. 2022, arXiv 2201.08371).
_Y_128GF = RegNetLine(27, 456, 160.83, 2.52, 264)
_SIZES = ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
NAMES = (*(f"regnet_x_{size}" for size in _SIZES), *(f"regnet_y_{size}" for size in _SIZES), "regnet_y_128gf")


def network(name: str) -> Staged:
    """The network of one of torchvision's names, which need not be installed.

    Raises:
        PluginNotFound: no RegNet of torchvision has this name.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise PluginNotFound(f"torchvision has no RegNet {name!r}; it has {', '.join(NAMES)}{hint}")
    line = _Y_128GF if name == "regnet_y_128gf" else line_of_preset(_preset_of(name))
    depths, raw = line.raw()
    widths, groups = half_up(raw, line.group_width, line.bottleneck_ratio)
    squeeze = 0.25 if name.startswith("regnet_y") else 0.0
    return Staged(
        depths=tuple(depths), widths=widths, strides=(2,) * len(depths), group_widths=groups, se_ratio=squeeze
    )


def _preset_of(name: str) -> str:
    kind, size = name.removeprefix("regnet_")[0], name[len("regnet_x_") :].replace("_", ".")
    return f"regnet{kind}-{size.replace('8gf', '8.0gf') if size == '8gf' else size}"


def line_of_preset(name: str) -> RegNetLine:
    """The parameters of a network of the paper."""
    _, params = preset(name)
    return RegNetLine(params["depth"], params["w0"], params["wa"], params["wm"], params["group_width"])


def half_up(raw: list[int], group: int, ratio: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """torchvision's compatibility step: widths and group widths of stages of these widths."""
    widths, groups = [], []
    for width in raw:
        inner = int(width / ratio)
        fits = min(group, inner)
        rounded = max(fits, int(inner + fits / 2) // fits * fits)
        rounded += fits if rounded < 0.9 * inner else 0
        widths.append(int(rounded * ratio))
        groups.append(fits)
    return tuple(widths), tuple(groups)


def write(network: Staged) -> str:
    """Python that builds a network in torchvision: its block parameters, and the call that takes them.

    Raises:
        UsageError: torchvision cannot express the network, and why.
    """
    multipliers = _check(network)
    given: dict[str, Any] = {
        "depths": list(network.depths),
        "widths": list(network.widths),
        "group_widths": list(network.group_widths),
        "bottleneck_multipliers": multipliers,
        "strides": list(network.strides),
        "se_ratio": network.se_ratio or None,
    }
    body = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    act = ", activation=nn.SiLU" if network.activation == "silu" else ""
    imports = "from torch import nn\n" if act else ""
    call = f"RegNet(params, num_classes={network.classes}, stem_width={network.stem_width}{act})"
    return (
        f"{imports}from torchvision.models.regnet import BlockParams, RegNet\n\n"
        f"params = BlockParams(\n{body})\nnetwork = {call}\n"
    )


def _check(network: Staged) -> list[float]:
    """The bottleneck multipliers, where torchvision makes the same network of them."""
    for right, what in (
        (network.block in ("x", "r"), f"blocks {network.block!r}: it has the X block alone"),
        (network.stem == "simple", f"the stem {network.stem!r}: it has a 3x3 convolution of stride 2 alone"),
        (not network.head_width, f"a head of {network.head_width} channels"),
        (
            network.activation in ("relu", "silu"),
            f"the activation {network.activation!r}: it needs one that works in place",
        ),
    ):
        if not right:
            raise UsageError(f"torchvision's RegNet cannot express {what}")
    multipliers = [1 / ratio for ratio in network.bottleneck_ratios]
    inputs = [network.stem_width, *network.widths]
    for stage, multiplier in enumerate(multipliers):
        theirs, ours = round(network.widths[stage] * multiplier), network.bottleneck_widths[stage]
        if theirs != ours:
            raise UsageError(
                f"torchvision rounds the bottleneck of stage {stage + 1} to {theirs} channels, and it has {ours} here"
            )
        if network.se_ratio and not round(inputs[stage] * network.se_ratio):
            raise UsageError(
                f"torchvision's RegNet cannot express stage {stage + 1} without squeeze-and-excitation, which has 0 "
                f"channels there"
            )
    return multipliers
