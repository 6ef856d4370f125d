"""A data set: grey stripes in three directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regnas.dataset import Regime, Source, Split, held_out
from regnas.errors import UsageError
from regnas.images import Images
from regnas.sampling import keyed


def stripes(source: Source) -> Stripes:
    """The entry point. A data set that reads files finds them below ``source.root``."""
    if source.argument:
        raise UsageError(f"stripes takes no argument, got {source.argument!r}")
    return Stripes(source.resolution or 16)


@dataclass(frozen=True)
class Stripes:
    resolution: int

    name: ClassVar[str] = "stripes"
    class_names: ClassVar[tuple[str, ...]] = ("level", "upright", "slanting")

    @property
    def regime(self) -> Regime:
        """How networks are compared on these images where the user says nothing else."""
        return Regime(Images(self.resolution, classes=3), flops=":1M", epochs=2, flip=False)

    def fit(self) -> tuple[Split, Split]:
        """Training and validation images. Test images are none of these: a search never asks for them."""
        everything = _draw("fit", 240, self.resolution)
        out = held_out(everything.labels, 0.25, "stripes")
        return everything[~out], everything[out]

    def test(self) -> Split:
        return _draw("test", 60, self.resolution)


def _draw(part: str, count: int, size: int) -> Split:
    rng = keyed.generator("stripes", part)
    labels = np.arange(count) % 3
    steps = np.array([(1, 0), (0, 1), (1, 1)])[labels]
    down, across = np.mgrid[:size, :size]
    phases = steps[:, 0, None, None] * down + steps[:, 1, None, None] * across + rng.integers(4, size=(count, 1, 1))
    images = 120 * (phases % 4 < 2) + rng.integers(100, size=(count, size, size))
    return Split(images[:, None].astype(np.uint8), labels.astype(np.int64))
