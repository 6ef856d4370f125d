"""What a data set asks of a space, in words that no family of networks owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from regnas.errors import UsageError

# Earlier releases named the stem of one family, where now its stride is said.
_STEM_STRIDES = {"cifar": 1, "simple": 2, "resnet": 4, None: None}


RESOLUTIONS = (1, 65_536)  # pixels of a side: within these, what networks cost is counted exactly
CLASSES = (1, 1_048_576)


@dataclass(frozen=True)
class Images:
    """What a data set asks of a space: used where the spec says nothing else.

    Every network heeds the first two. A family heeds of the others what it has a part for, and leaves the rest; None
    leaves the choice to the family.

    Attributes:
        resolution: pixels of a side.
        classes: outputs of the network.
        stem_stride: by how much the layers before the first stage or cell shrink a side of the picture.
        stem_width: channels of these layers.
        strides: by how much each stage after them shrinks a side; the last one repeats where there are more stages.

    Raises:
        UsageError: a resolution or a number of classes outside `RESOLUTIONS` or `CLASSES`, strides or a width below 1.
    """

    resolution: int = 224
    classes: int = 1000
    stem_stride: int | None = None
    stem_width: int | None = None
    strides: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in (("resolution", RESOLUTIONS), ("classes", CLASSES)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UsageError(f"--{name} is a whole number from {least} to {most:,}, got {value!r}")
        for name in ("stem_stride", "stem_width"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UsageError(f"{name} of images is a whole number from 1, got {value!r}")
        if self.strides is not None and not (self.strides and min(self.strides) >= 1):
            raise UsageError(f"strides of images are whole numbers from 1, one or more, got {self.strides!r}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, strides as a list."""
        return {**asdict(self), "strides": None if self.strides is None else list(self.strides)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Images:
        """Read `to_json`'s form, or that of earlier releases.

        Raises:
            UsageError: a stem that no release had, what this release does not know, or as `Images` does.
        """
        known = in_present_words(stored)
        strides = known.get("strides")
        try:
            return cls(**{**known, "strides": None if strides is None else tuple(strides)})
        except TypeError as error:
            raise UsageError(f"stored images are of no kind that this release knows ({error})") from error


def in_present_words(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form of images in the words of this release; what it leaves out stays out.

    Raises:
        UsageError: a stem that no release had.
    """
    known = {name: value for name, value in stored.items() if name != "stem"}
    if "stem" in stored:
        if stored["stem"] not in _STEM_STRIDES:
            names = ", ".join(name for name in _STEM_STRIDES if name)
            raise UsageError(f"a stem of stored images is one of {names}, got {stored['stem']!r}; store stem_stride")
        known["stem_stride"] = _STEM_STRIDES[stored["stem"]]
    return known
