"""The contract of formats that are files for a runtime: a trained network with its weights and preprocessing.

Such a format is a plug-in of ``regnas.formats`` as others are (`regnas.format`); it has no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.pictures import Pixels
from regnas.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

OUTSIDE, INSIDE = PLACES = ("outside", "inside")
LAYOUTS = ("nhwc", "nchw")
IMAGES, PIXELS, LOGITS = "images", "pixels", "logits"  # names of inputs, normalised or not, and of the output


@dataclass(frozen=True, eq=False)
class Shipment:
    """A trained network that is to run elsewhere, and how its file takes pictures.

    Attributes:
        network: in evaluation mode, on the CPU.
        preprocessing: of its training.
        place: where pixels are normalised. `OUTSIDE`: the file takes float32 ``(n, 3, h, w)``, normalised; `INSIDE`: it
            takes uint8 pixels.
        layout: of these pixels, ``(n, h, w, channels)`` or ``(n, channels, h, w)``.
        opset: of ONNX's operators; None for the format's choice.

    Raises:
        UsageError: a place or a layout that there is not.
    """

    network: torch.nn.Module
    preprocessing: Preprocessing
    place: str = OUTSIDE
    layout: str = LAYOUTS[0]
    opset: int | None = None

    def __post_init__(self) -> None:
        if self.place not in PLACES:
            raise UsageError(f"--preprocessing is one of {', '.join(PLACES)}, got {self.place!r}")
        if self.layout not in LAYOUTS:
            raise UsageError(f"--layout is one of {', '.join(LAYOUTS)}, got {self.layout!r}")

    @property
    def inside(self) -> bool:
        """Whether the file takes uint8 pixels."""
        return self.place == INSIDE

    @property
    def input_name(self) -> str:
        """``pixels`` of uint8, or ``images`` of floats."""
        return PIXELS if self.inside else IMAGES

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Of one picture, as the file takes it."""
        size, channels = self.preprocessing.resolution, self.preprocessing.channels
        if not self.inside:
            return 3, size, size
        return (size, size, channels) if self.layout == LAYOUTS[0] else (channels, size, size)

    def inputs(self, pixels: Pixels) -> npt.NDArray[Any]:
        """What the file is given for pixels ``(n, channels, h, w)``."""
        if not self.inside:
            return self.preprocessing.normalised(pixels)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1) if self.layout == LAYOUTS[0] else pixels)

    def about(self) -> dict[str, Any]:
        """What a file says of itself beside the network: JSON values by name."""
        return {**self.preprocessing.to_json(), "input": self.input_name, "preprocessing": self.place} | (
            {"layout": self.layout} if self.inside else {}
        )


@runtime_checkable
class SupportsFile(Protocol):
    """A format that is a file for a runtime."""

    @property
    def suffix(self) -> str:
        """Of its files, ``.onnx``."""

    def check(self, shipment: Shipment) -> None:
        """Refuse what it cannot do, before any work.

        Raises:
            HostError: a package that it needs is not installed.
            UsageError: an option that it does not have.
        """

    def save(self, shipment: Shipment, path: Path) -> None:
        """Write the file."""

    def outputs(self, path: Path, shipment: Shipment, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Logits ``(n, classes)`` as the file's runtime computes them."""

    def lines(self, path: Path, shipment: Shipment) -> str:
        """A program that loads the file and names a picture, without regnas."""
