"""Augmentation beyond crops and mirrors: torchvision's transforms on uint8 pictures, each by a seed of its own.

``trivial`` is TrivialAugment in its wide form (Müller and Hutter 2021, arXiv 2103.10158, algorithm 1 and table 1):
every picture is changed in one way, drawn evenly, with a strength that is drawn evenly.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from regnas.evaluators.training.devices import seeded
from regnas.evaluators.training.recipe import NONE
from regnas.system.optional import require


class Augment(Protocol):
    """Changes the pictures of a batch, each by a seed of its own."""

    def __call__(self, pictures: Tensor, seeds: Tensor) -> Tensor:
        """Pictures ``(n, channels, height, width)`` uint8 with seeds ``(n,)`` to pictures of that shape.

        Equal pictures and seeds give equal pictures, whatever else is in the batch.
        """


def augmenter(name: str) -> Augment | None:
    """What changes the pictures of a batch; None where nothing does.

    Args:
        name: one of `regnas.evaluators.training.recipe.AUGMENTS`.

    Raises:
        HostError: torchvision is not installed.
    """
    if name == NONE:
        return None
    require("torchvision", "vision", low="0.19", below="1")
    from torchvision.transforms import v2

    change = v2.TrivialAugmentWide()

    def augmented(pictures: Tensor, seeds: Tensor) -> Tensor:
        changed = []
        for picture, seed in zip(pictures.unbind(), seeds.tolist(), strict=True):
            with seeded(seed):  # torchvision draws from torch's own generator
                changed.append(change(picture))
        return torch.stack(changed)

    return augmented
