"""Published cells in their authors' own stacking, at the sizes that were published.

Sizes: Zoph et al. 2018 (arXiv 1707.07012), tables 1 to 3; Liu et al. 2018 (arXiv 1712.00559), tables 3 to 5; Real et
al. 2019 (arXiv 1802.01548), tables 2 and 3. Outputs of cells are the flags of the authors' code, not the loose ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from regnas.images import Images
from regnas.preset import Preset
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.presets import CELLS, point_of


@dataclass(frozen=True)
class Published:
    """Cells of `regnas.search_spaces.cells.presets`, and what each puts out."""

    cells: str
    normal_output: tuple[int, ...]
    reduce_output: tuple[int, ...]

    @property
    def both(self) -> tuple[Cell, Cell]:
        """The normal and the reduction cell, in the form that equal cells have."""
        lines = CELLS[self.cells]
        return (
            Cell(parse_edges(lines.normal), self.normal_output),
            Cell(parse_edges(lines.reduce), self.reduce_output),
        )


# tensorflow/models ``slim/nets/nasnet``, tensorflow/tpu ``models/official/amoeba_net``: ``used_hiddenstates``
PUBLISHED = {
    "nasnet-a": Published("nasnet-a", (0, 2, 3, 4, 5, 6), (3, 4, 5, 6)),
    "pnasnet-5": Published("pnasnet-5", (2, 3, 4, 5, 6), (2, 3, 4, 5, 6)),
    "amoebanet-a": Published("amoebanet-a", (0, 3, 4, 6), (2, 3, 4, 5, 6)),
}
_LARGE, _MOBILE, _CIFAR = Images(331, 1000), Images(224, 1000), Images(32, 10)
_SIZES = {  # cells, width, depth, channels of the stem, further options, images
    "nasnet-a-large": ("nasnet-a", 168, 18, 96, "skip_reduction=yes", _LARGE),
    "nasnet-a-mobile": ("nasnet-a", 44, 12, 32, "", _MOBILE),
    "nasnet-a-cifar": ("nasnet-a", 32, 18, 96, "", _CIFAR),
    "pnasnet-5-large": ("pnasnet-5", 216, 12, 96, "", _LARGE),
    "pnasnet-5-mobile": ("pnasnet-5", 54, 9, 32, "", _MOBILE),
    "pnasnet-5-cifar": ("pnasnet-5", 48, 9, 144, "", _CIFAR),
    "amoebanet-a-large": ("amoebanet-a", 190, 18, 32, "", _LARGE),
    "amoebanet-a-cifar": ("amoebanet-a", 36, 18, 108, "", _CIFAR),
}


def networks() -> dict[str, Preset]:
    """The entry point: NASNet-A, PNASNet-5 and AmoebaNet-A as their authors built them."""
    return {name: _preset(*size) for name, size in _SIZES.items()}


def _preset(cells: str, width: int, depth: int, stem_width: int, further: str, images: Images) -> Preset:
    normal, reduce = PUBLISHED[cells].both
    outputs = [
        f"{name}_output={'-'.join(map(str, cell.concat))}" for name, cell in (("normal", normal), ("reduce", reduce))
    ]
    stem = "cifar" if images.resolution == _CIFAR.resolution else "imagenet"
    options = [f"depth={depth}", *outputs, further, "stacking=tf", f"stem={stem}", f"stem_width={stem_width}"]
    spec = f"{CELLS[cells].space}[{','.join(filter(None, options))},width={width}]"
    return Preset(spec, {"width": width, "depth": depth, **point_of(normal.edges, reduce.edges)}, images)
