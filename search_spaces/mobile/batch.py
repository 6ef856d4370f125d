"""Many mobile networks of a space at once, in arrays."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from regnas.costs import Complexities
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.complexity import Ints, MobileBatch, Template, mobile_complexity
from regnas.search_spaces.mobile.stage import BLOCKS, SKIPS, Stage

_KINDS = 6  # numbers of a stage
_ENDS = 3  # numbers of the whole network


@dataclass(frozen=True)
class Shared:
    """What all networks of a space on some images have in common."""

    template: Template
    activation: str
    norm_eps: float


@dataclass(frozen=True)
class MobileRows:
    """Networks and the rows of the columns that they come from, ``(m,)``: the `Batch` of the mobile spaces."""

    shared: Shared
    rows: Ints
    networks: MobileBatch
    rejected: Mapping[str, int]

    def complexity(self, resolution: int) -> Complexities:
        return mobile_complexity(self.networks, self.shared.template, resolution)

    def architecture(self, index: int) -> Mobile:
        return self.maker(self.identities(np.array([index]))[0])()

    def identities(self, indices: Ints) -> list[bytes]:
        """The numbers that make the networks at ``(k,)`` indices."""
        one = self.networks.take(indices)
        stages = (one.ops, one.kernels, one.skips, one.widths, one.depths, one.se.astype(np.float64).view(np.int64))
        numbers = np.concatenate([*stages, one.stem[None], one.head[None], one.sizes[None]]).T
        width = numbers.shape[1] * 8
        whole = np.ascontiguousarray(numbers, dtype=np.int64).tobytes()
        return [whole[at : at + width] for at in range(0, len(whole), width)]

    def maker(self, identity: bytes) -> Callable[[], Mobile]:
        return partial(_from_identity, self.shared, identity)


def network_of(shared: Shared, one: MobileBatch) -> Mobile:
    """The network of arrays of one.

    Raises:
        InvalidArchitecture: no network has these numbers.
    """
    return MobileRows(shared, np.zeros(1, dtype=np.int64), one, {}).architecture(0)


def _from_identity(shared: Shared, identity: bytes) -> Mobile:
    stages = len(shared.template.strides)
    whole = (_KINDS - 1) * stages
    found = struct.unpack(f"={whole}q{stages}d{_ENDS}q", identity)
    parts = [found[at * stages : (at + 1) * stages] for at in range(_KINDS)]
    stem, head, size = found[-_ENDS:]
    rows: Any = zip(*parts, shared.template.strides, strict=True)
    return Mobile(
        stages=tuple(
            Stage(
                block=BLOCKS[op & 1],
                expansion=op >> 1,
                kernel=kernel,
                stride=stride,
                se=se,
                skip=SKIPS[skip],
                width=width,
                depth=depth,
            )
            for op, kernel, skip, width, depth, se, stride in rows
        ),
        stem_width=stem,
        stem_stride=shared.template.stem_stride,
        head_width=head,
        activation=shared.activation,
        input_size=size,
        norm_eps=shared.norm_eps,
        classes=shared.template.classes,
    )
