"""What becomes of a picture before a network sees it: stored with the network, and the same for all who use it.

Training normalises its images as `Preprocessing.normalised` does, in float32, and reads files as `Preprocessing.read`
does; tests, predictions and exported files go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas import pictures
from regnas.errors import RegnasError
from regnas.pictures import Pixels
from regnas.system.reading import fields

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Preprocessing:
    """From a picture to the input of a network, and from its outputs to names.

    Attributes:
        class_names: one for each output.
        resolution: pixels of a side.
        mean, std: of each channel of the training images, in units of 0..255; one channel or three.
        resampling: see `regnas.pictures.square`.
        version: of `regnas.pictures` that read the training images; None where they came from no files, or a data set
            does not say.
        grey: pictures are read in one channel and normalised as three, each in its own way, as weights that began with
            those of colours ask.
    """

    class_names: tuple[str, ...]
    resolution: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resampling: str = pictures.USUAL
    version: int | None = None
    grey: bool = False

    @classmethod
    def of(cls, facts: Mapping[str, Any], what: object) -> Preprocessing:
        """What ``architecture.json`` or ``best.json`` says beside an architecture.

        Args:
            what: where it is from, for messages.

        Raises:
            RegnasError: it says no class names, resolution or normalisation, or none that can be meant.
        """
        known = fields(
            dict(facts),
            what,
            RegnasError,
            class_names=list,
            resolution=int,
            mean=list,
            std=list,
            decoding=dict | None,
            channels=int | None,
        )
        decoding = known["decoding"] or {}
        found = cls(
            tuple(map(str, known["class_names"])),
            known["resolution"],
            tuple(known["mean"]),
            tuple(known["std"]),
            decoding.get("resampling", pictures.USUAL),
            decoding.get("version"),
            known["channels"] == 1 and len(known["mean"]) > 1,
        )
        numbers = [*found.mean, *found.std]
        finite = all(isinstance(one, int | float) and np.isfinite(one) for one in numbers)
        sound = finite and min(found.std, default=0) > 0
        if not (sound and len(found.mean) == len(found.std) in (1, 3) and found.resolution >= 1):
            raise RegnasError(
                f"{what} says a normalisation that no images have (mean {known['mean']}, std {known['std']}, "
                f"{found.resolution} px): it is damaged; train the network again"
            )
        if found.resampling not in pictures.RESAMPLINGS:
            raise RegnasError(
                f"{what} says that pictures are resampled by {found.resampling!r}, and this regnas knows "
                f"{', '.join(pictures.RESAMPLINGS)}; use the release that trained the network"
            )
        return found

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for colours; the network always sees three."""
        return 1 if self.grey else len(self.mean)

    @property
    def remark(self) -> str | None:
        """What a user should know where pictures are read otherwise today than when the network was trained."""
        if self.version in (None, pictures.VERSION):
            return None
        return (
            f"the training pictures were read by version {self.version} of regnas.pictures, today's is "
            f"{pictures.VERSION}: unusual pictures (turned, transparent, 16 bits) may look different to the network"
        )

    def read(self, file: str | Path) -> Pixels:
        """A picture's pixels as training saw them, ``(channels, resolution, resolution)`` uint8.

        Raises:
            DataError: it cannot be read; see `regnas.pictures.read_picture`.
        """
        return pictures.read_picture(file, self.resolution, self.channels, self.resampling)

    def normalised(self, pixels: Pixels | Sequence[Pixels]) -> Floats:
        """What a network is given: ``(n, channels, h, w)`` uint8 to ``(n, 3, h, w)`` float32, as in training."""
        images = np.asarray(pixels, dtype=np.uint8).astype(np.float32)
        mean, std = (np.array(one, dtype=np.float32).reshape(-1, 1, 1) for one in (self.mean, self.std))
        scaled = (images - mean) * (np.float32(1) / std)
        return np.array(np.broadcast_to(scaled, (len(images), 3, *images.shape[2:])), order="C")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: what a file for another program says of it."""
        return {
            "class_names": list(self.class_names),
            "resolution": self.resolution,
            "channels": self.channels,
            "mean": list(self.mean),
            "std": list(self.std),
            "decoding": pictures.about(self.resolution, self.channels, self.resampling),
        }
