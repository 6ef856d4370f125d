"""What is asked of the tensors of a one-shot training after every epoch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number of tensors of any shapes ``(...)`` is finite."""
    return all(bool(torch.isfinite(one).all()) for one in tensors)
