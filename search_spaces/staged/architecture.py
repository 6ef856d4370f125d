"""Staged networks: stem, stages of equal blocks, head. AnyNet and RegNet networks are of this kind.

Source: Radosavovic et al. 2020 (arXiv 2003.13678), section 3.2 and figure 3; exact semantics as in the authors'
code (pycls ``models/anynet.py``). Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.describe import json_numbers
from regnas.errors import InvalidArchitecture
from regnas.layers import Layer, LayerList
from regnas.scaling import Scaling
from regnas.search_spaces.staged import views
from regnas.search_spaces.staged.compatibility import scaled_stages
from regnas.search_spaces.staged.complexity import (
    BLOCKS,
    STEMS,
    StagedBatch,
    Template,
    count_staged,
    network_complexity,
    peak_elements,
)

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable
    from regnas.drawing import Profile

ACTIVATIONS = ("relu", "silu", "gelu")
# Far beyond what can be trained; within these, sums of costs are checked not to wrap.
MOST_STAGES = 100
MOST_BLOCKS = 10_000  # of a stage
MOST_CHANNELS = 1 << 20
RATIOS = (1 / 1024, 1024)  # of a bottleneck
MOST_STRIDE = 1024
_MOST = {"depths": MOST_BLOCKS, "strides": MOST_STRIDE}

_FEATURED = 4  # stages that predictors are told of: networks have more or fewer, and rows of numbers one length


@dataclass(frozen=True, kw_only=True)
class Staged:
    """One network of stages. Equal values are equal networks: what a block ignores is put in one form.

    Attributes:
        depths: blocks per stage.
        widths: output channels per stage.
        strides: stride of the first block of each stage.
        bottleneck_ratios: the paper's b = w / w_b, per stage; below 1 the bottleneck is inverted.
        group_widths: channels per group of the 3x3 convolution, per stage, after the compatibility step.
        se_ratio: squeeze channels over the block's input channels; 0 is no squeeze-and-excitation.
        head_width: channels of a 1x1 convolution before pooling; 0 is none.
    """

    stem: str = "simple"
    stem_width: int = 32
    block: str = "x"
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    bottleneck_ratios: tuple[float, ...] = ()
    group_widths: tuple[int, ...] = ()
    se_ratio: float = 0.0
    head_width: int = 0
    classes: int = 1000
    activation: str = "relu"

    def __post_init__(self) -> None:
        for name in ("depths", "widths", "strides", "bottleneck_ratios", "group_widths"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # lists are taken, and compare as equal
        self._check_names()
        self._check_numbers()
        for name, value in self._canonical().items():
            object.__setattr__(self, name, value)
        self._check_groups()

    @classmethod
    def unchecked(cls, **values: Any) -> Staged:
        """The network of values for all attributes that are known to be right, as those of a space's batch are."""
        made = object.__new__(cls)
        made.__dict__.update(values)
        made.__dict__.update(made._canonical())
        return made

    @property
    def kind(self) -> str:
        return "staged"

    @property
    def schema(self) -> int:
        return 1

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.depths)

    @property
    def bottleneck_widths(self) -> tuple[int, ...]:
        """Channels of the 3x3 convolution per stage: w / b, rounded half to even."""
        return tuple(round(w / b) for w, b in zip(self.widths, self.bottleneck_ratios, strict=True))

    @property
    def template(self) -> Template:
        """What all networks of one space share."""
        return Template(
            stem=self.stem,
            stem_width=self.stem_width,
            block=self.block,
            strides=self.strides,
            se_ratio=self.se_ratio,
            head_width=self.head_width,
            classes=self.classes,
            activation=self.activation,
        )

    def _check_names(self) -> None:
        for name, known in (("stem", STEMS), ("block", BLOCKS), ("activation", ACTIVATIONS)):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in known:
                raise InvalidArchitecture(f"{name} is one of {', '.join(known)}, got {getattr(self, name)!r}")

    def _check_numbers(self) -> None:
        for name, low in (("stem_width", 1), ("head_width", 0), ("classes", 2)):
            if not _whole(getattr(self, name), low, MOST_CHANNELS):
                raise InvalidArchitecture(
                    f"{name} is a whole number from {low} to {MOST_CHANNELS:,}, got {getattr(self, name)!r}"
                )
        if not _real(self.se_ratio) or not 0 <= self.se_ratio <= 16:
            raise InvalidArchitecture(f"se_ratio is a number from 0 to 16, got {self.se_ratio!r}")
        stages = len(self.depths)
        if not 1 <= stages <= MOST_STAGES:
            raise InvalidArchitecture(f"a network has 1 to {MOST_STAGES} stages, got {stages} depths")
        for name in ("depths", "widths", "strides", "bottleneck_ratios", "group_widths"):
            values = getattr(self, name)
            if not values and name in ("bottleneck_ratios", "group_widths"):
                continue  # left out: b = 1, one group
            if len(values) != stages:
                raise InvalidArchitecture(f"{stages} depths ask for {stages} {name}, got {list(values)}")
            if name == "bottleneck_ratios":
                good = all(_real(value) and RATIOS[0] <= value <= RATIOS[1] for value in values)
                rule = f"numbers from 1/{RATIOS[1]} to {RATIOS[1]}"
            else:
                most = _MOST.get(name, MOST_CHANNELS)
                good = all(_whole(value, 1, most) for value in values)
                rule = f"whole numbers from 1 to {most:,}"
            if not good:
                raise InvalidArchitecture(f"{name} are {rule}, got {list(values)}")

    def _canonical(self) -> dict[str, Any]:
        rule = BLOCKS[self.block]
        ones = (1,) * len(self.depths)
        ratios = (self.bottleneck_ratios or ones) if rule.bottleneck else ones
        ratios = tuple(int(b) if float(b).is_integer() else float(b) for b in ratios)
        inner = tuple(round(w / b) for w, b in zip(self.widths, ratios, strict=True))
        groups = (self.group_widths or inner) if rule.grouped else inner
        se = float(self.se_ratio) if rule.squeezes else 0.0
        return {"bottleneck_ratios": ratios, "group_widths": tuple(groups), "se_ratio": se}

    def _check_groups(self) -> None:
        for w, b, inner, g in zip(
            self.widths, self.bottleneck_ratios, self.bottleneck_widths, self.group_widths, strict=True
        ):
            if inner < 1 or inner % g:
                raise InvalidArchitecture(
                    f"the bottleneck width is a multiple of the group width, got width {w}, bottleneck ratio {b}, "
                    f"so {inner} channels in groups of {g}; choose a width that divides"
                )

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.kind, "schema": self.schema, **plain}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Staged:
        """Read `to_json`'s form. What may be left out has the value of the paper's RegNetX.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or numbers no network can have.
        """
        known = sorted(field.name for field in fields(cls))
        given = form_of(value, "staged networks", known, ("depths", "widths", "strides"))
        plural = ("depths", "widths", "strides", "bottleneck_ratios", "group_widths")
        for name in plural:
            if name in given and not isinstance(given[name], list | tuple):
                raise InvalidArchitecture(f"{name} is a list with one number per stage, got {given[name]!r}")
        read: dict[str, Any] = {name: tuple(entry) if name in plural else entry for name, entry in given.items()}
        return cls(**read)

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        return network_complexity(self, resolution)

    def layers(self, resolution: int) -> list[Layer]:
        """Every layer that is counted (`regnas.layers.SupportsLayers`)."""
        found = LayerList()
        count_staged(found, self._batch, self.template, resolution)
        return found.layers

    def peak_elements(self, resolution: int) -> int:
        """Elements of activations at the peak (`regnas.memory.SupportsMemory`)."""
        return peak_elements(self, resolution)

    @property
    def _batch(self) -> StagedBatch:
        """The network as arrays of one."""
        return StagedBatch(
            depths=np.array([self.depths]),
            widths=np.array([self.widths]),
            bottleneck_ratios=np.array([self.bottleneck_ratios], dtype=np.float64),
            group_widths=np.array([self.group_widths]),
        )

    def features(self) -> dict[str, float]:
        """Numbers for predictors: blocks in all, depths and log widths of the first four stages.

        A stage that is not there has no block, and the width of the last one.
        """
        missing = max(0, _FEATURED - self.stages)
        depths = [*self.depths, *[0] * missing][:_FEATURED]
        widths = [*self.widths, *[self.widths[-1]] * missing][:_FEATURED]
        return {
            "depth": float(sum(self.depths)),
            **{f"depth_{stage}": float(depth) for stage, depth in enumerate(depths, 1)},
            **{f"log_width_{stage}": math.log(width) for stage, width in enumerate(widths, 1)},
        }

    def numbers(self) -> dict[str, float]:
        """Numbers by name: those of the JSON form, from which `features` follow."""
        return json_numbers(self.to_json())

    @property
    def scales(self) -> tuple[str, ...]:
        """Depth and width of its stages."""
        return ("depth", "width")

    def asked(self, scaling: Scaling) -> dict[str, tuple[float, ...]]:
        """Depths, widths and, where blocks have groups, group widths before they are rounded."""
        found = {
            "depths": tuple(scaling.depth * depth for depth in self.depths),
            "widths": tuple(scaling.width * width for width in self.widths),
        }
        grouped = {"group_widths": tuple(scaling.group * width for width in self.group_widths)}
        return found | (grouped if BLOCKS[self.block].grouped else {})

    def scaled(self, scaling: Scaling) -> Staged:
        """With its stages scaled (`regnas.search_spaces.staged.compatibility.scaled_stages`).

        Raises:
            InvalidArchitecture: too many blocks or channels.
        """
        grouped = BLOCKS[self.block].grouped
        ratios = self.bottleneck_ratios if grouped else (1,) * self.stages
        groups = self.group_widths if grouped else (1,) * self.stages
        depths, widths, groups = scaled_stages(scaling, self.depths, self.widths, ratios, groups)
        return replace(self, depths=depths, widths=widths, group_widths=groups if grouped else ())

    def summary(self) -> Summary:
        """Depths and widths of the stages in a line."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """A row per stage."""
        return views.tables(self, resolution)

    def profile(self) -> Profile:
        """The width of every block."""
        return views.profile(self)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Block width against block index."""
        views.draw(self, axes, params)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """Depths, widths and ``e_fit``."""
        return views.quantities(self, told)

    def build(self) -> torch.nn.Module:
        """A new module, initialised as the authors do from torch's current seed."""
        from regnas.search_spaces.staged.modules.network import StagedNetwork

        return StagedNetwork(self)


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
