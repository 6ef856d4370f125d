"""Chains of convolutions: every layer sees the picture, or any earlier layers concatenated.

Source: Zoph & Le 2017 (arXiv 1611.01578), sections 3.2 and 3.3, with the repairs of section 3.3: a layer that nothing
feeds sees the picture, what no layer sees is concatenated before the classifier, and maps of different sizes are padded
with zeros to the largest. Where the zeros go the paper does not say: here below and to the right. Nothing here imports
torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.errors import InvalidArchitecture
from regnas.scaling import Scaling, scaled_depth, scaled_width
from regnas.search_spaces.chain import views
from regnas.search_spaces.chain.canonical import canonical_order, renumbered
from regnas.search_spaces.chain.complexity import ChainColumns, chain_complexity
from regnas.search_spaces.chain.deeper import copies_of, repeated

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable

# Far beyond what can be trained.
MOST_LAYERS = 40
BOUNDS = {"kernel": (1, 31), "stride": (1, 16), "filters": (1, 1 << 16)}
CLASSES = (2, 1 << 20)
_FORM = ("layers", "inputs", "classes")
_FILTERS = 4  # scaled filters are a multiple of, as the paper's are


@dataclass(frozen=True, order=True)
class Layer:
    """A convolution, batch normalisation and ReLU.

    Attributes:
        kernel: height and width in pixels, odd.
        stride: down and across.

    Raises:
        InvalidArchitecture: a number outside its bounds, or a kernel with an even side.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    filters: int

    def __post_init__(self) -> None:
        for name, values in (("kernel", self.kernel), ("stride", self.stride), ("filters", (self.filters,))):
            low, high = BOUNDS[name]
            whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
            if not whole or not all(low <= value <= high for value in values):
                raise InvalidArchitecture(f"{name} of a layer: whole numbers from {low} to {high:,}, got {values!r}")
        if not all(side % 2 for side in self.kernel):
            raise InvalidArchitecture(f"sides of a kernel are odd, got {self.kernel[0]} x {self.kernel[1]}")

    @property
    def numbers(self) -> list[int]:
        """Kernel, stride and filters in a row."""
        return [*self.kernel, *self.stride, self.filters]


@dataclass(frozen=True)
class LayerChain:
    """Layers, the layers that feed them, global average pooling and a linear layer.

    Equal values are equal networks: layers are put in one order (`regnas.search_spaces.chain.canonical`).

    Attributes:
        inputs: of every layer, numbers from 0 of earlier ones; none is the picture.

    Raises:
        InvalidArchitecture: no or too many layers, an input that is no earlier layer, or too few classes.
    """

    layers: tuple[Layer, ...]
    inputs: tuple[tuple[int, ...], ...]
    classes: int = 10

    def __post_init__(self) -> None:
        if not 1 <= len(self.layers) <= MOST_LAYERS:
            raise InvalidArchitecture(f"a chain has 1 to {MOST_LAYERS} layers, got {len(self.layers)}")
        if len(self.inputs) != len(self.layers):
            raise InvalidArchitecture(
                f"{len(self.layers)} layers ask for as many lists of inputs, got {len(self.inputs)}"
            )
        for number, feeding in enumerate(self.inputs):
            if bad := [one for one in feeding if not _whole(one, 0, number - 1)]:
                raise InvalidArchitecture(f"inputs of layer {number} are numbers of earlier layers, got {bad[0]!r}")
        if not _whole(self.classes, *CLASSES):
            raise InvalidArchitecture(
                f"classes is a whole number from {CLASSES[0]} to {CLASSES[1]:,}, got {self.classes!r}"
            )
        links = [frozenset(feeding) for feeding in self.inputs]
        order = canonical_order([tuple(layer.numbers) for layer in self.layers], links)
        object.__setattr__(self, "layers", tuple(self.layers[number] for number in order))
        object.__setattr__(self, "inputs", renumbered(links, order))

    @property
    def kind(self) -> str:
        return "layer-chain"

    @property
    def schema(self) -> int:
        return 1

    @property
    def loose(self) -> tuple[int, ...]:
        """The layers that no other sees: the classifier does."""
        used = {one for feeding in self.inputs for one in feeding}
        return tuple(number for number in range(len(self.layers)) if number not in used)

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back. A layer is kernel, stride and filters in a row of five."""
        return {
            "kind": self.kind,
            "schema": self.schema,
            "layers": [layer.numbers for layer in self.layers],
            "inputs": [list(feeding) for feeding in self.inputs],
            "classes": self.classes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LayerChain:
        """Read `to_json`'s form, layers in any order that has inputs first.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or values no chain can have.
        """
        given = form_of(value, "chains of layers", _FORM, ("layers", "inputs"))
        for name in ("layers", "inputs"):
            if not isinstance(given[name], list | tuple) or not all(
                isinstance(row, list | tuple) for row in given[name]
            ):
                raise InvalidArchitecture(f"{name} is a list with a list for each layer, got {given[name]!r:.60}")
        layers = []
        for row in given.pop("layers"):
            if len(row) != 5:
                raise InvalidArchitecture(
                    f"a layer is kernel height and width, stride down and across, filters; got {row!r:.60}"
                )
            layers.append(Layer((row[0], row[1]), (row[2], row[3]), row[4]))
        return cls(tuple(layers), tuple(map(tuple, given.pop("inputs"))), **given)

    @property
    def columns(self) -> ChainColumns:
        """The network as arrays of one."""
        links = np.zeros((len(self.layers), len(self.layers), 1), dtype=np.bool_)
        for number, feeding in enumerate(self.inputs):
            links[list(feeding), number] = True
        return ChainColumns(
            layers=np.array([len(self.layers)]),
            kernels=np.array([layer.kernel for layer in self.layers])[:, :, None],
            strides=np.array([layer.stride for layer in self.layers])[:, :, None],
            filters=np.array([layer.filters for layer in self.layers])[:, None],
            links=links,
        )

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        return chain_complexity(self.columns, self.classes, resolution).row(0)

    def features(self) -> dict[str, float]:
        """Numbers for predictors: layers, links, loose ends, the longest way, mean logarithms of layers' numbers."""
        ways: list[int] = []
        for feeding in self.inputs:
            ways.append(1 + max((ways[one] for one in feeding), default=0))
        names = ("kernel_height", "kernel_width", "stride_down", "stride_across", "filters")
        logs = np.log([layer.numbers for layer in self.layers]).mean(axis=0).tolist()
        return {
            "layers": float(len(self.layers)),
            "links": float(sum(map(len, self.inputs))),
            "loose_ends": float(len(self.loose)),
            "see_picture": float(sum(not feeding for feeding in self.inputs)),
            "longest_way": float(max(ways)),
            **{f"log_{name}": float(value) for name, value in zip(names, logs, strict=True)},
        }

    @property
    def scales(self) -> tuple[str, ...]:
        """Layers, by repeating them, and filters."""
        return ("depth", "width")

    def asked(self, scaling: Scaling) -> dict[str, tuple[float, ...]]:
        """Layers, and the filters of the narrowest and of the widest, before they are rounded."""
        filters = [layer.filters for layer in self.layers]
        return {
            "layers": (scaling.depth * len(self.layers),),
            "least_filters": (scaling.width * min(filters),),
            "most_filters": (scaling.width * max(filters),),
        }

    def scaled(self, scaling: Scaling) -> LayerChain:
        """Deeper by repeating layers (`regnas.search_spaces.chain.deeper`); filters are a multiple of 4.

        Every layer is kept: there are no fewer of them by a factor of depth below 1.

        Raises:
            InvalidArchitecture: too many layers or filters.
        """
        deep = self._deeper(scaling)
        wide = tuple(replace(one, filters=scaled_width(one.filters, scaling, _FILTERS)) for one in deep.layers)
        return LayerChain(wide, deep.inputs, self.classes)

    def _deeper(self, scaling: Scaling) -> LayerChain:
        count = len(self.layers)
        copies = copies_of(count, min(scaled_depth(count, scaling), MOST_LAYERS + 1))  # one too many is refused
        made = repeated(self.inputs, copies)
        layers, before = [], -1
        for number, _ in made:
            one = self.layers[number]
            layers.append(one if number != before else replace(one, stride=(1, 1)))
            before = number
        return LayerChain(tuple(layers), tuple(feeding for _, feeding in made), self.classes)

    def summary(self) -> Summary:
        """The network in the line that ``--params`` reads."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """A row for every layer."""
        return views.tables(self, resolution)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Layers from left to right, and what feeds them."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """`features` that figures show."""
        found = self.features()
        return {name: value for name, value in found.items() if name not in told and math.isfinite(value)}

    def build(self) -> torch.nn.Module:
        """A new module, with torch's own initialisation from its current seed."""
        from regnas.search_spaces.chain.network import ChainNetwork

        return ChainNetwork(self)


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
