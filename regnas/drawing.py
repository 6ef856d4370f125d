"""How a network is drawn, whatever its kind: views as those of `regnas.describe`, for pictures.

Matplotlib is imported where something is drawn, and nothing here uses its global state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regnas.describe import Network, rebuilt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes", Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A number along a network, such as the width of every block.

    Attributes:
        values: from the image to the head.
        x, y: what is counted, and what the number is, in a word each: ``block`` and ``width``.
        unit: of the number, such as ``channels``.
    """

    values: tuple[float, ...]
    x: str
    y: str
    unit: str


@runtime_checkable
class SupportsProfile(Protocol):
    """An architecture with a number along it: networks of one kind can be drawn over one another."""

    def profile(self) -> Profile:
        """The number, with the same ``x``, ``y`` and ``unit`` for all networks of the kind."""


@runtime_checkable
class SupportsDrawing(Protocol):
    """An architecture that draws itself; one that has a profile need not."""

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Draw the network onto empty axes of about 5 by 3 inches, all but the title.

        Args:
            params: the point of the space that it is, as far as known; may be empty.
        """


def profile(network: Network) -> Profile | None:
    """The number along a network, or None where it has none."""
    found = rebuilt(network)
    return found.profile() if isinstance(found, SupportsProfile) else None


def drawing(network: Network) -> Draw | None:
    """What draws a network onto axes, given its parameters as far as known; None where it has no picture."""
    found = rebuilt(network)
    if isinstance(found, SupportsDrawing):
        return found.draw
    return partial(_draw_profile, found.profile()) if isinstance(found, SupportsProfile) else None


def draw_steps(axes: Axes, shown: Profile) -> None:
    """A profile as steps with a dot each, and the axes that belong to it."""
    from matplotlib.ticker import MaxNLocator

    places = range(1, len(shown.values) + 1)
    label = f"{shown.x} {shown.y}"
    axes.step(places, shown.values, where="mid", color="C0", marker="o", markersize=3, label=label)
    axes.set(xlabel=f"{shown.x} index", ylabel=f"{shown.y} ({shown.unit})")
    profile_scale(axes, [shown])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)


def profile_scale(axes: Axes, shown: Iterable[Profile]) -> None:
    """Powers of two on the axis of profiles; a plain axis where a number is not positive."""
    if all(value > 0 for one in shown for value in one.values):
        axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")


def _draw_profile(shown: Profile, axes: Axes, params: Mapping[str, Any]) -> None:
    draw_steps(axes, shown)
