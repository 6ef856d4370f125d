"""EfficientNet's compound scaling as a space of three factors (Tan and Le 2019, arXiv 1905.11946, equation 3).

Widths, stem and head by ``round_filters``, depths rounded up: exactly as in tensorflow/tpu ``efficientnet``, in its
order of floating-point operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from regnas.dimension import Dimension, LogUniform
from regnas.errors import UsageError
from regnas.sampling.batch import Columns, Params
from regnas.search_spaces.mobile.batch import MobileRows
from regnas.search_spaces.mobile.complexity import MobileBatch
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.mobile.published import BASES, round_filters
from regnas.search_spaces.mobile.space import MobileSpace, too_small
from regnas.search_spaces.mobile.stage import SKIPS, Stage

_FACTORS = (1 / 64, 64.0)
_SMALL = "maps too small for the strides"


@dataclass(frozen=True, kw_only=True)
class EfficientNetSpace(MobileSpace):
    """Parameters ``width``, ``depth`` and ``resolution``: factors of a base network.

    A network brings pictures to ``resolution`` times the images' pixels before its stem, to a whole number of them.

    Attributes:
        base: name of the network whose stages are scaled.
        said: whether the activation was said, and is no longer that of the base.
    """

    base: str = "b0"
    said: bool = False

    def with_option(self, key: str, value: str) -> Self | None:
        """With another base, or what all mobile spaces have.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key == "activation":
            made = super().with_option(key, value)
            return None if made is None else replace(made, said=True)
        if key != "base":
            return super().with_option(key, value)
        if value not in BASES:
            raise UsageError(f"base is one of {', '.join(BASES)}, got {value!r}")
        return replace(self, base=value, activation=self.activation if self.said else BASES[value].activation)

    @property
    def base_stages(self) -> tuple[Stage, ...]:
        """The stages that are scaled, with the strides published."""
        return read_line(BASES[self.base].line)

    def check(self, name: str, value: Any) -> None:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not _FACTORS[0] <= value <= _FACTORS[1]:
            raise UsageError(
                f"{name} is a factor of {self.base}'s, a number from 1/{_FACTORS[1]:.0f} to {_FACTORS[1]:.0f}, got "
                f"{value!r}"
            )

    def arrays(self, columns: Columns) -> MobileBatch:
        width, depth, resolution = (
            np.asarray(columns[name], dtype=np.float64) for name in ("width", "depth", "resolution")
        )
        base, stages, count = BASES[self.base], self.base_stages, len(width)

        def of_each(values: list[Any]) -> Any:
            return np.repeat(np.array(values)[:, None], count, axis=1)

        sizes = np.floor(resolution * self.resolution + 0.5).astype(np.int64)
        head = round_filters(width * base.head) if self.head_width is None else np.full(count, self.head_width)
        return MobileBatch(
            ops=of_each([stage.code for stage in stages]),
            kernels=of_each([stage.kernel for stage in stages]),
            se=of_each([stage.se for stage in stages]),
            skips=of_each([SKIPS.index(stage.skip) for stage in stages]),
            widths=np.stack([round_filters(width * stage.width) for stage in stages]),
            depths=np.stack([np.ceil(depth * stage.depth).astype(np.int64) for stage in stages]),
            stem=round_filters(width * base.stem),
            head=head,
            sizes=np.where(sizes == self.resolution, 0, sizes),
        )

    def member(self, params: Params) -> str | None:
        size = math.floor(params["resolution"] * self.resolution + 0.5)
        return None if size >= 1 and too_small(self.template, size) is None else _SMALL

    def batch(self, columns: Columns) -> MobileRows:
        found = super().batch(columns)
        sizes = np.where(found.networks.sizes, found.networks.sizes, self.resolution)
        small = np.array([size for size in np.unique(sizes) if too_small(self.template, int(size)) is not None])
        if not len(small):
            return found
        good = ~np.isin(sizes, small)
        kept = np.flatnonzero(good)
        return replace(found, rows=kept, networks=found.networks.take(kept), rejected={_SMALL: int((~good).sum())})


def efficientnet() -> EfficientNetSpace:
    """The entry point."""
    laws: dict[str, Dimension] = {
        "width": LogUniform(0.1, 2.0, 0.01),
        "depth": LogUniform(0.2, 3.2, 0.1),
        "resolution": LogUniform(0.6, 2.7, 0.05),
    }
    usual = tuple(stage.stride for stage in read_line(BASES["b0"].line))
    return EfficientNetSpace(name="efficientnet", laws=tuple(laws.items()), usual_strides=usual, activation="silu")
