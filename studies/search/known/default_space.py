"""The space of a search that names none: what held the best networks of its images and window (docs/regime.md)."""

from __future__ import annotations

from dataclasses import dataclass

from regnas.evaluator import Task, make_evaluator
from regnas.studies.search.regime import images_of
from regnas.window import Window, parse_bounds

AUTO = "auto"
USUAL = "regnetx"  # where nothing was measured


@dataclass(frozen=True)
class Measured:
    """Images and windows for which spaces were compared, and the one that held the best networks."""

    pixels: tuple[int, int]
    flops: tuple[float, float]  # within which the window's upper end lies
    space: str

    def covers(self, pixels: int, flops: float | None) -> bool:
        """Whether it was measured for such images and networks."""
        return (
            self.pixels[0] <= pixels <= self.pixels[1] and flops is not None and self.flops[0] <= flops <= self.flops[1]
        )


MEASURED = (Measured((24, 48), (2e6, 10e6), "anynetx-e[block=basic,depth=1:4,stages=3]"),)


def default_space(evaluator: str, task: Task, window: Window) -> str:
    """The spec of a space.

    Args:
        evaluator: spec; where it brings its own images, such as a table, nothing was measured.
        window: what is asked for; the data set's own where it is open.

    Raises:
        UsageError, DataError, PluginNotFound: no such evaluator or data set.
    """
    data = images_of(make_evaluator(evaluator, task), task)
    if data is None:
        return USUAL
    bounds = parse_bounds(data.regime.flops, "flops") if window.open else window.flops
    return held(data.regime.images.resolution, bounds.high)


def held(pixels: int, flops: float | None) -> str:
    """The space for images of so many pixels a side and networks up to so many flops; None is any number."""
    return next((one.space for one in MEASURED if one.covers(pixels, flops)), USUAL)
