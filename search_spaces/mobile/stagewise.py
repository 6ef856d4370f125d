"""Mobile networks whose stages have a layer, a width and a depth of their own: AnyNet's idea with mobile layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from regnas.condition import Condition
from regnas.dimension import Choice, Dimension, LogUniform, Uniform, values_of
from regnas.errors import InvalidArchitecture, UsageError
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.mobile.complexity import Ints, MobileBatch
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.mobile.space import HEAD, MobileSpace, option_number
from regnas.search_spaces.mobile.stage import MOST, SKIPS, code_of, read_word, squeeze_ratio

OPS = ("conv", "sep", "mb3", "mb6")
USUAL = (1, 2, 2, 2, 1, 2, 1)  # strides of MobileNetV2, MnasNet and EfficientNet
STEM = 32
_SKIP_CODES = {name: code for code, name in enumerate(SKIPS)}
_LARGEST_KERNEL = 11
MOST_STAGES = 20


@dataclass(frozen=True, kw_only=True)
class StagewiseSpace(MobileSpace):
    """Six parameters for each stage; what a stage of one layer would add to is nothing, so its skip is inactive.

    Attributes:
        stem_width: of the first convolution; None is the data set's wish, or 32.
    """

    stem_width: int | None = None

    # The last is how many layers a stage has, the one before it how wide they are.
    kinds: ClassVar[tuple[str, ...]] = ("op", "kernel", "se", "skip", "width", "depth")

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.usual_strides)

    def parameters_of(self, key: str) -> Sequence[str]:
        return self.names(key) if key in self.kinds else super().parameters_of(key)

    def names(self, kind: str) -> list[str]:
        """A parameter of every stage."""
        return [f"{kind}_{stage}" for stage in range(1, self.stages + 1)]

    def with_option(self, key: str, value: str) -> Self | None:
        """With another width of the stem or number of stages, or what all mobile spaces have.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key == "stem_width":
            return replace(self, stem_width=option_number(key, value, 1, MOST["width"]))
        return super().with_option(key, value)

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """The skip of a stage is active where the stage has two layers or more."""
        laws, ties = self.dimensions, dict(self.ties)
        found = {}
        for stage, name in enumerate(self.names(self.kinds[-1])):
            deep = [value for value in values_of(laws[ties.get(name, name)]) if self.layers(stage, value) > 1]
            if len(deep) < laws[ties.get(name, name)].size or not deep:
                found[f"skip_{stage + 1}"] = Condition(name, tuple(deep) or (self.two(stage),))
        return found

    def layers(self, stage: int, value: Any) -> int:
        """How many layers a stage, from 0, has where its last parameter is ``value``."""
        return int(value)

    def two(self, stage: int) -> int:
        """The value at which a stage has two layers."""
        return 2

    def check(self, name: str, value: Any) -> None:
        kind = name.rpartition("_")[0]
        if kind == "op":
            read_word(value)
        elif kind == "skip":
            if value not in SKIPS:
                raise UsageError(f"{name} is one of {', '.join(SKIPS)}, got {value!r}")
        elif kind == "se":
            try:
                squeeze_ratio(value)
            except InvalidArchitecture as error:
                raise UsageError(f"{name}: {error}") from error
        elif kind == "kernel":
            if not _whole(value, 1, _LARGEST_KERNEL) or value % 2 == 0:
                raise UsageError(f"{name} is an odd number from 1 to {_LARGEST_KERNEL}, got {value!r}")
        else:
            self.check_size(name, value)

    def check_size(self, name: str, value: Any) -> None:
        """Whether a stage can have this width or depth.

        Raises:
            UsageError: it cannot.
        """
        most = MOST[name.rpartition("_")[0]]
        if not _whole(value, 1, most):
            raise UsageError(f"{name} is a whole number from 1 to {most:,}, got {value!r}")

    def arrays(self, columns: Columns) -> MobileBatch:
        ops, kernels, se, skips, widths, depths = ([columns[name] for name in self.names(kind)] for kind in self.kinds)
        layers = self.depths_of(depths)
        count = layers.shape[1]
        return MobileBatch(
            ops=_coded(ops, {word: code_of(word) for one in ops for word in set(one.tolist())}),
            kernels=np.array(kernels, dtype=np.int64),
            se=np.array(se, dtype=np.float64),
            skips=np.where(layers > 1, _coded(skips, _SKIP_CODES), 0),
            widths=self.widths_of(widths),
            depths=layers,
            stem=np.full(count, self.stem_width or self.images.stem_width or STEM),
            head=np.full(count, self.head),
            sizes=np.zeros(count, dtype=np.int64),
        )

    @property
    def head(self) -> int:
        """Channels of the last convolution."""
        return HEAD if self.head_width is None else self.head_width

    def widths_of(self, columns: Sequence[Any]) -> Ints:
        """Channels of every stage, ``(S, n)``, of the parameters that say them."""
        return np.array(columns, dtype=np.int64)

    def depths_of(self, columns: Sequence[Any]) -> Ints:
        """Layers of every stage, ``(S, n)``, likewise."""
        return np.array(columns, dtype=np.int64)

    def cardinality(self) -> int:
        """Exact number of points, of a space without ties."""
        return math.prod(self._points(stage) for stage in range(self.stages))

    def _points(self, stage: int) -> int:
        laws = self.dimensions
        others = math.prod(
            laws[f"{kind}_{stage + 1}"].size for kind in self.kinds if kind not in ("skip", self.kinds[-1])
        )
        skips = laws[f"skip_{stage + 1}"].size
        depths = values_of(laws[f"{self.kinds[-1]}_{stage + 1}"])
        return others * sum(skips if self.layers(stage, value) > 1 else 1 for value in depths)


@dataclass(frozen=True, kw_only=True)
class AnyMobileSpace(StagewiseSpace):
    """Stages with widths and depths of their own; reads a network's line as a point."""

    def with_option(self, key: str, value: str) -> Self | None:
        if key == "stages":
            stages = option_number(key, value, 1, MOST_STAGES)
            return replace(self, laws=_laws(stages), usual_strides=_strides(stages), strides=None)
        return super().with_option(key, value)

    def point_of_line(self, text: str) -> Params:
        """The parameters that a network's line says (`regnas.describe.SupportsLines`).

        Raises:
            UsageError: it is no such line, has another number of stages, or strides that the space does not have.
        """
        stages, strides = read_line(text), self.template.strides
        if len(stages) != self.stages:
            raise UsageError(f"{self.spec} has {self.stages} stages, and the line {len(stages)}; see its option stages")
        if (said := tuple(stage.stride for stage in stages)) != strides:
            told = "-".join(map(str, said))
            raise UsageError(
                f"{self.spec} has the strides {'-'.join(map(str, strides))}, and the line {told}; take "
                f"{self.name}[strides={told}]"
            )
        point: Params = {}
        for number, one in enumerate(stages, 1):
            values = (one.op, one.kernel, one.se, one.skip if one.depth > 1 else "none", one.width, one.depth)
            point |= {f"{kind}_{number}": value for kind, value in zip(self.kinds, values, strict=True)}
        return self.hierarchy.pinned(self.complete(point))


def stage_laws(laws: Mapping[str, Dimension], stages: int) -> tuple[tuple[str, Dimension], ...]:
    """The laws of all parameters, alike in all stages."""
    return tuple((f"{kind}_{stage}", law) for kind, law in laws.items() for stage in range(1, stages + 1))


LAYER_LAWS: dict[str, Dimension] = {
    "op": Choice(OPS),
    "kernel": Choice((3, 5)),
    "se": Choice((0.0, 0.25), ordered=False),
    "skip": Choice(("pool", "identity", "none")),
}


def mobile() -> AnyMobileSpace:
    """Seven stages with layers as in MnasNet's space, and any widths and depths: the space of its presets."""
    stages = len(USUAL)
    return AnyMobileSpace(name="mobile", laws=_laws(stages), usual_strides=_strides(stages))


def _laws(stages: int) -> tuple[tuple[str, Dimension], ...]:
    return stage_laws({**LAYER_LAWS, "width": LogUniform(8, 512, 8), "depth": Uniform(1, 4)}, stages)


def _strides(stages: int) -> tuple[int, ...]:
    return (*USUAL[:stages], *(1,) * (stages - len(USUAL)))


def _coded(columns: Sequence[Any], codes: Mapping[str, int]) -> Ints:
    """Words as numbers, ``(S, n)``.

    Raises:
        UsageError: a word that is none.
    """
    found: npt.NDArray[np.int64] = np.empty((len(columns), len(columns[0])), dtype=np.int64)
    for row, values in zip(found, columns, strict=True):
        row[:] = np.fromiter(map(codes.__getitem__, values.tolist()), np.int64, len(values))
    return found


def _whole(value: Any, least: int, most: int) -> bool:
    good = isinstance(value, int) and not isinstance(value, bool)
    return good and least <= value <= most
