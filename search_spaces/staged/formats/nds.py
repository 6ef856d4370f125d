"""Networks of stages in the records of the NDS release, see `regnas.studies.populations.nds`.

Source: Radosavovic et al. 2019 (arXiv 1905.13214) and its repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnas.errors import InvalidArchitecture
from regnas.search_spaces.staged.architecture import Staged

_BLOCKS = {
    "double_plain_block": "vanilla",
    "vanilla_block": "vanilla",
    "res_basic_block": "basic",
    "res_bottleneck_block": "x",
}
_STEM_WIDTH = 16


def network_of(net: Mapping[str, Any]) -> Staged | None:
    """The network of a record's ``net`` where it describes one that this release can build; cells are not."""
    block = _BLOCKS.get(str(net.get("block_type")))
    if block is None or not {"ds", "ws", "ss"} <= set(net):
        return None
    depths, widths, strides = net["ds"][1:], net["ws"][1:], net["ss"][1:]  # the first entry is the stem's
    ratios: list[float] = [1] * len(depths)
    groups: list[int] = []
    if block == "x":
        multipliers, numbers = net.get("bot_muls", [])[1:], net.get("num_gs", [])[1:]
        if len(multipliers) != len(depths) or len(numbers) != len(depths):
            return None
        ratios = [1 / float(multiplier) for multiplier in multipliers]
        if any(round(w / b) % int(n) for w, b, n in zip(widths, ratios, numbers, strict=True)):
            return None
        # NDS counts groups; ours have a width.
        groups = [round(w / b) // int(n) for w, b, n in zip(widths, ratios, numbers, strict=True)]
    try:
        return Staged(
            stem="cifar",
            stem_width=int(net["ws"][0]) if net["ws"][0] else _STEM_WIDTH,
            block=block,
            depths=tuple(map(int, depths)),
            widths=tuple(map(int, widths)),
            strides=tuple(map(int, strides)),
            bottleneck_ratios=tuple(ratios),
            group_widths=tuple(groups),
            classes=10,
        )
    except InvalidArchitecture:
        return None
