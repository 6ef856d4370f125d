"""timm's two networks of cells, ``nasnetalarge`` and ``pnasnet5large``, and the names of their weights.

Source: timm ``models/nasnet.py`` and ``models/pnasnet.py``. timm numbers the nodes of a cell as its authors did, and
joins their outputs in that order; here they have the order of equal cells' one form. So whatever reads a cell's output
has its channels in another order there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any, cast

from regnas.design_space import make_space
from regnas.errors import PluginNotFound, UsageError
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.operations import OPERATIONS
from regnas.search_spaces.cells.presets import CELLS
from regnas.search_spaces.cells.slim.architecture import SlimCells
from regnas.search_spaces.cells.slim.presets import PUBLISHED, networks
from regnas.search_spaces.cells.slim.stacking import Place, places

if TYPE_CHECKING:
    from torch import Tensor

_MODELS = {"nasnetalarge": ("nasnet-a", "nasnet-a-large"), "pnasnet5large": ("pnasnet-5", "pnasnet-5-large")}
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_SEPARABLE = {  # layers of an operation, here and there
    "1": "separable_1.depthwise_conv2d",
    "2": "separable_1.pointwise_conv2d",
    "3": "bn_sep_1",
    "5": "separable_2.depthwise_conv2d",
    "6": "separable_2.pointwise_conv2d",
    "7": "bn_sep_2",
}
Blocks = tuple[int, ...]  # of channels there: which block of ours each one is


class TimmCells:
    """Python that makes one of timm's networks of cells, and their names."""

    kinds = ("slim-cells",)
    sources = "timm-cells:nasnetalarge or timm-cells:pnasnet5large"

    def write(self, architecture: SlimCells, params: Mapping[str, Any]) -> str:
        for model in _MODELS:
            if replace(architecture, classes=1000) == _network(model):
                classes = architecture.classes
                return f"import timm\n\nnetwork = timm.create_model({model!r}, num_classes={classes})\n"
        known = " and ".join(f"{preset} ({model})" for model, (_, preset) in _MODELS.items())
        raise UsageError(f"timm has of networks of cells {known} alone, and this is another one; json says any")

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[SlimCells]:
        model = source.partition(".")[0]
        if model not in _MODELS:
            raise PluginNotFound(f"timm has no network of cells {source!r}; it has {', '.join(_MODELS)}")
        return [_network(model)]

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        model = _model_of(state)
        return {theirs: _moved(state[ours], blocks, back=False) for ours, (theirs, blocks) in _names(model).items()}

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        model = _model_of(names)
        known = _names(model)
        if missing := sorted({theirs for theirs, _ in known.values()} ^ set(state)):
            raise ValueError(f"timm's network is another one: {', '.join(missing[:3])} is in one of the two")
        return {ours: _moved(state[theirs], blocks, back=True) for ours, (theirs, blocks) in known.items()}


@cache
def _network(model: str) -> SlimCells:
    known = networks()[_MODELS[model][1]]
    space = make_space(known.space).on(known.images)
    return cast(SlimCells, space.decode(space.complete(known.params)))


def _model_of(names: Iterable[str]) -> str:
    listed = set(names)
    for model in _MODELS:
        if listed == set(_names(model)):
            return model
    raise ValueError(f"these tensors are not those of {' or of '.join(preset for _, preset in _MODELS.values())}")


def _moved(tensor: Tensor, blocks: Blocks | None, *, back: bool) -> Tensor:
    """A tensor whose input channels, ``(out, in, ...)``, come in blocks that have another order there."""
    if blocks is None:
        return tensor
    import torch

    order = [blocks.index(ours) for ours in range(len(blocks))] if back else list(blocks)
    parts = tensor.chunk(len(blocks), dim=1)
    return torch.cat([parts[block] for block in order], dim=1)


@cache
def _names(model: str) -> dict[str, tuple[str, Blocks | None]]:
    """Of every tensor here its name there, and the order of its input channels where it reads a cell's output."""
    published = PUBLISHED[_MODELS[model][0]]
    lines = CELLS[published.cells]
    network, nasnet = _network(model), model == "nasnetalarge"
    normal = _Matched.of(network.normal, lines.normal, published.normal_output)
    reduce = _Matched.of(network.reduce, lines.reduce, published.reduce_output)
    first = "conv0" if nasnet else "conv_0"
    found: dict[str, tuple[str, Blocks | None]] = {}
    _put(found, "stem.0", f"{first}.conv")
    _put_norm(found, "stem.1", f"{first}.bn")
    joined: list[Blocks | None] = [None]
    stacked = places(network)
    for number, (place, theirs) in enumerate(zip(stacked, _cell_names(stacked, nasnet), strict=True)):
        own = reduce if place.reduced else normal
        before = None if place.source is None else joined[place.source]
        for ours, name, blocks in _of_cell(place, own, before, joined[-1], nasnet):
            prefix = f"cells.{number}."
            if name.endswith(".bn") or name.rpartition(".")[2].startswith(("bn", "final_path_bn")):
                _put_norm(found, prefix + ours, f"{theirs}.{name}")
            else:
                _put(found, prefix + ours, f"{theirs}.{name}", blocks)
        joined.append(own.blocks)
    _put(found, "classifier", "last_linear", joined[-1])
    found["classifier.bias"] = ("last_linear.bias", None)
    return found


def _put(found: dict[str, tuple[str, Blocks | None]], ours: str, theirs: str, blocks: Blocks | None = None) -> None:
    found[f"{ours}.weight"] = (f"{theirs}.weight", blocks)


def _put_norm(found: dict[str, tuple[str, Blocks | None]], ours: str, theirs: str) -> None:
    found.update({f"{ours}.{part}": (f"{theirs}.{part}", None) for part in _NORM})


def _cell_names(stacked: Sequence[Place], nasnet: bool) -> Iterator[str]:
    """timm's names of the cells: the first two are the stem's, and extra reductions are numbered apart."""
    counts = {"cell": 0, "reduction_cell": 0}
    for number, place in enumerate(stacked):
        if number < 2:
            yield f"cell_stem_{number}"
            continue
        kind = "reduction_cell" if place.reduced and nasnet else "cell"
        yield f"{kind}_{counts[kind]}"
        counts[kind] += 1


def _of_cell(
    place: Place, own: _Matched, before: Blocks | None, last: Blocks | None, nasnet: bool
) -> Iterator[tuple[str, str, Blocks | None]]:
    """Layers of a cell here and there, and the order of the channels that they read."""
    yield "preprocess1.1", "conv_1x1.conv", last
    yield "preprocess1.2", "conv_1x1.bn", None
    if place.preprocessing == "project":
        yield "preprocess0.1", "conv_prev_1x1.conv", before
        yield "preprocess0.2", "conv_prev_1x1.bn", None
    elif place.preprocessing == "halve":
        inner = "" if nasnet else "conv_prev_1x1."
        yield "preprocess0.here", f"{inner}path_1.conv", before
        yield "preprocess0.further", f"{inner}path_2.conv", before
        yield "preprocess0.norm", f"{inner}final_path_bn", None
    for number, (name, start) in enumerate(place.cell.edges):
        node, side = own.edges[number]
        theirs = f"comb_iter_{node}_{side}"
        kind, ours = OPERATIONS[name].kind, f"operations.{number}.0"
        if kind == "separable":
            for layer, there in _SEPARABLE.items():
                yield f"{ours}.{layer}", f"{theirs}.{there}", None
        elif place.channels(start) != place.wide or (kind == "skip" and place.reduced and start < INPUTS):
            yield f"{ours}.1", f"{theirs}.conv", None
            yield f"{ours}.2", f"{theirs}.bn", None


class _Matched:
    """A cell here beside the same cell in the order of its authors.

    Attributes:
        edges: of every edge here the node there, from 0, and its side.
        blocks: of every part of the output there, which part it is here.
    """

    def __init__(self, edges: Sequence[tuple[int, str]], blocks: Blocks) -> None:
        self.edges, self.blocks = edges, blocks

    @classmethod
    def of(cls, cell: Cell, line: str, output: Sequence[int]) -> _Matched:
        """Find which node is which.

        Raises:
            ValueError: they are different cells.
        """
        theirs = parse_edges(line)
        for order in permutations(range(cell.nodes)):
            place = {number: number for number in range(INPUTS)}
            place |= {node + INPUTS: here + INPUTS for node, here in enumerate(order)}
            edges: dict[int, tuple[int, str]] = {}
            for number, (name, start) in enumerate(theirs):
                here = INPUTS * order[number // 2]
                for edge in (here, here + 1):
                    if edge not in edges and cell.edges[edge] == (name, place[start]):
                        edges[edge] = (number // 2, ("left", "right")[number % 2])
                        break
            if len(edges) == len(theirs) and {place[node] for node in output} == set(cell.concat):
                blocks = tuple(cell.concat.index(place[node]) for node in output)
                return cls([edges[number] for number in range(len(theirs))], blocks)
        raise ValueError(f"{line} is another cell than {cell.text}")
