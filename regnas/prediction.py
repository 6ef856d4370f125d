"""What a trained network says of pictures: names and probabilities, by the preprocessing that is stored with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.pictures import Pixels
from regnas.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

_AT_ONCE = 64  # pictures

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What a network says of a picture.

    Attributes:
        file: as it was named.
        probabilities: of all classes by name, the most probable first.
    """

    file: str
    probabilities: Mapping[str, float]

    @property
    def class_name(self) -> str:
        """The most probable class."""
        return next(iter(self.probabilities))

    @property
    def probability(self) -> float:
        """Of the most probable class."""
        return next(iter(self.probabilities.values()))


@dataclass(frozen=True, eq=False)
class Predictor:
    """Reads pictures, and says what a network takes them for.

    Attributes:
        network: in evaluation mode, on the CPU.
        facts: what lies beside its architecture.
        where: that is, for messages.
    """

    network: torch.nn.Module
    facts: Mapping[str, Any]
    where: str

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The one of its training.

        Raises:
            RegnasError: what lies beside the architecture does not say it.
        """
        return Preprocessing.of(self.facts, self.where)

    def __call__(self, pictures: str | Path | Iterable[str | Path]) -> list[Prediction]:
        """One prediction for each picture, in their order.

        Args:
            pictures: a file or several, of any kind that Pillow reads.

        Raises:
            DataError: a file that cannot be read.
            RegnasError: as `preprocessing`.
        """
        files = [pictures] if isinstance(pictures, str | Path) else list(pictures)
        found = []
        for start in range(0, len(files), _AT_ONCE):
            some = files[start : start + _AT_ONCE]
            rows = self.probabilities(np.stack([self.preprocessing.read(file) for file in some]))
            found += [self.named(str(file), row) for file, row in zip(some, rows, strict=True)]
        return found

    def named(self, file: str, row: Probabilities) -> Prediction:
        """A prediction of the probabilities ``(classes,)`` of one picture."""
        order = np.argsort(-row, kind="stable")
        return Prediction(file, {self.preprocessing.class_names[place]: float(row[place]) for place in order})

    def probabilities(self, pixels: Pixels) -> Probabilities:
        """Of every class, ``(n, classes)``, of pixels ``(n, channels, h, w)`` as `Preprocessing.read` gives them."""
        return softmax(self.logits(pixels))

    def logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """What the network puts out, ``(n, classes)``, of pixels ``(n, channels, h, w)``."""
        import torch

        found = []
        with torch.inference_mode():
            for start in range(0, len(pixels), _AT_ONCE):
                images = self.preprocessing.normalised(pixels[start : start + _AT_ONCE])
                found.append(self.network(torch.from_numpy(images)).float().numpy())
        return np.concatenate(found)


def softmax(logits: npt.NDArray[Any]) -> Probabilities:
    """Probabilities ``(n, classes)`` of logits of the same shape."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))
