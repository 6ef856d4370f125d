"""Meters: what measures networks in one way, where a measure's numbers depend on more than the network.

A `regnas.measure.Measure` that says ``meter`` makes one from a user's options. It is carried by the space
(`regnas.design_space.Space.meters`), which asks it in place of the measure's ``measured_by``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.design_space import Images, Space


@runtime_checkable
class Meter(Protocol):
    """Measures networks one at a time, and remembers: equal arguments give equal numbers."""

    def measure(self, architecture: Architecture, images: Images, device: str) -> float:
        """The number of a network for images, where candidates compute on a device."""

    def said(self, device: str) -> str:
        """What the numbers depend on beside the network, in a line: part of the identity of a study."""

    def told(self, device: str) -> Mapping[str, Any]:
        """What best.json says of how was measured, JSON values."""

    def heard_by(self, say: Callable[[str], None]) -> None:
        """From now on, say by ``say`` what a user should hear while it measures."""


class Foresight(Protocol):
    """What is known of networks that are not measured yet."""

    def refuses(self, architecture: Architecture) -> str | None:
        """Why a network is not worth measuring, in words, or None where it is."""


@runtime_checkable
class SupportsForesight(Protocol):
    """A meter that can tell beforehand which networks are likely to lie inside bounds."""

    def foresee(self, space: Space, name: str) -> Foresight:
        """What is known of the networks of a space; the same at every call, and in every process.

        Args:
            name: of the measure, on which the space's window has bounds.

        Raises:
            InfeasibleWindow: no network of the space lies inside the bounds.
        """


MakeMeter: TypeAlias = Callable[[Mapping[str, Any], Path | None], Meter]
