"""Closed-form complexity of mobile networks, over arrays of candidates; counted as `regnas.counting` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.counting import Count, check_countable, output_size

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Template:
    """What all networks of a space share."""

    stem_stride: int
    strides: tuple[int, ...]
    classes: int


@dataclass(frozen=True)
class MobileBatch:
    """The numbers that differ between n networks of S stages.

    Attributes:
        ops: codes of `regnas.search_spaces.mobile.stage`, ``(S, n)``, as all but the last three.
        skips: places in ``SKIPS``; they cost nothing.
        stem, head: channels; a head of 0 is none; ``(n,)``.
        sizes: to how many pixels a side pictures are brought first, ``(n,)``; 0 leaves them as they come.
    """

    ops: Ints
    kernels: Ints
    se: npt.NDArray[np.float64]
    skips: Ints
    widths: Ints
    depths: Ints
    stem: Ints
    head: Ints
    sizes: Ints

    def take(self, networks: Any) -> MobileBatch:
        """Some of the networks."""
        return MobileBatch(**{name: column[..., networks] for name, column in vars(self).items()})

    def __len__(self) -> int:
        return len(self.stem)


def map_sizes(template: Template, resolution: int) -> list[int]:
    """Height of the maps after the stem and after each stage, in pixels."""
    sizes = [output_size(resolution, 3, template.stem_stride)]
    for stride in template.strides:
        sizes.append(output_size(sizes[-1], 3, stride))
    return sizes


def least_resolution(template: Template) -> int:
    """Pixels of a side below which some stage would shrink a map of one pixel.

    >>> least_resolution(Template(2, (1, 2, 2, 2, 1, 2, 1), 10))
    17
    """
    least = 1
    for stride in reversed(template.strides):
        least = max(2, (least - 1) * stride + 1) if stride > 1 else least
    return (least - 1) * template.stem_stride + 1


def mobile_complexity(batch: MobileBatch, template: Template, resolution: int) -> Complexities:
    """Complexity of every network of ``batch`` for one image of ``resolution`` pixels.

    Raises:
        InvalidArchitecture: some of them are too large to be counted.
    """
    if len(batch):
        _check_size(batch, resolution)
    pixels = batch.sizes if batch.sizes.any() else None
    seen: Any = resolution if pixels is None else np.where(pixels, pixels, resolution)
    strides = np.array(template.strides, dtype=np.int64)[:, None]
    ends = Count(len(batch))
    size: Any = ends.conv(seen, 3, 3, batch.stem, stride=template.stem_stride)
    sizes = [np.broadcast_to(size, (1 if pixels is None else len(batch),))]
    for stride in template.strides:
        sizes.append((sizes[-1] - 1) // stride + 1)
    before, after = np.stack(sizes[:-1]), np.stack(sizes[1:])
    wide_in = np.concatenate([batch.stem[None], batch.widths[:-1]])
    stages = Count(batch.widths.shape)
    _layer(stages, batch, wide_in, before, strides, 1)
    _layer(stages, batch, batch.widths, after, 1, batch.depths - 1)
    _head(ends, batch, sizes[-1], template.classes)
    found, whole = stages.total(), ends.total()
    return Complexities(*(found[name].sum(axis=0) + whole[name] for name in ("flops", "params", "activations")))


def _check_size(batch: MobileBatch, resolution: int) -> None:
    wide_in = max(int(batch.widths.max()), int(batch.stem.max()))
    widest = max(wide_in * int(batch.ops.max() >> 1), int(batch.head.max()))
    # A kernel of k pixels has (k + 1)^2 weights at most for a pair of channels, where 16 are reckoned with.
    reckoned = -(-widest * max(4, int(batch.kernels.max()) + 1) // 4)
    pixels = max(resolution, int(batch.sizes.max()))
    check_countable(pixels, reckoned, int(batch.depths.max()) * len(batch.depths))


def _layer(count: Count, batch: MobileBatch, wide_in: Any, size: Any, stride: Any, times: Any) -> None:
    """A layer of each stage, ``times`` over; where it comes in, its maps have ``wide_in`` channels of ``size`` px."""
    fused, expansion = (batch.ops & 1).astype(np.bool_), batch.ops >> 1
    wide, kernel = batch.widths, batch.kernels
    plain = expansion == 1
    inner = wide_in * expansion
    alone = fused & plain  # one convolution is the whole layer
    count.conv(size, 1, wide_in, inner, times=times * ~(fused | plain))
    out = (size - 1) // stride + 1
    middle = np.where(alone, wide, inner)
    # Depthwise and ordinary convolutions differ in the channels that an output sees.
    group = np.where(fused, wide_in, 1)
    count.conv(size, kernel, wide_in, middle, group_width=group, stride=stride, times=times)
    if batch.se.any():
        squeezed = np.where(batch.se > 0, np.maximum(1, (wide_in * batch.se).astype(np.int64)), 0)
        count.squeeze_excite(middle, squeezed, times=times)
    count.conv(out, 1, inner, wide, times=times * ~alone)


def _head(count: Count, batch: MobileBatch, size: Any, classes: int) -> None:
    last = batch.widths[-1]
    count.conv(size, 1, last, batch.head, times=batch.head > 0)
    count.linear(np.where(batch.head > 0, batch.head, last), classes)
