"""ENAS's macro space: an operation and skips for each of 12 layers.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.3; melodyguan/enas ``scripts/cifar10_macro_search.sh``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

import numpy as np

from regnas.costs import Complexities
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, values_of
from regnas.errors import UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.macro.architecture import BOUNDS, MOST_LAYERS, Macro
from regnas.search_spaces.macro.complexity import (
    CODES,
    FORMS,
    OPERATIONS,
    Ints,
    MacroColumns,
    macro_complexity,
    sides,
)
from regnas.search_spaces.macro.line import read_line
from regnas.states import DecidedPart, State

if TYPE_CHECKING:
    from regnas.sampling.batch import Narrowing
    from regnas.search_spaces.macro.supernet import SharedMacro

LAYERS, FILTERS = 12, 36
ODD = "an odd number of filters"


@dataclass(frozen=True, kw_only=True)
class MacroSpace(Space):
    """Of what a data set asks, it heeds resolution and classes. One network is one point.

    ``op_3`` is of layer 3, ``skip_0_3`` says whether output 0, the stem, joins it. ``op`` and ``skip`` stand for those
    of all layers.

    Attributes:
        laws: every parameter with its law.
        layers: how many.
        form: as of `Macro`.
    """

    laws: tuple[tuple[str, Dimension], ...]
    layers: int = LAYERS
    form: str = "search"

    known_costs = BUILT_IN

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        _check_law(name, dimension)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def with_option(self, key: str, value: str) -> Self | None:
        """With another number of layers, or in another form.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key == "layers":
            if not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= MOST_LAYERS):
                raise UsageError(f"layers is a whole number from 1 to {MOST_LAYERS}, got {value!r}")
            return replace(self, layers=int(value), laws=laws_of(int(value)))
        if key != "form":
            return None
        if value not in FORMS:
            raise UsageError(f"form is one of {', '.join(FORMS)}, got {value!r}")
        return replace(self, form=value)

    def parameters_of(self, key: str) -> Sequence[str]:
        if key in ("op", "skip"):
            return [name for name, _ in self.laws if name.startswith(f"{key}_")]
        return super().parameters_of(key)

    @cached_property
    def skips(self) -> tuple[tuple[str, int, int], ...]:
        """Every skip: its name, the output that it is from, and the layer that it joins."""
        return tuple(
            (f"skip_{one}_{layer}", one, layer) for layer in range(2, self.layers + 1) for one in range(layer - 1)
        )

    @cached_property
    def ops(self) -> tuple[str, ...]:
        """The parameter of each layer's operation."""
        return tuple(f"op_{layer}" for layer in range(1, self.layers + 1))

    def member(self, params: Params) -> str | None:
        return ODD if params["filters"] % 2 else None

    def decode(self, params: Params) -> Macro:
        skips: list[list[int]] = [[] for _ in self.ops]
        for name, one, layer in self.skips:
            if params[name]:
                skips[layer - 1].append(one)
        operations = tuple(params[name] for name in self.ops)
        return Macro(operations, tuple(map(tuple, skips)), params["filters"], self.form, self.classes)

    def supernet(self, **sizes: int) -> SharedMacro:
        """The shared child of ENAS's search (`regnas.supernet.SupportsSupernet`): 36 ``channels`` unless said.

        Raises:
            UsageError: the form of final networks, or no such size.
        """
        from regnas.search_spaces.macro.supernet import SharedMacro

        if self.form != "search":
            raise UsageError(f"the supernet of {self.spec} is not defined: networks share weights in form=search")
        if unknown := sorted(set(sizes) - {"channels"}):
            raise UsageError(f"the supernet of {self.spec} has the size channels, got {unknown[0]}")
        filters = sizes.get("channels", 0) or FILTERS
        if isinstance(filters, bool) or not isinstance(filters, int) or filters < 2 or filters % 2:
            raise UsageError(f"channels of the supernet of {self.spec} are an even number from 2, got {filters!r}")
        return SharedMacro(self._operations(), layers=self.layers, filters=filters, classes=self.classes)

    def decided(self) -> Sequence[DecidedPart]:
        """The operation of each layer and then its skips (`regnas.states.SupportsStates`).

        Raises:
            UsageError: parameters are tied.
        """
        if self.ties:
            raise UsageError(f"what is decided of {self.spec} one after the other is tied; leave the ties out")
        skips: list[list[str]] = [[] for _ in self.ops]
        for name, _, layer in self.skips:
            skips[layer - 1].append(name)
        states = [State((), (op,), tuple(names)) for op, names in zip(self.ops, skips, strict=True)]
        return (DecidedPart(0, tuple(states), self._operations()),)

    def _operations(self) -> tuple[str, ...]:
        """Those that any layer can have, in the authors' order."""
        there = {str(value) for name in self.ops for value in values_of(dict(self.laws)[name])}
        return tuple(name for name in OPERATIONS if name in there)

    def point_of_line(self, text: str) -> Params:
        """The parameters that a network's line says (`regnas.describe.SupportsLines`).

        Raises:
            UsageError: it is no such line, or has another number of layers.
        """
        said, filters = read_line(text)
        if len(said) != self.layers:
            raise UsageError(f"a network of {self.spec} has {self.layers} layers, and the line {len(said)}")
        params: Params = {} if filters is None else {"filters": filters}
        params |= {name: op for name, (op, _) in zip(self.ops, said, strict=True)}
        return params | {name: int(one in said[layer - 1][1]) for name, one, layer in self.skips}

    def sees(self) -> str:
        return f"layers see {', '.join(map(str, sides(self.layers, self.resolution)))} px"

    @cached_property
    def narrowing(self) -> Narrowing | None:
        """Operations of some layers solved for; made once."""
        from regnas.search_spaces.macro.narrowing import narrowing_of

        return narrowing_of(self)

    def columns(self, points: Columns) -> MacroColumns:
        """Points, ``(n,)`` each, as arrays."""
        filters = np.asarray(points["filters"], dtype=np.int64)
        count = len(filters)
        codes = [np.fromiter(map(CODES.__getitem__, points[name].tolist()), np.int64, count) for name in self.ops]
        links = np.zeros((self.layers, self.layers, count), dtype=np.bool_)
        for name, one, layer in self.skips:
            links[one, layer - 1] = points[name]
        return MacroColumns(np.array(codes), links, filters)

    def batch(self, columns: Columns) -> MacroRows:
        return MacroRows.of(self, columns)


@dataclass(frozen=True)
class MacroRows:
    """Networks and the rows of the columns that they come from, ``(m,)``: the `Batch` of the space."""

    space: MacroSpace
    rows: Ints
    networks: MacroColumns
    rejected: Mapping[str, int]

    @classmethod
    def of(cls, space: MacroSpace, columns: Columns) -> MacroRows:
        """Decode columns of points of a space."""
        found = space.columns(columns)
        keep = found.filters % 2 == 0
        if keep.all():
            return cls(space, np.arange(len(keep)), found, {})
        kept = MacroColumns(found.ops[:, keep], found.links[:, :, keep], found.filters[keep])
        return cls(space, np.flatnonzero(keep), kept, {ODD: int((~keep).sum())})

    def complexity(self, resolution: int) -> Complexities:
        return macro_complexity(self.networks, self.space.form, self.space.classes, resolution)

    def architecture(self, index: int) -> Macro:
        return self.maker(self.identities(np.array([index]))[0])()

    def identities(self, indices: Ints) -> list[bytes]:
        """Filters, operations and skips of the networks at ``(k,)`` indices."""
        one = self.networks
        ops = one.ops[:, indices].T.astype(np.uint8)
        links = np.packbits(one.links[:, :, indices].reshape(one.links.shape[0] ** 2, -1), axis=0).T
        rows = zip(one.filters[indices].tolist(), ops, links, strict=True)
        return [_FILTERS.pack(filters) + codes.tobytes() + bits.tobytes() for filters, codes, bits in rows]

    def maker(self, identity: bytes) -> Callable[[], Macro]:
        return partial(_from_identity, self.space.layers, self.space.form, self.space.classes, identity)


def _from_identity(layers: int, form: str, classes: int, identity: bytes) -> Macro:
    (filters,) = _FILTERS.unpack_from(identity)
    rest = np.frombuffer(identity, np.uint8, offset=_FILTERS.size)
    links = np.unpackbits(rest[layers:], count=layers * layers).reshape(layers, layers)
    skips = tuple(tuple(np.flatnonzero(links[:, layer]).tolist()) for layer in range(layers))
    return Macro(tuple(OPERATIONS[code] for code in rest[:layers]), skips, filters, form, classes)


_FILTERS = struct.Struct("=q")


def _check_law(name: str, law: Dimension) -> None:
    values = values_of(law)
    if name == "filters":
        low, high = BOUNDS["filters"]
        bad = [value for value in values if not isinstance(value, int) or not low <= value <= high]
        rule = f"a whole number from {low} to {high:,}"
    elif name.startswith("skip_"):
        bad = [value for value in values if value not in (0, 1)]
        rule = "0 or 1"
    else:
        bad = [value for value in values if value not in OPERATIONS]
        rule = f"one of {', '.join(OPERATIONS)}"
    if bad:
        raise UsageError(f"{name} is {rule}, got {bad[0]!r}")


def laws_of(layers: int) -> tuple[tuple[str, Dimension], ...]:
    """Every choice uniform, every skip with probability 1/2, the authors' 36 filters."""
    laws: dict[str, Dimension] = {}
    for layer in range(1, layers + 1):
        laws[f"op_{layer}"] = Choice(OPERATIONS)
        laws |= {f"skip_{one}_{layer}": Choice((0, 1), ordered=False) for one in range(layer - 1)}
    return (*laws.items(), ("filters", Choice((FILTERS,))))


def enas_macro() -> MacroSpace:
    """The authors' space on CIFAR-10: 12 layers, 36 filters, 6 operations."""
    return MacroSpace(name="enas-macro", images=Images(resolution=32, classes=10), laws=laws_of(LAYERS))
