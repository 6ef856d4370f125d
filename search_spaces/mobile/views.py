"""How mobile networks print, tabulate and draw, and the numbers that figures show of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from regnas.describe import Summary, TextTable
from regnas.drawing import Profile, draw_steps
from regnas.search_spaces.mobile.complexity import map_sizes
from regnas.search_spaces.mobile.line import line_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.mobile.architecture import Mobile
    from regnas.search_spaces.mobile.stage import Stage

_COLUMNS = ("stage", "layers", "op", "kernel", "stride", "se", "skip", "width", "output px")
_ROOM = 4  # times the largest width, up to which the axis goes: what stages are is written there
_LARGE = 5  # pixels of a kernel that counts as large


def summary(network: Mobile) -> Summary:
    """The stages in a line; in detail what comes before and behind them."""
    size = f", pictures at {network.input_size} px" if network.input_size else ""
    return Summary(
        line=line_of(network),
        details=f"stem {network.stem_width}, head {network.head_width}{size}",
        heading="stages",
        attributes={"depth": sum(stage.depth for stage in network.stages)},
        picture="stages.png",
    )


def tables(network: Mobile, resolution: int) -> list[TextTable]:
    """A row per stage: number, layers, what a layer is, its kernel, stride, ratio, skip, width and pixels."""
    sizes = map_sizes(network.template, network.input_size or resolution)
    rows = tuple(
        (
            str(number),
            str(stage.depth),
            stage.op,
            str(stage.kernel),
            str(stage.stride),
            f"{stage.se:g}",
            network.skips[number - 1],
            str(stage.width),
            f"{sizes[number]} x {sizes[number]}",
        )
        for number, stage in enumerate(network.stages, 1)
    )
    return [TextTable("", _COLUMNS, rows)]


def profile(network: Mobile) -> Profile:
    """The width of every layer."""
    widths = [stage.width for stage in network.stages for _ in range(stage.depth)]
    return Profile(values=tuple(widths), x="layer", y="width", unit="channels")


def draw(network: Mobile, axes: Axes) -> None:
    """Width against layer; at the top what the layers of each stage are."""
    shown = profile(network)
    draw_steps(axes, shown)
    done = 0.5
    for number, stage in enumerate(network.stages):
        end = done + stage.depth
        if number:
            axes.axvline(done, color="0.85", lw=0.8, zorder=0)
        axes.annotate(
            _label(stage, network.skips[number]),
            ((done + end) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=6,
        )
        done = end
    axes.set_ylim(top=max(shown.values) * _ROOM)
    axes.legend(loc="lower right")


def _label(stage: Stage, skip: str) -> str:
    marks = [stage.op, f"{stage.kernel}x{stage.kernel}", *(["SE"] if stage.se else [])]
    return "\n".join([*marks, *(["pool"] if skip == "pool" else [])])


def quantities(network: Mobile, told: Collection[str]) -> dict[str, float]:
    """Layers, depths and widths, and in which share of the layers kernels are large and channels are weighed."""
    stages = network.stages
    depth = sum(stage.depth for stage in stages)
    found = {
        "depth": float(depth),
        "mean expansion": sum(stage.depth * stage.expansion for stage in stages) / depth,
        "large kernels": sum(stage.depth for stage in stages if stage.kernel >= _LARGE) / depth,
        "layers with SE": sum(stage.depth for stage in stages if stage.se) / depth,
        "width ratio": stages[-1].width / stages[0].width,
    }
    for number, stage in enumerate(stages, 1):
        for short, long, value in (("w", "width", stage.width), ("d", "depth", stage.depth)):
            if f"{long}_{number}" not in told:
                found[f"{short}{number}"] = float(value)
    return found
