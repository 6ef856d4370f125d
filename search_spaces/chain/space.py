"""The space of NAS-RL: chains of 6 to 20 convolutions with skips.

Source: Zoph & Le 2017 (arXiv 1611.01578), sections 3.1 to 3.3 and 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from regnas.condition import Condition
from regnas.costs import Complexities
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, Uniform, values_of
from regnas.errors import UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.chain.architecture import BOUNDS, MOST_LAYERS, Layer, LayerChain
from regnas.search_spaces.chain.complexity import ChainColumns, Ints, chain_complexity
from regnas.search_spaces.chain.line import read_line

LONGEST = 20
# In the order of the paper's tokens, with the numbers that each can be. Both kinds of strides are of its second space.
PARTS = {
    "filter_height": (1, 3, 5, 7),
    "filter_width": (1, 3, 5, 7),
    "stride_height": (1, 2, 3),
    "stride_width": (1, 2, 3),
    "filters": (24, 36, 48, 64),
}
_BOUND = {"filter_height": "kernel", "filter_width": "kernel", "stride_height": "stride", "stride_width": "stride"}
_BOTH = {"filter": ("filter_height", "filter_width"), "strides": ("stride_height", "stride_width")}


@dataclass(frozen=True, kw_only=True)
class ChainSpace(Space):
    """Of what a data set asks, it heeds resolution and classes.

    ``filter_height_3`` is of layer 3, ``skip_1_3`` says whether layer 1 feeds it. What layers have is active in chains
    of so many. A key without a number stands for all layers, ``filter`` and ``strides`` for both ways.

    Attributes:
        laws: every parameter with its law.
    """

    laws: tuple[tuple[str, Dimension], ...]

    known_costs = BUILT_IN
    size_name: ClassVar[str] = "layers"  # by which networks grow (`regnas.growth.SupportsGrowth`)

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    @cached_property
    def most(self) -> int:
        """Layers of the longest chain that there are parameters for."""
        return max(int(name.rpartition("_")[2]) for name, _ in self.laws if name.startswith("filters_"))

    @cached_property
    def conditions(self) -> Mapping[str, Condition]:
        lengths = [int(length) for length in values_of(dict(self.laws)["layers"])]
        found = {}
        for name in (name for name, _ in self.laws if name != "layers"):
            longer = tuple(length for length in lengths if length >= _layer_of(name))
            if len(longer) < len(lengths):
                found[name] = Condition("layers", longer or (self.most,))
        return found

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        _check_law(name, dimension, self.most)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def parameters_of(self, key: str) -> Sequence[str]:
        if key == "skip":
            return [name for name, _ in self.laws if name.startswith("skip_")]
        parts = _BOTH.get(key, (key,) if key in PARTS else ())
        return [f"{part}_{layer}" for part in parts for layer in range(1, self.most + 1)] or super().parameters_of(key)

    def neighbours(self, params: Params) -> list[Params]:
        """As of every space; only another number of layers, or ties, ask for more than the step itself."""
        if self.ties:
            return super().neighbours(params)
        active = set(self.hierarchy.active(params))
        found = []
        for name, law in self.free.items():
            moves = [{**params, name: value} for value in law.neighbours(params[name]) if name in active]
            found += [self.canonical(move) for move in moves] if name == "layers" else moves
        return found

    def decode(self, params: Params) -> LayerChain:
        numbers = range(1, params["layers"] + 1)
        layers = []
        for number in numbers:
            height, width, down, across, filters = (params[f"{part}_{number}"] for part in PARTS)
            layers.append(Layer((height, width), (down, across), filters))
        inputs = [tuple(one - 1 for one in range(1, number) if params[f"skip_{one}_{number}"]) for number in numbers]
        return LayerChain(tuple(layers), tuple(inputs), self.classes)

    def point_of_line(self, text: str) -> Params:
        """The parameters that a network's line says (`regnas.describe.SupportsLines`).

        Raises:
            UsageError: it is no such line, or has too many layers.
        """
        said = read_line(text)
        if len(said) > self.most:
            raise UsageError(f"a chain of {self.spec} has up to {self.most} layers, and the line {len(said)}")
        params: Params = {"layers": len(said)}
        for number, (numbers, feeding) in enumerate(said, 1):
            params |= {f"{part}_{number}": value for part, value in zip(PARTS, numbers, strict=True)}
            params |= {f"skip_{one}_{number}": int(one in feeding) for one in range(1, number)}
        return params

    def batch(self, columns: Columns) -> ChainRows:
        return ChainRows(self, columns)


@dataclass(frozen=True)
class ChainRows:
    """Columns of points, every one a network: the `Batch` of the space."""

    space: ChainSpace
    points: Columns

    @property
    def rows(self) -> Ints:
        return np.arange(len(self.points["layers"]))

    @property
    def rejected(self) -> Mapping[str, int]:
        return {}

    @cached_property
    def columns(self) -> ChainColumns:
        """The points as arrays, as long as the longest chain among them."""
        layers = np.asarray(self.points["layers"], dtype=np.int64)
        most = int(layers.max(initial=1))
        height, width, down, across, filters = (
            np.array([self.points[f"{part}_{number}"] for number in range(1, most + 1)], dtype=np.int64)
            for part in PARTS
        )
        links = np.zeros((most, most, len(layers)), dtype=np.bool_)
        for number in range(1, most):
            for one in range(number):
                links[one, number] = self.points[f"skip_{one + 1}_{number + 1}"]
        kernels, strides = np.stack([height, width], axis=1), np.stack([down, across], axis=1)
        return ChainColumns(layers, kernels, strides, filters, links)

    def complexity(self, resolution: int) -> Complexities:
        return chain_complexity(self.columns, self.space.classes, resolution)

    def architecture(self, index: int) -> LayerChain:
        return self.space.decode({name: values[index : index + 1].tolist()[0] for name, values in self.points.items()})


def _layer_of(name: str) -> int:
    """The layer that a parameter is of: where it is a skip, the later one."""
    return int(name.rpartition("_")[2])


def _check_law(name: str, law: Dimension, most: int) -> None:
    values = values_of(law)
    if name == "layers":
        bad = [value for value in values if not _whole(value, 1, most)]
        rule = f"a whole number from 1 to {most}"
    elif name.startswith("skip_"):
        bad = [value for value in values if value not in (0, 1)]
        rule = "0 or 1"
    else:
        bound = _BOUND.get(name.rpartition("_")[0], "filters")
        low, high = BOUNDS[bound]
        odd = bound == "kernel"
        bad = [value for value in values if not _whole(value, low, high) or (odd and value % 2 == 0)]
        rule = f"{'an odd' if odd else 'a whole'} number from {low} to {high:,}"
    if bad:
        raise UsageError(f"{name} is {rule}, got {bad[0]!r}")


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and low <= value <= high


def chain_space(name: str, least: int, most: int) -> ChainSpace:
    """Chains of ``least`` to ``most`` layers on CIFAR-10, every choice uniform, every skip with probability 1/2.

    Raises:
        UsageError: there are no chains of so many layers.
    """
    if not 1 <= least <= most <= MOST_LAYERS:
        raise UsageError(f"chains have 1 to {MOST_LAYERS} layers, got {least} to {most}")
    laws: dict[str, Dimension] = {"layers": Uniform(least, most, 1)}
    for number in range(1, most + 1):
        laws |= {f"{part}_{number}": Choice(values) for part, values in PARTS.items()}
        laws |= {f"skip_{one}_{number}": Choice((0, 1), ordered=False) for one in range(1, number)}
    return ChainSpace(name=name, images=Images(resolution=32, classes=10), laws=tuple(laws.items()))


def chain() -> ChainSpace:
    """The paper's space with strides, 6 to 20 layers; ``chain[strides=1]`` is its first one."""
    return chain_space("chain", 6, LONGEST)
