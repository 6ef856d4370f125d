"""What edges that leave the same node have in common, and the channels that are passed by what is mixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.errors import UsageError

_STATELESS = (nn.ReLU, nn.AvgPool2d, nn.MaxPool2d)


class Source:
    """A node as the edges that leave it see it.

    Operations begin with layers that have neither weights nor statistics, rectifiers and poolings; such a layer gives
    the same on every edge, and is computed on the first of them alone.

    Args:
        x: ``(n, c, h, w)``.
        partial: one channel in so many, the first ones, is mixed, as of `on_part`.
        stride: of the edges, 1 or 2.

    Attributes:
        part: ``(n, c / partial, h, w)``, what is mixed.
        rest: the other channels as they are behind the edges; None where all are mixed.
    """

    def __init__(self, x: Tensor, partial: int = 1, stride: int = 1) -> None:
        own = x.shape[1] // partial
        # A slice of channels has gaps in memory, which every operation would close for itself.
        self.part = x if partial == 1 else x[:, :own].contiguous(memory_format=layout_of(x))
        self.rest = None if partial == 1 else passed_by(x[:, own:], stride)
        self._begun = dict[str, Tensor]()

    def through(self, operation: nn.Module) -> Tensor:
        """What an operation makes of the part that is mixed, ``(n, c / partial, h / stride, w / stride)``."""
        first, *others = operation if isinstance(operation, nn.Sequential) else (operation,)
        x = self._begin(first)
        for layer in others:
            x = layer(x)
        return x

    def _begin(self, layer: nn.Module) -> Tensor:
        if not isinstance(layer, _STATELESS):
            return cast(Tensor, layer(self.part))
        name = repr(layer)  # says its kind and all of its settings
        if name not in self._begun:
            self._begun[name] = layer(self.part)
        return self._begun[name]


def on_part(x: Tensor, partial: int, operate: Callable[[Tensor], Tensor]) -> Tensor:
    """What is done to the first of ``partial`` equal shares of the channels, ``(n, c, h, w)`` to the same, or to half
    the height and width.

    The others pass as they are, or the largest of every 2 x 2 where the map is halved; then channels are shuffled, so
    that those that were passed on are operated on later.

    Source: Xu et al. 2020 (PC-DARTS, arXiv 1907.05737), section 3.1, eq. 2; yuhuixu1993/PC-DARTS ``model_search.py``.
    """
    if partial == 1:
        return operate(x)
    own = x.shape[1] // partial
    done = operate(x[:, :own])
    return joined(done, passed_by(x[:, own:], 1 if done.shape[2:] == x.shape[2:] else 2), partial)


def passed_by(rest: Tensor, stride: int) -> Tensor:
    """Channels that are not operated on, ``(n, c, h, w)``, behind an edge: ``(n, c, h / stride, w / stride)``."""
    return rest if stride == 1 else functional.max_pool2d(rest, 2, ceil_mode=True)


def joined(done: Tensor, rest: Tensor, partial: int) -> Tensor:
    """Channels that were operated on and those that were not, ``(n, c, h, w)``, in turn."""
    return functional.channel_shuffle(torch.cat([done, rest], dim=1), partial)


def layout_of(x: Tensor) -> torch.memory_format:
    """How a batch of maps ``(n, c, h, w)`` lies in memory."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def check_partial(partial: int, channels: int) -> None:
    """Whether channels can be divided so.

    Raises:
        UsageError: they cannot.
    """
    if channels % partial:
        raise UsageError(
            f"partial={partial} mixes one channel in {partial}, and the supernet has {channels} channels, which is no "
            f"multiple; give other channels or another partial"
        )
