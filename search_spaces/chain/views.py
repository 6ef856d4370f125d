"""How a chain of layers prints, tabulates and draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regnas.counting import output_size
from regnas.describe import Summary, TextTable
from regnas.search_spaces.chain.complexity import PICTURE
from regnas.search_spaces.chain.line import line_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regnas.search_spaces.chain.architecture import LayerChain

_COLUMNS = ("layer", "sees", "channels in", "kernel", "stride", "filters", "output px")


def summary(network: LayerChain) -> Summary:
    """The network in a line."""
    links = sum(map(len, network.inputs))
    return Summary(
        line=line_of(network),
        details=f"{len(network.layers)} layers, {links} links",
        heading="layers",
        attributes={"layers": len(network.layers), "links": links},
        resolution=32,
        picture="chain.png",
    )


def sizes(network: LayerChain, resolution: int) -> list[tuple[int, int]]:
    """Height and width of what every layer puts out, in pixels."""
    found: list[tuple[int, int]] = []
    for layer, feeding in zip(network.layers, network.inputs, strict=True):
        down = max((found[one][0] for one in feeding), default=resolution)
        across = max((found[one][1] for one in feeding), default=resolution)
        found.append(
            (
                output_size(down, layer.kernel[0], layer.stride[0]),
                output_size(across, layer.kernel[1], layer.stride[1]),
            )
        )
    return found


def tables(network: LayerChain, resolution: int) -> list[TextTable]:
    """A row for every layer, and one for what the classifier sees."""
    rows: list[tuple[str, ...]] = []
    for number, (layer, feeding, (down, across)) in enumerate(
        zip(network.layers, network.inputs, sizes(network, resolution), strict=True), 1
    ):
        wide = sum(network.layers[one].filters for one in feeding) or PICTURE
        kernel, stride = (f"{one[0]} x {one[1]}" for one in (layer.kernel, layer.stride))
        rows.append((str(number), _seen(feeding), str(wide), kernel, stride, str(layer.filters), f"{down} x {across}"))
    wide = sum(network.layers[one].filters for one in network.loose)
    rows.append(("classifier", _seen(network.loose), str(wide), "", "", str(network.classes), ""))
    return [TextTable("", _COLUMNS, tuple(rows))]


def _seen(feeding: tuple[int, ...]) -> str:
    return " ".join(str(one + 1) for one in feeding) or "picture"


def draw(network: LayerChain, axes: Axes) -> None:
    """Layers from left to right, the picture first: bars as high as their filters, and an arc for every link.

    Arcs between neighbours and from the picture lie below, the others above; kernels stand in the bars.
    """
    from matplotlib.patches import FancyArrowPatch

    most = max(layer.filters for layer in network.layers)
    places = {-1: 0.0, **{number: number + 1.0 for number in range(len(network.layers))}}
    axes.text(0, 0.15, "picture", rotation=90, ha="center", va="bottom", fontsize=6)
    for number, layer in enumerate(network.layers):
        loose = number in network.loose
        height = layer.filters / most
        axes.bar(places[number], height, width=0.62, color="#0072B2" if loose else "#56B4E9", zorder=2)
        stride = "" if layer.stride == (1, 1) else f"\n/{layer.stride[0]}x{layer.stride[1]}"
        color = "white" if loose else "black"
        axes.text(places[number], 0.04, f"{layer.kernel[0]}x{layer.kernel[1]}{stride}", color=color, **_LABEL)
    for number, feeding in enumerate(network.inputs):
        for one in feeding or (-1,):
            long = one >= 0 and number - one > 1
            level = 1.03 if long else -0.03
            bend = -0.28 if long else 0.35
            look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6, "lw": 0.7, "color": "0.35"}
            ends = ((places[one], level), (places[number], level))
            axes.add_patch(FancyArrowPatch(*ends, connectionstyle=f"arc3,rad={bend}", **look))
    reach = max((number - one for number, feeding in enumerate(network.inputs) for one in feeding), default=1)
    axes.set(xlim=(-0.6, len(network.layers) + 0.6), ylim=(-0.5, 1.15 + 0.16 * reach), xlabel="layer", yticks=[])
    axes.set_xticks(range(1, len(network.layers) + 1))
    axes.tick_params(labelsize=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


_LABEL: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 5, "zorder": 3, "rotation": 90}
