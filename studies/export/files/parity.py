"""Whether a file computes what the network in torch does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regnas.dataset import Split
from regnas.deployment import Shipment, SupportsFile
from regnas.errors import RegnasError

if TYPE_CHECKING:
    from regnas.prediction import Predictor

TOLERANCE = 1e-4  # of logits, relative to the largest where that is above 1: sums of float32 in another order


@dataclass(frozen=True)
class Parity:
    """A file beside torch.

    Attributes:
        difference: the largest of any logit.
        scale: the largest logit of torch's, regardless of its sign.
        equal: pictures that both take for the same class.
        accuracy: of the file, on images of known classes.
        what: the pictures are, in words.
    """

    difference: float
    scale: float
    equal: int
    count: int
    accuracy: float
    what: str

    @property
    def sound(self) -> bool:
        """Whether rounding explains the difference."""
        return bool(self.difference <= TOLERANCE * max(1.0, self.scale))

    def text(self) -> str:
        """In words."""
        same = f"the same class for {self.equal:,} of {self.count:,} {self.what}"
        return f"largest difference to torch {self.difference:.1e}, {same}"


def compared(
    predictor: Predictor, form: SupportsFile, path: Path, shipment: Shipment, images: Split, what: str
) -> Parity:
    """Run a file and the network that it was made of on the same images."""
    ours = predictor.logits(images.images)
    theirs = form.outputs(path, shipment, shipment.inputs(images.images))
    return Parity(
        float(np.abs(ours - theirs).max()),
        float(np.abs(ours).max()),
        int((ours.argmax(1) == theirs.argmax(1)).sum()),
        len(ours),
        float((theirs.argmax(1) == images.labels).mean()),
        what,
    )


def check(found: Parity, form: str) -> None:
    """Refuse a file that computes something else.

    Raises:
        RegnasError: it differs from torch by more than rounding.
    """
    if not found.sound:
        raise RegnasError(
            f"the {form} file differs from torch by {found.difference:.1e} (logits up to {found.scale:.1e}), more than "
            f"rounding explains; nothing was written: try another release of torch and of the runtime"
        )
