"""Networks made larger or smaller: factors, and what becomes of a network and its resolution by them.

A rule (docs/scaling.md) says the factors; a family of networks heeds those that it has a part for, and rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Protocol, runtime_checkable

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.images import RESOLUTIONS

Rounding = Literal["even", "up"]

_BOUNDS = (1e-6, 1e6)  # of a factor
_EIGHT, _FOUR = 8, 4
_LEAST_SHARE = 0.9  # of a width that rounding up leaves, Sandler et al. 2018


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Factors by which a network is scaled; 1 leaves what it is of untouched.

    Attributes:
        depth: of the number of blocks, layers or cells.
        width: of channels.
        group: of channels per group; families without groups leave it.
        resolution: of the pixels of a side.
        rounding: ``even`` rounds to the nearest, half to even, as Dollar et al. 2021 do; ``up`` rounds depths up, and
            widths to the nearest that is not below 90 %, as EfficientNet does.

    Raises:
        UsageError: a factor that is no number between 1e-6 and 1e6, or another rounding.
    """

    depth: float = 1.0
    width: float = 1.0
    group: float = 1.0
    resolution: float = 1.0
    rounding: Rounding = "even"

    def __post_init__(self) -> None:
        low, high = _BOUNDS
        for one in fields(self)[:-1]:
            value = getattr(self, one.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise UsageError(f"a factor of {one.name} is a number from {low:g} to {high:g}, got {value!r}")
        if self.rounding not in ("even", "up"):
            raise UsageError(f"rounding is even or up, got {self.rounding!r}")


@runtime_checkable
class SupportsScaling(Protocol):
    """An architecture that can be made larger or smaller."""

    @property
    def scales(self) -> tuple[str, ...]:
        """Which of ``depth`` and ``width`` it can be scaled in."""

    def asked(self, scaling: Scaling) -> Mapping[str, tuple[float, ...]]:
        """What factors ask for before anything is rounded, numbers by name; by factors of 1, what the network has."""

    def scaled(self, scaling: Scaling) -> Architecture:
        """The network of the same kind, with as many outputs. Factors of 1 give an equal network.

        It is called with factors other than 1 only of what it `scales`.

        Raises:
            InvalidArchitecture: no network can have these numbers.
        """


@runtime_checkable
class SupportsLeastResolution(Protocol):
    """An architecture that pictures can be too small for."""

    @property
    def least_resolution(self) -> int:
        """Pixels of a side below which a layer would shrink a map of one pixel."""


def scale(architecture: Architecture, resolution: int, scaling: Scaling) -> tuple[Architecture, int]:
    """A network and its pixels of a side, scaled.

    Raises:
        UsageError: the network cannot be scaled, or not in depth or in width; or there are no such resolutions, or
            they are too small for its strides.
        InvalidArchitecture: no network can have the scaled numbers.
    """
    if not isinstance(architecture, SupportsScaling):
        raise UsageError(
            f"a network of the kind {architecture.kind} cannot be scaled: it has no method scaled "
            "(regnas.scaling.SupportsScaling); name a network of another family"
        )
    for name in ("depth", "width"):
        if getattr(scaling, name) != 1 and name not in architecture.scales:
            raise UsageError(
                f"a network of the kind {architecture.kind} cannot be scaled in {name}, only in "
                f"{' and '.join(architecture.scales) or 'resolution'}; take another rule"
            )
    made, pixels = architecture.scaled(scaling), scaled_resolution(resolution, scaling)
    if isinstance(made, SupportsLeastResolution) and pixels < made.least_resolution:
        raise UsageError(
            f"images of {pixels} px are too small for the strides of the network: a layer would shrink a map of 1 px; "
            f"it takes {made.least_resolution} px or more, so begin with more by --resolution, or take another rule"
        )
    return made, pixels


def scaled_depth(depth: int, scaling: Scaling) -> int:
    """A number of blocks, at least 1; rounded up from the product as floats give it: 1.1 x 50 is above 55, and so 56.

    Source: Tan & Le 2019 (arXiv 1905.11946), the authors' ``round_repeats``; Dollar et al. 2021 (arXiv 2103.06877),
    pycls ``models/scaler.py``.
    """
    if scaling.depth == 1:
        return depth
    product = scaling.depth * depth
    return max(1, math.ceil(product) if scaling.rounding == "up" else round(product))


def scaled_width(width: int, scaling: Scaling, multiple: int = _EIGHT) -> int:
    """Channels: a multiple of ``multiple``, at least one.

    Source: as of `scaled_depth`; the authors' ``round_filters``.
    """
    if scaling.width == 1:
        return width
    product = scaling.width * width
    if scaling.rounding == "even":
        return max(1, round(product / multiple)) * multiple
    found = max(multiple, int(product + multiple / 2) // multiple * multiple)
    return found + multiple if found < _LEAST_SHARE * product else found


def scaled_group(group: int, scaling: Scaling) -> int:
    """Channels of a group: up to 2 as they are, up to 5 become 4, else a multiple of 8.

    Source: Dollar et al. 2021, pycls ``models/scaler.py``.
    """
    if scaling.group == 1:
        return group
    found = max(1, round(scaling.group * group))
    return found if found <= 2 else _FOUR if found <= 5 else round(found / _EIGHT) * _EIGHT


def scaled_resolution(resolution: int, scaling: Scaling) -> int:
    """Pixels of a side: a multiple of 4, at least 4, whatever the rounding.

    Raises:
        UsageError: more than images may have.

    Source: Dollar et al. 2021, pycls ``models/scaler.py``. EfficientNet's own come from a table.
    """
    if scaling.resolution == 1:
        return resolution
    found = max(1, round(scaling.resolution * resolution / _FOUR)) * _FOUR
    if found > RESOLUTIONS[1]:
        raise UsageError(f"images have up to {RESOLUTIONS[1]:,} px, and the factor asks for {found:,}; scale by less")
    return found
