"""AnyNetX_A to AnyNetX_E (Radosavovic et al. 2020, section 3.2, and table 1's refinements)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from regnas.dimension import Array, Choice, Dimension, LogUniform, Uniform, values_of
from regnas.errors import UsageError
from regnas.images import Images
from regnas.refinement import Refinement
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.compatibility import Ints, compatible
from regnas.search_spaces.staged.complexity import STEMS, StagedBatch, Template
from regnas.search_spaces.staged.space import StagedRows, StagedSpace, inner_groups

_LAWS: dict[str, Dimension] = {
    "depth": LogUniform(1, 16),
    "width": LogUniform(8, 1024, 8),
    "bottleneck_ratio": Choice((1, 2, 4)),
    "group_width": Choice((1, 2, 4, 8, 16, 32)),
}


@dataclass(frozen=True, kw_only=True)
class AnyNetSpace(StagedSpace):
    """Stages with depths, widths, bottleneck ratios and group widths of their own, or shared.

    Attributes:
        shared: which of the four are one parameter for all stages.
        rising: which of ``width`` and ``depth`` never decrease from stage to stage. Where all stages have the same
            law, a draw is sorted; otherwise a draw in the wrong order is rejected.
        last_depth: ``rising``, or ``free``: the last stage's depth is exempt from the order.
    """

    shared: tuple[str, ...] = ()
    rising: tuple[str, ...] = ()
    last_depth: str = "rising"

    # The parameters of a stage; the last says how its 3x3 convolutions are grouped.
    kinds = tuple(_LAWS)

    def parameters_of(self, key: str) -> Sequence[str]:
        if key in self.kinds and key not in self.shared:
            return self._names(key)
        return super().parameters_of(key)

    def _names(self, kind: str) -> list[str]:
        return [kind] if kind in self.shared else [f"{kind}_{stage}" for stage in range(1, self.stages + 1)]

    def _ordered_names(self, kind: str) -> list[str]:
        names = self._names(kind)
        return names[:-1] if kind == "depth" and self.last_depth == "free" else names

    def _sortable(self, names: Sequence[str]) -> bool:
        laws = self.dimensions
        return all(name in laws and laws[name] == laws[names[0]] for name in names)

    def with_stages(self, stages: int) -> Self:
        """With another number of stages, each by the laws of the first."""
        laws = dict(self.laws)
        first = {kind: laws[self._names(kind)[0]] for kind in self.kinds}
        return replace(self, stages=stages, laws=stage_laws(first, stages, self.shared))

    @property
    def parts(self) -> int:
        """The stages (`regnas.growth.SupportsSizes`)."""
        return self.stages

    def of_parts(self, count: int) -> Self:
        """With the first ``count`` stages, by their own laws."""
        late = [f"{kind}_{stage}" for kind in self.kinds for stage in range(count + 1, self.stages + 1)]
        return replace(self, stages=count, laws=tuple((name, law) for name, law in self.laws if name not in late))

    def with_option(self, key: str, value: str) -> Self | None:
        """With an ``order`` of the stages, with another ``last_depth``, or what all staged spaces have.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key == "order":
            kinds = value.split("|")
            if unknown := [kind for kind in kinds if kind not in self.kinds or kind in self.shared]:
                several = [kind for kind in self.kinds if kind not in self.shared]
                raise UsageError(f"order names what never decreases, of {', '.join(several)}; got {unknown[0]!r}")
            return replace(self, rising=tuple(kind for kind in self.kinds if kind in {*self.rising, *kinds}))
        if key == "last_depth":
            if value not in ("rising", "free") or "depth" not in self.rising:
                raise UsageError(f"last_depth is rising or free, in spaces with rising depths; got {value!r}")
            return replace(self, last_depth=value)
        return super().with_option(key, value)

    @property
    def defaults(self) -> Params:
        ratios = {name: 1 for name in self._names("bottleneck_ratio")}
        return {**ratios, **super().defaults}

    def check(self, name: str, value: Any) -> None:
        if name.startswith("bottleneck_ratio"):
            self.check_ratio(name, value)
        else:
            self.check_whole(name, value)

    def ordered(self, params: Params) -> Params:
        for kind in self.rising:
            names = self._ordered_names(kind)
            if self._sortable(names):
                values = sorted(params[name] for name in names)
                params = {**params, **dict(zip(names, values, strict=True))}
        return params

    def ordered_columns(self, columns: Columns) -> Columns:
        return self._in_order(columns)[0]

    def member(self, params: Params) -> str | None:
        for kind in self.rising:
            values = [params[name] for name in self._ordered_names(kind)]
            if values != sorted(values):
                return f"{kind}s not rising"
        return None

    def decode(self, params: Params) -> Staged:
        for name, value in params.items():
            self.check(name, value)
        depths, raw, ratios, groups = (
            np.array([params[name] for name in self._stage_names(kind)]) for kind in self.kinds
        )
        widths, groups = self.fitted(raw, ratios, groups)
        return self.network(depths, widths, ratios, groups)

    def fitted(self, widths: Any, ratios: Any, groups: Any) -> tuple[Ints, Ints]:
        """Widths and group widths of stages that fit each other, of the parameters' shape, such as ``(n, stages)``."""
        return compatible(widths, ratios, inner_groups(self, groups, widths))

    def grouping(self, network: Staged) -> tuple[int, ...]:
        """The last of the `kinds`, of each stage of a network."""
        return network.group_widths

    def point_of(self, network: Staged) -> Params | None:
        if len(network.depths) != self.stages:
            return None
        per_stage = (network.depths, network.widths, network.bottleneck_ratios, self.grouping(network))
        point: Params = {}
        for kind, values in zip(self.kinds, per_stage, strict=True):
            for name, value in zip(self._stage_names(kind), values, strict=True):
                if name in self.free and point.setdefault(name, value) != value:
                    return None  # one value for all stages, which has several
        whole = self.complete(point)
        if any(not law.contains(whole[name]) for name, law in self.dimensions.items()):
            return None
        found = self.judge(self.canonical(whole))
        return found.params if found is not None and found.architecture.key() == network.key() else None

    def _stage_names(self, kind: str) -> list[str]:
        names = self._names(kind)
        return names * self.stages if kind in self.shared else names

    def batch(self, columns: Columns) -> StagedRows:
        columns, good = self._in_order(columns)
        rows = np.flatnonzero(good)
        depths, raw, ratios, groups = (
            np.stack([columns[name][rows] for name in self._stage_names(kind)], axis=1) for kind in self.kinds
        )
        widths, groups = self.fitted(raw, ratios, groups)
        stages = StagedBatch(depths, widths, ratios.astype(np.float64), groups)
        wrong = len(good) - len(rows)
        return StagedRows(self, rows, stages, {"order of the stages": wrong} if wrong else {})

    def _in_order(self, columns: Columns) -> tuple[Columns, Array]:
        good = np.ones(len(next(iter(columns.values()))), dtype=np.bool_)
        for kind in self.rising:
            names = self._ordered_names(kind)
            if not names:
                continue  # one stage, whose depth is free
            values = np.stack([columns[name] for name in names])
            if self._sortable(names):
                columns = {**columns, **dict(zip(names, np.sort(values, axis=0), strict=True))}
            else:
                good &= (np.diff(values, axis=0) >= 0).all(axis=0)
        return columns, good

    def cardinality(self) -> int:
        """Exact number of points: ordered stages are counted as multisets.

        Source: section 3.2, where the paper divides by 4! instead.
        """
        total, laws = 1, self.dimensions
        for kind in self.kinds:
            names = [name for name in self._names(kind) if name in laws]
            ordered = [name for name in self._ordered_names(kind) if name in laws] if kind in self.rising else []
            total *= _rising_points([laws[name] for name in ordered])
            total *= math.prod(laws[name].size for name in names if name not in ordered)
        return total

    def refinements(self) -> Sequence[Refinement]:
        """Orders of the stages (section 3.2), and the line (section 3.3) where all stages have one b and one g."""
        return refinements(self)


def _rising_points(laws: Sequence[Dimension]) -> int:
    """How many rows of values, one of each law, never decrease."""
    ends = {0.0: 1}  # of the rows so far, how many end at each value
    for law in laws:
        below = sorted(ends.items())
        at = count = 0
        found: dict[float, int] = {}
        for value in sorted(float(one) for one in values_of(law)):
            while at < len(below) and below[at][0] <= value:
                count, at = count + below[at][1], at + 1
            found[value] = count
        ends = found
    return sum(ends.values())


def refinements(space: AnyNetSpace) -> tuple[Refinement, ...]:
    """What `AnyNetSpace.refinements` says.

    RegNet's line lies in a space whose stages share their bottleneck ratios and group widths, whatever ties them.
    """
    tied = dict(space.ties)
    found = []
    for kind in ("width", "depth"):
        names = tuple(space._names(kind))
        if kind not in space.rising and len(names) > 1 and not tied.keys() & set(names):
            order = "|".join(one for one in space.kinds if one in {*space.rising, kind})
            found.append(Refinement(f"order of {kind}", names, {"order": order}, rising=names))
    if space.kinds[-1] != "group_width" or not {"width", "depth"} <= set(space.kinds) - set(space.shared):
        return tuple(found)
    one_value = [len({tied.get(name, name) for name in space._names(kind)}) == 1 for kind in space.kinds[2:]]
    if all(one_value):
        about = tuple(name for kind in ("depth", "width") for name in space._names(kind))
        found.append(Refinement("line of widths", about, line_options(space), base="regnetx", quantity="e_fit"))
    return tuple(found)


def line_options(space: AnyNetSpace) -> dict[str, str]:
    """The options of a spec that RegNet inherits from an AnyNet: its block, its stem, its ratios and group widths."""
    shared = ("activation", "block", "head_width", "se", "stages", "stem", "stem_width", "strides")
    options = {key: value for key, value in space.overrides if key in shared}
    for kind in space.kinds[2:]:
        law = space.dimensions[space._names(kind)[0]]
        if isinstance(law, Choice) and law != _LAWS[kind]:
            options[kind] = "|".join(map(str, law.values))
    return options


def stage_laws(
    laws: Mapping[str, Dimension], stages: int, shared: Collection[str] = ()
) -> tuple[tuple[str, Dimension], ...]:
    """The laws of all parameters: of each stage its own, or one for all stages where they are shared."""
    every: list[tuple[str, Dimension]] = []
    for kind, law in laws.items():
        names = [kind] if kind in shared else [f"{kind}_{stage}" for stage in range(1, stages + 1)]
        every += [(name, law) for name in names]
    return tuple(every)


def _anynet(letter: str, shared: tuple[str, ...] = (), rising: tuple[str, ...] = ()) -> AnyNetSpace:
    return AnyNetSpace(name=f"anynetx-{letter}", laws=stage_laws(_LAWS, 4, shared), shared=shared, rising=rising)


@dataclass(frozen=True, kw_only=True)
class ResNetRSSpace(AnyNetSpace):
    """ResNet-RS: depths of the stages, and one ``width``, that of the first; each further stage is twice as wide.

    On images whose stem shrinks them by 4 the stem is ResNet-D's with a convolution for its pool, and else that of all
    staged spaces.
    """

    def template(self, stages: int | None = None) -> Template:
        found = super().template(stages)
        return replace(found, stem="rs") if self.stem is None and STEMS[found.stem] == STEMS["rs"] else found

    def fitted(self, widths: Any, ratios: Any, groups: Any) -> tuple[Ints, Ints]:
        doubled = np.asarray(widths, dtype=np.int64) << np.arange(np.shape(widths)[-1])
        return super().fitted(doubled, ratios, groups)

    def point_of(self, network: Staged) -> Params | None:
        return None


def resnet_rs() -> ResNetRSSpace:
    """ResNet-RS (Bello et al. 2021, arXiv 2103.07579): depths up to those of its largest, 420 layers.

    The widths are the paper's multiples 1/4 to 2 of 256, and two smaller ones for small images.
    """
    laws: dict[str, Dimension] = {
        "depth_1": Uniform(1, 4),
        "depth_2": LogUniform(1, 44),
        "depth_3": LogUniform(1, 87),
        "depth_4": Uniform(1, 4),
        "width": Choice((16, 32, 64, 128, 256, 384, 512)),
        "bottleneck_ratio": Choice((4,)),
        "group_width": Choice((1,)),
    }
    return ResNetRSSpace(
        name="resnet-rs",
        laws=tuple(laws.items()),
        shared=("width", "bottleneck_ratio", "group_width"),
        block="rs",
        se=0.25,
        images=Images(stem_stride=4, stem_width=64, strides=(1, 2, 2, 2)),
    )


def anynetx_a() -> AnyNetSpace:
    """AnyNetX_A: 16 free parameters."""
    return _anynet("a")


def anynetx_b() -> AnyNetSpace:
    """AnyNetX_B: A with one bottleneck ratio."""
    return _anynet("b", ("bottleneck_ratio",))


def anynetx_c() -> AnyNetSpace:
    """AnyNetX_C: B with one group width."""
    return _anynet("c", ("bottleneck_ratio", "group_width"))


def anynetx_d() -> AnyNetSpace:
    """AnyNetX_D: C with widths that never decrease."""
    return _anynet("d", ("bottleneck_ratio", "group_width"), ("width",))


def anynetx_e() -> AnyNetSpace:
    """AnyNetX_E: D with depths that never decrease."""
    return _anynet("e", ("bottleneck_ratio", "group_width"), ("width", "depth"))
