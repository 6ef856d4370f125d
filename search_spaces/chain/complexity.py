"""Closed-form costs of chains, over arrays: params, flops and activations as `regnas.counting` counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.counting import Count, check_countable, output_size

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PICTURE = 3  # channels
_BLOCKS = 64  # that a layer counts as where it is checked that costs do not wrap: up to 31 x 31 weights


@dataclass(frozen=True)
class ChainColumns:
    """n chains of up to L layers as arrays.

    Attributes:
        layers: of each network, ``(n,)``; what stands beyond them in other arrays does not matter.
        kernels: height and width, ``(L, 2, n)``.
        strides: down and across, ``(L, 2, n)``.
        filters: ``(L, n)``.
        links: whether a layer (first) feeds a later one (second), ``(L, L, n)``.
    """

    layers: Ints
    kernels: Ints
    strides: Ints
    filters: Ints
    links: Bools

    @property
    def there(self) -> Bools:
        """Which layers there are, ``(L, n)``."""
        found: Bools = np.arange(len(self.filters))[:, None] < self.layers
        return found


def chain_complexity(columns: ChainColumns, classes: int, resolution: int) -> Complexities:
    """What each of n chains costs for one image of ``resolution`` pixels.

    Raises:
        InvalidArchitecture: they are too large to be counted.
    """
    most, networks = columns.filters.shape
    there = columns.there
    filters = np.where(there, columns.filters, 0)
    check_countable(resolution, int(filters.sum(axis=0).max(initial=PICTURE)), most * _BLOCKS)
    count = Count(networks)
    sizes = np.zeros((2, most, networks), dtype=np.int64)
    used = np.zeros((most, networks), dtype=np.bool_)
    for layer in range(most):
        links = columns.links[:layer, layer] & there[layer]
        used[:layer] |= links
        fed = links.any(axis=0)
        wide = np.where(fed, (links * filters[:layer]).sum(axis=0), PICTURE)
        size = [_joined(links, sizes[way, :layer], fed, resolution) for way in (0, 1)]
        kernel, stride = columns.kernels[layer], columns.strides[layer]
        count.conv(
            (size[0], size[1]),
            (kernel[0], kernel[1]),
            wide,
            columns.filters[layer],
            stride=(stride[0], stride[1]),
            times=there[layer],
        )
        for way in (0, 1):
            sizes[way, layer] = output_size(size[way], kernel[way], stride[way])
    count.linear((filters * ~used).sum(axis=0), classes)
    return count.total()


def _joined(links: Bools, sizes: Ints, fed: Bools, resolution: int) -> Any:
    """Pixels of what is concatenated, in one direction: those of the largest, or of the picture, ``(n,)``."""
    return np.where(fed, np.where(links, sizes, 0).max(axis=0, initial=0), resolution)
