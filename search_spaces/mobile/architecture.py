"""Mobile networks as values: stem, stages of equal layers, a 1x1 convolution, pooling, a linear layer.

Source: Sandler et al. 2018 (MobileNetV2, arXiv 1801.04381), Tan et al. 2019 (MnasNet, arXiv 1807.11626), Tan and Le
2019 (EfficientNet, arXiv 1905.11946); exact semantics as in the authors' code (tensorflow/tpu). Nothing here imports
torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.describe import json_numbers
from regnas.errors import InvalidArchitecture
from regnas.scaling import Scaling, scaled_depth, scaled_resolution, scaled_width
from regnas.search_spaces.mobile import views
from regnas.search_spaces.mobile.complexity import MobileBatch, Template, least_resolution, mobile_complexity
from regnas.search_spaces.mobile.stage import SKIPS, Stage

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable
    from regnas.drawing import Profile

ACTIVATIONS = ("relu", "silu", "relu6")
MOST_STAGES = 100
# least and most of the whole numbers
BOUNDS = {
    "stem_width": (1, 1 << 20),
    "stem_stride": (1, 4),
    "head_width": (0, 1 << 20),
    "classes": (2, 1 << 20),
    "input_size": (0, 65_536),
}
_FEATURED = 7  # stages that predictors are told of


@dataclass(frozen=True, kw_only=True)
class Mobile:
    """One mobile network. Equal values are equal networks: a skip that no layer can have is ``identity``.

    Attributes:
        stem_width, stem_stride: of the 3x3 convolution that comes first.
        head_width: channels of the 1x1 convolution before pooling; 0 is none.
        input_size: pixels of a side to which pictures are brought before the stem; 0 leaves them as they come.
        norm_eps: what normalisations add to a variance; the authors' code has 1e-3, timm and torchvision mostly 1e-5.

    Raises:
        InvalidArchitecture: a number outside its bounds, an unknown activation, or no stages.
    """

    stages: tuple[Stage, ...]
    stem_width: int = 32
    stem_stride: int = 2
    head_width: int = 1280
    activation: str = "relu"
    input_size: int = 0
    norm_eps: float = 1e-5
    classes: int = 1000

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidArchitecture(f"{name} is a whole number from {low} to {high:,}, got {value!r}")
        if self.activation not in ACTIVATIONS:
            raise InvalidArchitecture(f"activation is one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        eps = self.norm_eps
        if isinstance(eps, bool) or not isinstance(eps, int | float) or not 0 < eps < 1:
            raise InvalidArchitecture(f"norm_eps is a number above 0 and below 1, got {eps!r}")
        if not 1 <= len(self.stages) <= MOST_STAGES or not all(isinstance(one, Stage) for one in self.stages):
            raise InvalidArchitecture(f"a mobile network has 1 to {MOST_STAGES} stages, got {self.stages!r}"[:200])
        stages = (
            one if one.skip == "identity" or one.keeps(wide_in) else replace(one, skip="identity")
            for one, wide_in in zip(self.stages, self.inputs, strict=True)
        )
        object.__setattr__(self, "stages", tuple(stages))

    @property
    def kind(self) -> str:
        return "mobile"

    @property
    def schema(self) -> int:
        return 1

    @property
    def inputs(self) -> tuple[int, ...]:
        """Channels that come into each stage."""
        return (self.stem_width, *(stage.width for stage in self.stages[:-1]))

    @property
    def skips(self) -> tuple[str, ...]:
        """What each stage adds to those of its layers that keep size and width; ``none`` where there are none."""
        pairs = zip(self.stages, self.inputs, strict=True)
        return tuple(stage.skip if stage.keeps(wide_in) else "none" for stage, wide_in in pairs)

    @property
    def template(self) -> Template:
        """What all networks of one space share."""
        return Template(self.stem_stride, tuple(stage.stride for stage in self.stages), self.classes)

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, "schema": self.schema, **values, "stages": [asdict(stage) for stage in self.stages]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Mobile:
        """Read `to_json`'s form; all but the stages' widths may be left out.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or values no network can have.
        """
        given = form_of(value, "mobile networks", [field.name for field in fields(cls)])
        stages = given.pop("stages", None)
        if not isinstance(stages, list | tuple) or not all(isinstance(stage, Mapping) for stage in stages):
            raise InvalidArchitecture(f"stages are a list with one object per stage, got {stages!r}"[:200])
        for stage in stages:
            form_of(stage, "stages of mobile networks", [field.name for field in fields(Stage)], ("width",))
        return cls(stages=tuple(Stage(**stage) for stage in stages), **given)

    @property
    def batch(self) -> MobileBatch:
        """The network as arrays of one."""

        def column(*values: Any) -> Any:
            return np.array([[value] for value in values])

        stages = self.stages
        return MobileBatch(
            ops=column(*(stage.code for stage in stages)),
            kernels=column(*(stage.kernel for stage in stages)),
            se=column(*(stage.se for stage in stages)),
            skips=column(*(SKIPS.index(stage.skip) for stage in stages)),
            widths=column(*(stage.width for stage in stages)),
            depths=column(*(stage.depth for stage in stages)),
            stem=np.array([self.stem_width]),
            head=np.array([self.head_width]),
            sizes=np.array([self.input_size]),
        )

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        return mobile_complexity(self.batch, self.template, resolution).row(0)

    def features(self) -> dict[str, float]:
        """Numbers for predictors: layers in all, and what the first seven stages are.

        A stage that is not there has no layer, and the width of the last one.
        """
        found = {"depth": float(sum(stage.depth for stage in self.stages))}
        for place in range(_FEATURED):
            there = place < len(self.stages)
            stage = self.stages[place if there else -1]
            found |= {
                f"depth_{place + 1}": float(stage.depth * there),
                f"log_width_{place + 1}": math.log(stage.width),
                f"log_expansion_{place + 1}": math.log(stage.expansion) * there,
                f"fused_{place + 1}": float((stage.block == "fused") * there),
                f"kernel_{place + 1}": float(stage.kernel * there),
                f"se_{place + 1}": stage.se * there,
                f"adds_{place + 1}": float(there and self.skips[place] != "none"),
            }
        return found

    def numbers(self) -> dict[str, float]:
        """Numbers by name: those of the JSON form, from which `features` follow."""
        return json_numbers(self.to_json())

    @property
    def least_resolution(self) -> int:
        """See `regnas.scaling.SupportsLeastResolution`; one that brings pictures to a size of its own takes any."""
        return 1 if self.input_size else least_resolution(self.template)

    @property
    def scales(self) -> tuple[str, ...]:
        """Layers of every stage, and all widths."""
        return ("depth", "width")

    def asked(self, scaling: Scaling) -> dict[str, tuple[float, ...]]:
        """Depths and widths before they are rounded, and the pixels that pictures are brought to, where they are."""
        rest = {
            "head_width": (scaling.width * self.head_width,),
            "input_size": (scaling.resolution * self.input_size,),
        }
        return {
            "depths": tuple(scaling.depth * stage.depth for stage in self.stages),
            "widths": tuple(scaling.width * stage.width for stage in self.stages),
            "stem_width": (scaling.width * self.stem_width,),
            **{name: values for name, values in rest.items() if getattr(self, name)},  # 0 is none
        }

    def scaled(self, scaling: Scaling) -> Mobile:
        """The same layers, more or fewer of them, and wider or narrower, stem and head included; multiples of 8.

        Source: Tan and Le 2019 (arXiv 1905.11946) and Dollar et al. 2021 (arXiv 2103.06877), whose codes scale stem and
        head of EfficientNet, too.

        Raises:
            InvalidArchitecture: more layers or channels than there may be.
        """
        stages = (
            replace(stage, depth=scaled_depth(stage.depth, scaling), width=scaled_width(stage.width, scaling))
            for stage in self.stages
        )
        return replace(
            self,
            stages=tuple(stages),
            stem_width=scaled_width(self.stem_width, scaling),
            head_width=scaled_width(self.head_width, scaling) if self.head_width else 0,
            input_size=scaled_resolution(self.input_size, scaling) if self.input_size else 0,
        )

    def summary(self) -> Summary:
        """The stages in the line that spaces and timm read."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """A row per stage."""
        return views.tables(self, resolution)

    def profile(self) -> Profile:
        """The width of every layer."""
        return views.profile(self)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Width of the layers, and what the stages are."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """Layers, depths and widths, the share of large kernels and of squeeze-and-excitation."""
        return views.quantities(self, told)

    def build(self) -> torch.nn.Module:
        """A new module, initialised as the authors do from torch's current seed."""
        from regnas.search_spaces.mobile.network import MobileNetwork

        return MobileNetwork(self)
