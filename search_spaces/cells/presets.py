"""Cells that were published, stacked as NDS and DARTS do, at the sizes of CIFAR-10 and ImageNet.

Each cell names its source. NASNet-A, AmoebaNet-A and PNASNet-5 are here the cells in the common skeleton; as their
authors stacked them they are in `regnas.search_spaces.cells.slim.presets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regnas.images import Images
from regnas.preset import Preset
from regnas.search_spaces.cells.cell import Edge, parse_edges
from regnas.search_spaces.cells.space import SIDES


@dataclass(frozen=True)
class Published:
    """A space, and the edges of both cells in a line each."""

    space: str
    normal: str
    reduce: str


CELLS = {
    # quark0/darts ``cnn/genotypes.py``
    "darts-v1": Published(
        "darts",
        "sep3@1+sep3@0 / skip@0+sep3@1 / skip@0+sep3@1 / sep3@0+skip@2",
        "max3@0+max3@1 / skip@2+max3@0 / max3@0+skip@2 / skip@2+avg3@0",
    ),
    "darts-v2": Published(
        "darts",
        "sep3@0+sep3@1 / sep3@0+sep3@1 / sep3@1+skip@0 / skip@0+dil3@2",
        "max3@0+max3@1 / skip@2+max3@1 / max3@0+skip@2 / skip@2+max3@1",
    ),
    # tensorflow/models ``slim/nets/nasnet/nasnet_utils.py``
    "nasnet-a": Published(
        "nasnet",
        "sep5@1+sep3@0 / sep5@0+sep3@0 / avg3@1+skip@0 / avg3@0+avg3@0 / sep3@1+skip@1",
        "sep5@1+sep7@0 / max3@1+sep7@0 / avg3@1+sep5@0 / skip@3+avg3@2 / sep3@2+max3@1",
    ),
    # tensorflow/models ``slim/nets/nasnet/pnasnet.py``: one cell for both roles
    "pnasnet-5": Published(
        "pnas",
        "sep5@0+max3@0 / sep7@1+max3@1 / sep5@1+sep3@1 / sep3@4+max3@1 / sep3@0+skip@1",
        "sep5@0+max3@0 / sep7@1+max3@1 / sep5@1+sep3@1 / sep3@4+max3@1 / sep3@0+skip@1",
    ),
    # tensorflow/tpu ``models/official/amoeba_net/network_utils.py``, the authors' own
    "amoebanet-a": Published(
        "amoebanet",
        "avg3@1+max3@1 / sep3@0+skip@0 / skip@1+avg3@0 / sep3@1+sep5@2 / avg3@5+sep3@1",
        "sep3@0+avg3@1 / max3@1+sep7@2 / max3@0+max3@1 / sep3@4+c71@1 / avg3@0+sep7@1",
    ),
    # quark0/darts and facebookresearch/unnas: the same with inputs 0 and 1 exchanged, but for one max-pool
    "amoebanet-a-darts": Published(
        "amoebanet",
        "avg3@0+max3@1 / sep3@0+sep5@2 / sep3@0+avg3@3 / sep3@1+skip@1 / skip@0+avg3@1",
        "avg3@0+sep3@1 / max3@0+sep7@2 / sep7@0+avg3@1 / max3@0+max3@1 / c71@0+sep3@5",
    ),
    "amoebanet-c": Published(
        "amoebanet",
        "avg3@1+sep3@1 / skip@1+sep3@1 / avg3@2+sep3@0 / skip@1+sep3@0 / avg3@3+sep3@1",
        "max3@1+max3@1 / sep7@2+sep3@1 / sep7@1+max3@0 / sep5@4+sep5@4 / max3@0+sep3@0",
    ),
    # melodyguan/enas ``scripts/cifar10_micro_final.sh``
    "enas-micro": Published(
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
    small = {name: _preset(cell, *_CIFAR) for name, cell in CELLS.items()}
    return small | {f"{name}-imagenet": _preset(cell, *_IMAGENET) for name, cell in CELLS.items()}


def _preset(published: Published, width: int, depth: int, stem: str, images: Images) -> Preset:
    point = point_of(parse_edges(published.normal), parse_edges(published.reduce))
    params = {"width": width, "depth": depth, **point}
    return Preset(f"{published.space}[depth={depth},stem={stem},width={width}]", params, images)


def point_of(normal: Sequence[Edge], reduce: Sequence[Edge]) -> dict[str, int | str]:
    """The parameters of both cells' edges."""
    params: dict[str, int | str] = {}
    for name, edges in (("normal", normal), ("reduce", reduce)):
        for place, (operation, start) in enumerate(edges):
            edge = f"{name}_{place // 2}_{{}}_{SIDES[place % 2]}"
            params |= {edge.format("op"): operation, edge.format("input"): start}
    return params
