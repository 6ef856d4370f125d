"""Cells that were published, stacked as NDS and DARTS do, at the sizes of CIFAR-10 and ImageNet.

Each cell names its source. Where the published network puts out other nodes than its loose ends, or has another stem
(NASNet, AmoebaNet and PNASNet for ImageNet), this is the cell in the common skeleton, not that network.
"""

from __future__ import annotations

from dataclasses import dataclass

from regnas.images import Images
from regnas.preset import Preset
from regnas.search_spaces.cells.cell import parse_edges
from regnas.search_spaces.cells.space import SIDES


@dataclass(frozen=True)
class _Published:
    """A space, and the edges of both cells in a line each."""

    space: str
    normal: str
    reduce: str


_CELLS = {
    # quark0/darts ``cnn/genotypes.py``
    "darts-v1": _Published(
        "darts",
        "sep3@1+sep3@0 / skip@0+sep3@1 / skip@0+sep3@1 / sep3@0+skip@2",
        "max3@0+max3@1 / skip@2+max3@0 / max3@0+skip@2 / skip@2+avg3@0",
    ),
    "darts-v2": _Published(
        "darts",
        "sep3@0+sep3@1 / sep3@0+sep3@1 / sep3@1+skip@0 / skip@0+dil3@2",
        "max3@0+max3@1 / skip@2+max3@1 / max3@0+skip@2 / skip@2+max3@1",
    ),
    # tensorflow/models ``slim/nets/nasnet/nasnet_utils.py``
    "nasnet-a": _Published(
        "nasnet",
        "sep5@1+sep3@0 / sep5@0+sep3@0 / avg3@1+skip@0 / avg3@0+avg3@0 / sep3@1+skip@1",
        "sep5@1+sep7@0 / max3@1+sep7@0 / avg3@1+sep5@0 / skip@3+avg3@2 / sep3@2+max3@1",
    ),
    # tensorflow/models ``slim/nets/nasnet/pnasnet.py``: one cell for both roles
    "pnasnet-5": _Published(
        "pnas",
        "sep5@0+max3@0 / sep7@1+max3@1 / sep5@1+sep3@1 / sep3@4+max3@1 / sep3@0+skip@1",
        "sep5@0+max3@0 / sep7@1+max3@1 / sep5@1+sep3@1 / sep3@4+max3@1 / sep3@0+skip@1",
    ),
    # tensorflow/tpu ``models/official/amoeba_net/network_utils.py``, the authors' own
    "amoebanet-a": _Published(
        "amoebanet",
        "avg3@1+max3@1 / sep3@0+skip@0 / skip@1+avg3@0 / sep3@1+sep5@2 / avg3@5+sep3@1",
        "sep3@0+avg3@1 / max3@1+sep7@2 / max3@0+max3@1 / sep3@4+c71@1 / avg3@0+sep7@1",
    ),
    # quark0/darts and facebookresearch/unnas: the same with inputs 0 and 1 exchanged, but for one max-pool
    "amoebanet-a-darts": _Published(
        "amoebanet",
        "avg3@0+max3@1 / sep3@0+sep5@2 / sep3@0+avg3@3 / sep3@1+skip@1 / skip@0+avg3@1",
        "avg3@0+sep3@1 / max3@0+sep7@2 / sep7@0+avg3@1 / max3@0+max3@1 / c71@0+sep3@5",
    ),
    "amoebanet-c": _Published(
        "amoebanet",
        "avg3@1+sep3@1 / skip@1+sep3@1 / avg3@2+sep3@0 / skip@1+sep3@0 / avg3@3+sep3@1",
        "max3@1+max3@1 / sep7@2+sep3@1 / sep7@1+max3@0 / sep5@4+sep5@4 / max3@0+sep3@0",
    ),
    # melodyguan/enas ``scripts/cifar10_micro_final.sh``
    "enas-micro": _Published(
        "enas",
        "avg3@0+sep3@0 / skip@0+sep5@0 / skip@0+sep5@1 / sep3@1+sep5@0 / avg3@0+sep5@1",
        "sep3@1+sep3@1 / max3@0+avg3@0 / sep5@1+sep5@3 / sep3@1+skip@0 / max3@0+sep5@1",
    ),
}
# DARTS's networks (Liu et al. 2019, appendix A.2 and A.3): width, depth, stem, images
_CIFAR = (36, 20, "cifar", Images(resolution=32, classes=10))
_IMAGENET = (48, 14, "imagenet", Images(resolution=224, classes=1000))


def cells() -> dict[str, Preset]:
    """The entry point: each cell at the size of CIFAR-10, and ``NAME-imagenet``."""
    small = {name: _preset(cell, *_CIFAR) for name, cell in _CELLS.items()}
    return small | {f"{name}-imagenet": _preset(cell, *_IMAGENET) for name, cell in _CELLS.items()}


def _preset(published: _Published, width: int, depth: int, stem: str, images: Images) -> Preset:
    params: dict[str, int | str] = {"width": width, "depth": depth}
    for name, line in (("normal", published.normal), ("reduce", published.reduce)):
        for place, (operation, start) in enumerate(parse_edges(line)):
            edge = f"{name}_{place // 2}_{{}}_{SIDES[place % 2]}"
            params |= {edge.format("op"): operation, edge.format("input"): start}
    return Preset(f"{published.space}[depth={depth},stem={stem},width={width}]", params, images)
