"""How staged networks print, tabulate and draw, and the numbers that figures show of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from regnas.describe import Summary, TextTable
from regnas.drawing import Profile, draw_steps
from regnas.search_spaces.staged.complexity import BLOCKS, feature_sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.staged.architecture import Staged

_COLUMNS = ("stage", "blocks", "width", "stride", "b", "group width", "output px")


def summary(network: Staged) -> Summary:
    """Depths and widths of the stages; in detail bottleneck ratios and group widths, or the blocks that have
    neither."""
    ratios = sorted({f"{ratio:g}" for ratio in network.bottleneck_ratios})
    groups = sorted(set(network.group_widths))
    rule = BLOCKS[network.block]
    chosen = f"b {'/'.join(ratios)}, g {'/'.join(map(str, groups))}"
    return Summary(
        line=" ".join(f"{depth}x{width}" for depth, width in zip(network.depths, network.widths, strict=True)),
        details=chosen if rule.bottleneck or rule.grouped else f"{network.block} blocks",
        heading="stages: blocks x width",
        attributes={"depth": sum(network.depths)},
        picture="stage-widths.png",
    )


def tables(network: Staged, resolution: int) -> list[TextTable]:
    """A row per stage: number, blocks, width, stride, b, groups, pixels."""
    sizes = feature_sizes(network.template, resolution)
    rows = tuple(
        (
            str(stage + 1),
            str(network.depths[stage]),
            str(network.widths[stage]),
            str(network.strides[stage]),
            f"{network.bottleneck_ratios[stage]:g}",
            str(network.group_widths[stage]),
            f"{sizes[stage + 1]} x {sizes[stage + 1]}",
        )
        for stage in range(network.stages)
    )
    return [TextTable("", _COLUMNS, rows)]


def profile(network: Staged) -> Profile:
    """The width of every block."""
    widths = [w for w, d in zip(network.widths, network.depths, strict=True) for _ in range(d)]
    return Profile(values=tuple(widths), x="block", y="width", unit="channels")


def draw(network: Staged, axes: Axes, params: Mapping[str, Any]) -> None:
    """Block width against block index, as in the paper's figures 7 and 11; of a RegNet with its line (eq. 2)."""
    shown = profile(network)
    if {"w0", "wa"} <= set(params):
        line = [params["w0"] + params["wa"] * j for j in range(len(shown.values))]
        axes.plot(range(1, len(line) + 1), line, ":", color="0.4", label="$u_j = w_0 + w_a j$")
    draw_steps(axes, shown)
    axes.legend()


def quantities(network: Staged, told: Collection[str]) -> dict[str, float]:
    """Blocks, widths, and the distance to a quantised line (e_fit).

    A width that is a parameter is not told again: the two differ by the rounding to groups.
    """
    depths, widths = network.depths, network.widths
    found = {"depth": float(sum(depths)), "width ratio": widths[-1] / widths[0]}
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
        if f"width_{stage}" not in told:
            found[f"w{stage}"] = float(width)
        found[f"d{stage}"] = float(depth)
    if "e_fit" not in told:
        found["e_fit"] = _line_error(depths, widths)
    return found


@lru_cache(maxsize=100_000)  # some milliseconds each; networks that differ in groups alone share it
def _line_error(depths: tuple[int, ...], widths: tuple[int, ...]) -> float:
    from regnas.search_spaces.staged.fit.nearest import fit_line

    return round(fit_line(depths, widths).error, 6)
