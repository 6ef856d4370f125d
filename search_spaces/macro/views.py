"""How a macro network prints, tabulates and draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnas.describe import Summary, TextTable
from regnas.search_spaces.macro.complexity import OPERATIONS, reductions, sides, stage_of, width_of
from regnas.search_spaces.macro.line import line_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.macro.architecture import Macro

_COLUMNS = ("layer", "operation", "joined by", "filters", "output px")
_COLORS = dict(zip(OPERATIONS, ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#009E73", "#CC79A7"), strict=True))


def summary(network: Macro) -> Summary:
    """The network in a line."""
    skips = sum(map(len, network.skips))
    return Summary(
        line=line_of(network),
        details=f"{network.layers} layers, {skips} skips, {network.form} form",
        heading="layers@skips; filters",
        attributes={"layers": network.layers, "skips": skips},
        resolution=32,
        picture="macro.png",
    )


def tables(network: Macro, resolution: int) -> list[TextTable]:
    """A row for the stem and for every layer, and one for each reduction."""
    pixels = sides(network.layers, resolution)
    rows: list[tuple[str, ...]] = [_row("0", "stem", "", network, 1, pixels)]
    for layer, (name, added) in enumerate(zip(network.operations, network.skips, strict=True), 1):
        rows.append(_row(str(layer), name, " ".join(map(str, added)), network, layer, pixels))
        if layer in reductions(network.layers):
            rows.append(_row("", "reduction", "", network, layer + 1, pixels))
    return [TextTable("", _COLUMNS, tuple(rows))]


def _row(number: str, name: str, added: str, network: Macro, layer: int, pixels: list[int]) -> tuple[str, ...]:
    """A row; filters and size are those of the stage that ``layer`` lies in."""
    stage = stage_of(layer, network.layers)
    side = pixels[stage]
    return number, name, added, str(width_of(network.filters, stage, network.form)), f"{side} x {side}"


def draw(network: Macro, axes: Axes) -> None:
    """Layers from left to right, the stem first, an arc above for every skip, a line where all is reduced."""
    from matplotlib.patches import FancyArrowPatch

    axes.bar(0, 1, width=0.7, color="0.85", zorder=2)
    axes.text(0, 0.5, "stem", **_LABEL)
    for layer, name in enumerate(network.operations, 1):
        axes.bar(layer, 1, width=0.7, color=_COLORS[name], zorder=2)
        axes.text(layer, 0.5, name, **_LABEL)
        axes.add_patch(FancyArrowPatch((layer - 0.65, 0.5), (layer - 0.35, 0.5), **_ARROW))
    for layer, added in enumerate(network.skips, 1):
        for one in added:
            axes.add_patch(FancyArrowPatch((one, 1.03), (layer, 1.03), connectionstyle="arc3,rad=-0.3", **_ARROW))
    for last in reductions(network.layers):
        axes.axvline(last + 0.5, color="0.5", linestyle=":", linewidth=1)
    reach = max((layer - one for layer, added in enumerate(network.skips, 1) for one in added), default=1)
    axes.set(xlim=(-0.6, network.layers + 0.6), ylim=(-0.1, 1.2 + 0.17 * reach), xlabel="layer", yticks=[])
    axes.set_xticks(range(1, network.layers + 1))
    axes.tick_params(labelsize=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


_LABEL: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6, "zorder": 3, "rotation": 90}
_ARROW: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 5, "lw": 0.6, "color": "0.35"}
