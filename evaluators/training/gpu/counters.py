"""Counters of normalisation layers, counted once an epoch instead of layer by layer in every step.

Each counts the batches that it normalised (`num_batches_tracked`), and uses it only where its averages are plain means
(``momentum=None``). On a GPU that is a kernel for every layer and step, a tenth of all of a small network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)  # and nothing made of them, which may want its counter


class Passes:
    """Forward passes of a network in training mode.

    Attributes:
        count: so far.
    """

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def counted_at_the_end(network: nn.Module) -> Iterator[Passes]:
    """Inside, a network's counters are taken out; what is counted in their place is added at the end.

    Every layer counts as passed once in each pass of the network.
    """
    layers: list[Any] = [layer for layer in network.modules() if type(layer) in _KINDS and _counts_in_vain(layer)]
    counters: list[Tensor] = [layer.num_batches_tracked for layer in layers]
    passes = Passes()
    for layer in layers:
        layer.num_batches_tracked = None
    try:
        yield passes
    finally:
        for layer, counter in zip(layers, counters, strict=True):
            layer.num_batches_tracked = counter
        if counters and passes.count:
            torch._foreach_add_(counters, passes.count)


def _counts_in_vain(layer: nn.Module) -> bool:
    return isinstance(layer.num_batches_tracked, Tensor) and layer.momentum is not None
