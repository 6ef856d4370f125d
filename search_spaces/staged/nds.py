"""Vanilla, ResNet, ResNeXt-A and ResNeXt-B of "On Network Design Spaces for Visual Recognition".

Source: Radosavovic et al. 2019 (arXiv 1905.13214), table 1: three stages, each with values of its own on grids of a few
values about even in log, all equally likely. Here a stage has a *number* of groups, where AnyNet's has a width of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from regnas.dimension import Choice, values_of
from regnas.errors import InvalidArchitecture
from regnas.images import Images
from regnas.sampling.batch import Columns, Narrowing, Params
from regnas.search_spaces.staged.anynet import AnyNetSpace, stage_laws
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.compatibility import Ints
from regnas.search_spaces.staged.narrowing.narrowing import grid_of
from regnas.search_spaces.staged.space import StagedRows

# The stem of the paper's networks for CIFAR-10, a 3x3 convolution of 16 channels, and stages at 32, 16 and 8 px.
CIFAR = Images(resolution=32, classes=10, stem_stride=1, stem_width=16, strides=(1, 2, 2))
_STAGES = 3

# Of the depths 1, ..., 24 and the widths 16, ..., 256 of Vanilla and ResNet the paper says the ends and how many there
# are, 9 and 12. What lies between is inferred: values of the release's records that are public are among these.
_DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
_WIDTHS = (16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)
# Those of ResNeXt are powers of two: nothing else is as many values between these ends even in log.
_RESNEXT_DEPTHS = (1, 2, 4, 8, 16)
_RATIOS = (1, 2, 4)

_UNEVEN = "uneven groups"
_WHOLE = 1e-6  # a quotient this near to a whole number is one


@dataclass(frozen=True, kw_only=True)
class NDSSpace(AnyNetSpace):
    """Stages with depths, widths, bottleneck ratios and numbers of groups of their own.

    No width is adjusted: points whose groups do not all have the same whole number of channels are not in the space.
    On the paper's grids there are none.
    """

    kinds = ("depth", "width", "bottleneck_ratio", "groups")

    def fitted(self, widths: Any, ratios: Any, groups: Any) -> tuple[Ints, Ints]:
        """Widths as they are, and group widths, of the parameters' shape, such as ``(n, stages)``: 0 where uneven."""
        each = np.asarray(widths) / ratios / groups
        whole = np.rint(each)
        even = np.abs(each - whole) < _WHOLE
        return np.asarray(widths, dtype=np.int64), np.where(even, whole, 0).astype(np.int64)

    def grouping(self, network: Staged) -> tuple[int, ...]:
        widths = zip(network.bottleneck_widths, network.group_widths, strict=True)
        return tuple(inner // group for inner, group in widths)

    def _uneven(self, params: Params) -> int | None:
        """The first stage whose groups are uneven, from 1; None where no stage's are."""
        stages = zip(*([params[name] for name in self._stage_names(kind)] for kind in self.kinds[1:]), strict=True)
        return next((stage for stage, one in enumerate(stages, 1) if not self.fitted(*one)[1]), None)

    def member(self, params: Params) -> str | None:
        return super().member(params) if self._uneven(params) is None else _UNEVEN

    def decode(self, params: Params) -> Staged:
        for name, value in params.items():
            self.check(name, value)
        if (stage := self._uneven(params)) is not None:
            width, ratio, groups = (params[f"{kind}_{stage}"] for kind in self.kinds[1:])
            raise InvalidArchitecture(
                f"width / bottleneck_ratio is a multiple of groups, got {width} / {ratio:g} and {groups} groups in "
                f"stage {stage}; choose a width that divides"
            )
        return super().decode(params)

    @cached_property
    def narrowing(self) -> Narrowing | None:
        """Cells of the stages' shapes, with the depth of one stage solved for; made once."""
        return grid_of(self)

    def batch(self, columns: Columns) -> StagedRows:
        found = super().batch(columns)
        even = found.stages.group_widths.all(axis=1)
        if even.all():
            return found
        rejected = {**found.rejected, _UNEVEN: int((~even).sum())}
        return StagedRows(self, found.rows[even], found.stages[even], rejected)

    def cardinality(self) -> int:
        """Exact number of points; with ties or orders, those with uneven groups among them."""
        if self.ties or self.rising:
            return super().cardinality()
        total = 1
        for stage in range(1, self.stages + 1):
            depths, *grids = (values_of(self.dimensions[f"{kind}_{stage}"]) for kind in self.kinds)
            total *= len(depths) * sum(bool(self.fitted(*one)[1]) for one in product(*grids))
        return total


def _nds(name: str, block: str, **grids: tuple[int, ...]) -> NDSSpace:
    laws = {kind: Choice(grids.get(kind, (1,))) for kind in NDSSpace.kinds}
    return NDSSpace(name=name, block=block, images=CIFAR, stages=_STAGES, laws=stage_laws(laws, _STAGES))


def vanilla() -> NDSSpace:
    """Vanilla: two 3x3 convolutions a block, without shortcuts."""
    return _nds("vanilla", "vanilla", depth=_DEPTHS, width=_WIDTHS)


def resnet() -> NDSSpace:
    """ResNet: Vanilla with shortcuts, the basic block of He et al. 2016."""
    return _nds("resnet", "basic", depth=_DEPTHS, width=_WIDTHS)


def resnext_a() -> NDSSpace:
    """ResNeXt-A: bottlenecks of few groups."""
    return _resnext("resnext-a", width=(16, 32, 64, 128, 256), groups=(1, 2, 4))


def resnext_b() -> NDSSpace:
    """ResNeXt-B: wider bottlenecks, of more groups."""
    return _resnext("resnext-b", width=(64, 128, 256, 512, 1024), groups=(1, 2, 4, 8, 16))


def _resnext(name: str, *, width: tuple[int, ...], groups: tuple[int, ...]) -> NDSSpace:
    return _nds(name, "x", depth=_RESNEXT_DEPTHS, width=width, bottleneck_ratio=_RATIOS, groups=groups)
