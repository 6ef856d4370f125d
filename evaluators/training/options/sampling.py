"""In which order the images of an epoch come, and how often each does."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many rows as there are images, in which every class comes equally often, to within one.

    The images of a class come in random order, and again in another one where there are too few: two of a class come
    equally often, to within one.

    Args:
        labels: ``(n,)``, on the CPU.

    Returns:
        ``(n,)``, rows of the images in random order.
    """
    count = len(labels)
    classes = torch.nonzero(torch.bincount(labels)).flatten()
    quota, left = divmod(count, len(classes))
    lucky = set(torch.randperm(len(classes), generator=generator)[:left].tolist())  # what does not divide evenly
    rows = []
    for place, label in enumerate(classes.tolist()):
        own = torch.nonzero(labels == label).flatten()
        wanted = quota + (place in lucky)
        passes = [own[torch.randperm(len(own), generator=generator)] for _ in range(math.ceil(wanted / len(own)))]
        rows.append(torch.cat(passes)[:wanted])
    everything = torch.cat(rows)
    return everything[torch.randperm(count, generator=generator)]
