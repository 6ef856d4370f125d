"""What mobile spaces share: the template of the network, how it heeds images, and options that change it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from regnas.baseline import Baseline
from regnas.design_space import Space
from regnas.dimension import Dimension, Range, values_of
from regnas.errors import UsageError
from regnas.measure import BUILT_IN
from regnas.overrides import number
from regnas.sampling.batch import Columns, Params, column
from regnas.search_spaces.mobile.architecture import ACTIVATIONS, BOUNDS, Mobile
from regnas.search_spaces.mobile.batch import MobileRows, Shared, network_of
from regnas.search_spaces.mobile.complexity import MobileBatch, Template, least_resolution, map_sizes
from regnas.search_spaces.mobile.stage import MOST

STEM_STRIDES = (1, 2)
HEAD = 1280
_PUBLISHED_STAGES = 7


@dataclass(frozen=True, kw_only=True)
class MobileSpace(Space):
    """A space of mobile networks. What is None is the data set's wish, or else what was published.

    Attributes:
        laws: every parameter with its law.
        usual_strides: of the stages, as published for 224 px.
    """

    laws: tuple[tuple[str, Dimension], ...]
    usual_strides: tuple[int, ...]
    activation: str = "relu"
    norm_eps: float = 1e-5
    stem_stride: int | None = None
    strides: tuple[int, ...] | None = None
    head_width: int | None = None

    known_costs = BUILT_IN

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: law for name, law in self.laws if name not in tied}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        ends = (dimension.low, dimension.high) if isinstance(dimension, Range) else values_of(dimension)
        for value in ends:
            self.check(name, value)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def with_option(self, key: str, value: str) -> Self | None:
        """With another activation, stem stride, strides, head width or number that normalisations add to a variance.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key == "activation":
            if value not in ACTIVATIONS:
                raise UsageError(f"activation is one of {', '.join(ACTIVATIONS)}, got {value!r}")
            return replace(self, activation=value)
        if key == "stem_stride":
            return replace(self, stem_stride=option_number(key, value, *STEM_STRIDES))
        if key == "head_width":
            return replace(self, head_width=option_number(key, value, *BOUNDS[key]))
        if key == "strides":
            return replace(self, strides=self._strides(value))
        if key == "norm_eps":
            eps = number(value)
            if eps is None or not 0 < eps < 1:
                raise UsageError(f"norm_eps is a number above 0 and below 1, got {value!r}")
            return replace(self, norm_eps=float(eps))
        return None

    def _strides(self, text: str) -> tuple[int, ...]:
        parts = [number(part) for part in text.split("-")]
        if not all(isinstance(part, int) and 1 <= part <= MOST["stride"] for part in parts):
            raise UsageError(f"strides are whole numbers up to {MOST['stride']:,} such as 1-2-2-2, got {text!r}")
        if len(parts) != len(self.usual_strides):
            count = len(self.usual_strides)
            raise UsageError(f"{count} stages ask for {count} strides, got {text!r}")
        return tuple(int(part) for part in parts if part is not None)

    @property
    def template(self) -> Template:
        """What the networks of this space on its images share.

        Raises:
            UsageError: the images are too small for the strides.
        """
        wished = self.images.strides
        strides = self.strides or (self.usual_strides if wished is None else latest(self.usual_strides, wished))
        stem = self.stem_stride or min(self.images.stem_stride or STEM_STRIDES[-1], STEM_STRIDES[-1])
        found = Template(stem, strides, self.classes)
        if (stage := too_small(found, self.resolution)) is not None:
            raise UsageError(
                f"images of {self.resolution} px are too small for the strides {'-'.join(map(str, strides))} behind a "
                f"stem of stride {stem}: stage {stage} would shrink a map of 1 px; take --resolution "
                f"{least_resolution(found)} or more, or {self.name}[strides=...] with fewer that shrink"
            )
        return found

    @property
    def shared(self) -> Shared:
        """What all its networks have in common."""
        return Shared(self.template, self.activation, self.norm_eps)

    def sees(self) -> str:
        return f"stem and stages see {', '.join(map(str, map_sizes(self.template, self.resolution)))} px"

    def baselines(self) -> Sequence[Baseline]:
        """MobileNetV2 and MnasNet-A1 as wide as the window allows, where the space has as many stages as they have."""
        from regnas.search_spaces.mobile.baselines import baselines

        return tuple(baselines(self)) if len(self.usual_strides) == _PUBLISHED_STAGES else ()

    @abstractmethod
    def check(self, name: str, value: Any) -> None:
        """Raise `UsageError` where no network can have this value."""

    @abstractmethod
    def arrays(self, columns: Columns) -> MobileBatch:
        """The networks of points, every parameter ``(n,)``."""

    def decode(self, params: Params) -> Mobile:
        for name, value in params.items():
            self.check(name, value)
        kinds = {name: np.dtype(object if isinstance(value, str) else type(value)) for name, value in params.items()}
        one = self.arrays({name: column([value], kinds[name]) for name, value in params.items()})
        return network_of(self.shared, one)

    def batch(self, columns: Columns) -> MobileRows:
        networks = self.arrays(columns)
        return MobileRows(self.shared, np.arange(len(networks)), networks, {})


def latest(usual: Sequence[int], wished: Sequence[int]) -> tuple[int, ...]:
    """The strides of stages that shrink a map by no more than a data set's together: the latest stages keep theirs.

    So small pictures are large for longest where networks are narrow, as MobileNetV2 is usually brought to CIFAR-10.

    >>> latest((1, 2, 2, 2, 1, 2, 1), (1, 2, 2, 2))
    (1, 1, 2, 2, 1, 2, 1)
    """
    left, found = math.prod(wished), []
    for stride in reversed(usual):
        keeps = left % stride == 0
        left //= stride if keeps else 1
        found.append(stride if keeps else 1)
    return tuple(reversed(found))


def too_small(template: Template, resolution: int) -> int | None:
    """The first stage, from 1, that would shrink a map of one pixel; None where none would."""
    sizes = map_sizes(template, resolution)
    pairs = enumerate(zip(sizes, template.strides, strict=False), 1)
    return next((stage for stage, (size, stride) in pairs if size == 1 and stride > 1), None)


def option_number(key: str, text: str, least: int, most: int) -> int:
    """The whole number of an option.

    Raises:
        UsageError: it is none, or outside its bounds.
    """
    whole = number(text)
    if not isinstance(whole, int) or not least <= whole <= most:
        raise UsageError(f"{key} is a whole number from {least} to {most:,}, got {text!r}")
    return whole
