"""Textbook networks of stages, as wide as a window allows: thin ResNets and the nearest RegNet of the paper.

Thin ResNets are those of He et al. 2016 for small images, section 4.2: stages of n basic blocks with w, 2w and 4w
channels, 6n + 2 layers; with four stages, for larger images, 8n + 2.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.baseline import Baseline
from regnas.search_spaces.staged import presets
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.complexity import Template
from regnas.search_spaces.staged.line import QUANTUM, block_widths, stages_of

if TYPE_CHECKING:
    from regnas.search_spaces.staged.space import StagedSpace

_RESNETS = ((3, 1), (3, 2), (4, 1))  # stages, and blocks of each
_SMALL_STAGES = 3  # of He et al.'s ResNets for small images: a fourth is for larger ones
_SMALL_IMAGES = 48  # pixels of a side, up to which a fourth stage would see three or fewer
_STEPS = (4, 2, 1)  # channels between one width and the next: the coarsest that meets the window
_LEAST, _MOST = 4, 1024  # channels of a ResNet's first stage
_FINER = 1.03  # ratio between one scale of a RegNet and the next
_SCALES = 200  # of them, down to 1/370 and up to 370
_NAMES = {"regnetx": "RegNetX", "regnety": "RegNetY", "mf": "MF", "gf": "GF"}


def baselines(space: StagedSpace) -> Iterator[Baseline]:
    """Thin ResNets and the nearest RegNet for the space's images, as large as the window's upper ends allow."""
    for stages, blocks in _RESNETS:
        template = space.template(stages)
        if stages > _SMALL_STAGES and space.resolution <= _SMALL_IMAGES:
            continue
        found = _widest(space, partial(thin_resnet, template, blocks))
        if found is not None:
            yield Baseline(f"thin ResNet-{2 * stages * blocks + 2}", found, space.point_of(found))
    if (near := _nearest_regnet(space)) is not None:
        yield near


def thin_resnet(template: Template, blocks: int, width: int) -> Staged:
    """A ResNet of basic blocks.

    Args:
        template: stem, strides and classes; their number is that of the stages.
        blocks: of each stage.
        width: channels of the stem and of the first stage; each further stage has twice as many.
    """
    stages = len(template.strides)
    return Staged(
        stem=template.stem,
        stem_width=width,
        block="basic",
        depths=(blocks,) * stages,
        widths=tuple(width << stage for stage in range(stages)),
        strides=template.strides,
        classes=template.classes,
    )


def scaled_regnet(template: Template, name: str, scale: float) -> Staged:
    """A RegNet of the paper with ``scale`` times as many channels, multiples of 8, in groups halved as often.

    Args:
        template: stem, squeeze ratio and classes; its strides are of four stages.
        name: of the preset.
    """
    _, params = presets.preset(name)
    depths, widths = stages_of(block_widths(params["depth"], params["w0"], params["wa"], params["wm"]))
    narrow = np.array([max(QUANTUM, round(width * scale / QUANTUM) * QUANTUM) for width in widths])
    group = params["group_width"]
    while group > scale * params["group_width"] and group % 2 == 0:
        group //= 2
    wide, groups = compatible(narrow, 1, group)
    return Staged(
        stem=template.stem,
        stem_width=template.stem_width,
        depths=tuple(depths),
        widths=tuple(int(width) for width in wide),
        strides=template.strides,
        group_widths=tuple(int(width) for width in groups),
        se_ratio=template.se_ratio,
        classes=template.classes,
    )


def _nearest_regnet(space: StagedSpace) -> Baseline | None:
    """The preset that is scaled least, at the largest scale that fits."""
    template = space.template(4)
    kind = "regnety" if template.se_ratio else "regnetx"
    known = [name for name in presets.names() if name.startswith(kind)]
    scales = [_FINER**power for power in range(-_SCALES, _SCALES + 1)]
    largest = [(_largest(space, partial(scaled_regnet, template, name), scales), name) for name in known]
    found = [(abs(math.log(scales[place])), scales[place], name) for place, name in largest if place is not None]
    if not found:
        return None
    _, scale, name = min(found)
    shown = name
    for low, high in _NAMES.items():
        shown = shown.replace(low, high)
    return Baseline(shown if scale == 1 else f"{shown}, {scale:.2f} x as wide", scaled_regnet(template, name, scale))


def _widest(space: StagedSpace, make: Callable[[int], Staged]) -> Staged | None:
    """The widest network that fits, on the coarsest grid of widths that has one inside the whole window."""
    found = None
    for step in _STEPS:
        widths = range(_LEAST, _MOST + 1, step)
        place = _largest(space, make, widths)
        if place is None:
            return None  # the narrowest is too large
        found = make(widths[place])
        if not space.window.broken(found.complexity(space.resolution)):
            break
    return found


def _largest(space: StagedSpace, make: Callable[[Any], Staged], sizes: Sequence[float]) -> int | None:
    """Place of the largest size, of rising ones, whose network is not above the window; None where none is."""
    place = bisect_right(sizes, False, key=lambda size: _above(space, make(size)))
    return place - 1 if place else None


def _above(space: StagedSpace, network: Staged) -> bool:
    cost = network.complexity(space.resolution)
    return any(bounds.high is not None and cost.get(name, 0) > bounds.high for name, bounds in space.window.items())
