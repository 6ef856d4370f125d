"""timm's RegNets: its names as networks, and networks as a call with its ``RegNetCfg``.

Source: timm ``models/regnet.py``. timm knows generated networks only, so a network needs the RegNet parameters that
make it. It rounds as the paper's authors do, but for its ``_tv`` networks, which round as torchvision's.
"""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np

from regnas.errors import PluginNotFound, UsageError
from regnas.search_spaces.staged import presets
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import RegNetLine, exact_line
from regnas.search_spaces.staged.formats.torchvision import half_up
from regnas.search_spaces.staged.line import QUANTUM, stages_of
from regnas.system.optional import require


def _name_of(preset: str) -> str:
    """``regnetx-1.6gf`` is ``regnetx_016``: hundreds of megaflops."""
    kind, _, size = preset.partition("-")
    hundreds = float(size[:-2]) * (10 if size.endswith("gf") else 0.01)
    return f"{kind}_{round(hundreds):03d}"


NAMES = tuple(_name_of(one) for one in presets.names())  # of the paper's networks


def network(name: str) -> Staged:
    """The network of one of timm's names, with or without the tag of its weights.

    The 24 of the paper are known without timm; the others are read from the installed one.

    Raises:
        PluginNotFound: timm has no RegNet of this name.
        UsageError: regnas cannot express it, and why.
        HostError: timm is needed and not installed.
    """
    model = name.partition(".")[0]
    known = {_name_of(one): one for one in presets.names()}
    if model in known:
        space, params = presets.preset(known[model])
        line = RegNetLine(params["depth"], params["w0"], params["wa"], params["wm"], params["group_width"])
        return _staged(line, se_ratio=0.25 if space == "regnety" else 0.0)
    require("timm", "timm", low="1.0", below="2")
    from timm.models.regnet import model_cfgs

    if model not in model_cfgs:
        near = difflib.get_close_matches(model, model_cfgs, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise PluginNotFound(f"timm has no RegNet {name!r}; it has {', '.join(model_cfgs)}{hint}")
    return _of_config(model, model_cfgs[model])


def _staged(line: RegNetLine, *, rounded: Any = None, **options: Any) -> Staged:
    depths, widths, groups = line.stages() if rounded is None else rounded
    return Staged(
        depths=tuple(depths),
        widths=tuple(widths),
        strides=(2,) * len(depths),
        group_widths=tuple(groups),
        bottleneck_ratios=(line.bottleneck_ratio,) * len(depths),
        **options,
    )


def _of_config(name: str, config: Any) -> Staged:
    bends = config.linear_out and not config.num_features
    for right, what in (
        (not config.preact, "activations before convolutions"),
        (isinstance(config.norm_layer, str) and config.norm_layer == "batchnorm", "another normalisation than batch's"),
        (
            config.downsample == (None if config.linear_out else "conv1x1"),
            f"shortcuts of the kind {config.downsample!r}",
        ),
        (not bends, "an activation between its last block and the pooling"),
        (config.group_min_ratio in (0, 0.9), f"a rounding that keeps {config.group_min_ratio:.0%} of a width"),
    ):
        if not right:
            raise UsageError(f"a staged network cannot express timm's {name}: it has {what}")
    line = RegNetLine(config.depth, config.w0, config.wa, config.wm, config.group_size, 1 / config.bottle_ratio)
    depths, raw = line.raw()
    rounded = (depths, *half_up(raw, line.group_width, line.bottleneck_ratio)) if config.group_min_ratio else None
    return _staged(
        line,
        rounded=rounded,
        block="linear" if config.linear_out else "x",
        se_ratio=config.se_ratio,
        stem_width=config.stem_width,
        head_width=config.num_features,
        activation=config.act_layer,
    )


def write(network: Staged, line: RegNetLine | None = None) -> str:
    """Python that builds a network in timm.

    Args:
        line: the RegNet parameters of the network, where they are known; else they are looked for.

    Raises:
        UsageError: timm cannot express the network, and why.
    """
    _check(network)
    found = line if line is not None and _makes(line, network) else _line_of(network)
    given: dict[str, Any] = {
        "depth": found.depth,
        "w0": found.w0,
        "wa": found.wa,
        "wm": found.wm,
        "group_size": found.group_width,
        "bottle_ratio": 1 / found.bottleneck_ratio,
        "se_ratio": network.se_ratio,
        "stem_width": network.stem_width,
    }
    if network.block == "linear":
        given |= {"downsample": None, "linear_out": True}
    if network.head_width:
        given["num_features"] = network.head_width
    if network.activation != "relu":
        given["act_layer"] = network.activation
    body = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return (
        "from timm.models.regnet import RegNet, RegNetCfg\n\n"
        f"config = RegNetCfg(\n{body})\nnetwork = RegNet(config, num_classes={network.classes})\n"
    )


def _check(network: Staged) -> None:
    inputs = [network.stem_width, *network.widths]
    vanishes = network.se_ratio and any(not round(wide * network.se_ratio) for wide in inputs[:-1])
    for right, what in (
        (network.block in ("x", "r", "linear"), f"blocks {network.block!r}: it has X blocks and linear ones"),
        (network.stem == "simple", f"the stem {network.stem!r}: it has a 3x3 convolution of stride 2 alone"),
        (network.stages == 4, f"{network.stages} stages: it has 4"),
        (set(network.strides) == {2}, f"the strides {list(network.strides)}: each of its stages halves the image"),
        (len(set(network.bottleneck_ratios)) == 1, "bottleneck ratios that differ between stages"),
        (network.block != "linear" or network.head_width, "linear blocks without a head: it adds an activation"),
        (not vanishes, "squeeze-and-excitation of 0 channels: it makes at least one"),
    ):
        if not right:
            raise UsageError(f"timm's RegNet cannot express {what}")


def _makes(line: RegNetLine, network: Staged) -> bool:
    """Whether timm makes the network's stages of a line."""
    depths, raw = _raw(line)
    inner = [int(width / line.bottleneck_ratio) for width in raw]
    groups = [min(line.group_width, width) for width in inner]
    rounded = [round(width / group) * group for width, group in zip(inner, groups, strict=True)]
    widths = tuple(int(width * line.bottleneck_ratio) for width in rounded)
    return (tuple(depths), widths, tuple(groups)) == (network.depths, network.widths, network.group_widths)


def _raw(line: RegNetLine) -> tuple[list[int], list[int]]:
    """Depths and widths of the stages before the compatibility step in single precision, as timm computes them.

    At a tie of a rounding they may be others than in double precision: 200 * 2.3 / 8 is 57.5 there, and below it here.
    """
    w0, wa, wm = (np.float32(value) for value in (line.w0, line.wa, line.wm))
    widths = np.arange(line.depth, dtype=np.float32) * wa + w0
    levels = np.rint(np.log(widths / w0) / np.float32(math.log(line.wm)))
    return stages_of([round(float(w0 * power / QUANTUM)) * QUANTUM for power in np.power(wm, levels)])


def _line_of(network: Staged) -> RegNetLine:
    line = exact_line(network.depths, network.widths, network.group_widths, network.bottleneck_ratios[0])
    if line is None or not _makes(line, network):
        raise UsageError(
            f"timm makes networks from RegNet's parameters, and none was found for depths {list(network.depths)}, "
            f"widths {list(network.widths)} and group widths {list(network.group_widths)}; regnas fit shows the nearest"
        )
    return line
