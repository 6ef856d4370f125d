"""How near is a network to a quantised line? The fit of a staged network by RegNet's three width parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.search_spaces.staged.line import QUANTUM

Floats = npt.NDArray[np.float64]

_RATIOS = (1.25, 4.0)  # range of wm
_SLOPES = (0.02, 40.0)  # range of wa / w0
_COARSE = (64, 40)  # grid points of wa / w0 and of wm at first
_STARTS = 24  # points of the first grid that are refined
_ROUNDS = 5
_FINE = 5  # grid points of each parameter in a round
_NUDGES = np.concatenate([np.geomspace(0.94, 1.06, 13), np.geomspace(0.6, 1.6, 24)])  # of w0, for the rounding to 8


@dataclass(frozen=True)
class NearestLine:
    """The quantised line nearest to a network.

    Attributes:
        error: mean over the blocks of |log(predicted width / width)|: 0.1 is about 10 %.
        w0, wa, wm: the line, as in `regnas.search_spaces.staged.line.block_widths`.
    """

    error: float
    w0: float
    wa: float
    wm: float


def fit_line(depths: Sequence[int], widths: Sequence[int]) -> NearestLine:
    """The (w0, wa, wm) whose block widths are nearest to those of a network, its depth being fixed.

    The level of a block depends on wa / w0 and wm alone (eqs. 2 and 3), and given the levels the best w0 is a median.
    So a grid over two parameters is searched, refined around its best points, within 1.25 <= wm <= 4; at the end w0
    is nudged for the rounding of widths to 8 channels.

    Args:
        depths: blocks of each stage.
        widths: channels of each stage.

    Raises:
        UsageError: no stages, or numbers below 1.

    Source: Radosavovic et al. 2020, section 3.3 (e_fit, figure 9); the absolute value is ours.
    """
    numbers = [*depths, *widths]
    if len(depths) != len(widths) or not len(depths) or not all(n >= 1 and n == int(n) for n in numbers):
        raise UsageError(f"a fit needs a whole depth and width from 1 per stage, got {list(depths)} and {list(widths)}")
    blocks = np.repeat(np.log(np.asarray(widths, dtype=np.float64)), depths)
    slopes = np.concatenate([[0.0], np.geomspace(*_SLOPES, _COARSE[0] - 1)])
    axes = np.meshgrid(slopes, np.geomspace(*_RATIOS, _COARSE[1]), indexing="ij")
    points = np.stack([axis.ravel() for axis in axes], axis=1)
    errors, _ = _fitted(points, blocks)
    points = _refined(points[np.argsort(errors, kind="stable")[:_STARTS]], blocks)
    errors, first = _fitted(points, blocks)
    nudged = (np.exp(first)[:, None] * _NUDGES).reshape(-1, 1)
    lines = np.hstack([nudged, np.repeat(points, len(_NUDGES), axis=0)])
    errors = _rounded_errors(lines, blocks)
    best = int(np.argmin(errors))
    w0, slope, ratio = (float(value) for value in lines[best])
    return NearestLine(float(errors[best]), w0, slope * w0, ratio)


def _levels(points: Floats, count: int) -> Floats:
    """Levels of ``count`` blocks at points (wa / w0, wm), ``(p, count)`` (eqs. 2 and 3)."""
    line = np.log1p(points[:, :1] * np.arange(count))
    return np.asarray(np.rint(line / np.log(points[:, 1:])))


def _fitted(points: Floats, blocks: Floats) -> tuple[Floats, Floats]:
    """Mean |log ratio| with the best w0, without rounding, and the logarithm of that w0; each ``(p,)``."""
    rest = np.sort(blocks - _levels(points, len(blocks)) * np.log(points[:, 1:]), axis=1)
    first = rest[:, len(blocks) // 2]  # a median; of an even number both middle ones are as good
    return np.abs(rest - first[:, None]).mean(axis=1), first


def _refined(points: Floats, blocks: Floats) -> Floats:
    """Points ``(p, 2)`` improved on grids around each; the step shrinks to its square root where none is better."""
    first = [(_SLOPES[1] / _SLOPES[0]) ** (1 / _COARSE[0]), (_RATIOS[1] / _RATIOS[0]) ** (1 / _COARSE[1])]
    steps = np.tile(first, (len(points), 1))
    exponents = np.stack(np.meshgrid(*[np.linspace(-1, 1, _FINE)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    rows = np.arange(len(points))
    errors, _ = _fitted(points, blocks)
    for _ in range(_ROUNDS):
        around = points[:, None] * steps[:, None] ** exponents
        around[..., 1] = np.clip(around[..., 1], *_RATIOS)
        found = _fitted(around.reshape(-1, 2), blocks)[0].reshape(len(points), -1)
        places = np.argmin(found, axis=1)
        better = found[rows, places] < errors
        points = np.where(better[:, None], around[rows, places], points)
        errors = np.where(better, found[rows, places], errors)
        steps = np.where(better[:, None], steps, np.sqrt(steps))
    return points


def _rounded_errors(lines: Floats, blocks: Floats) -> Floats:
    """Mean |log ratio| of lines (w0, wa / w0, wm), ``(p, 3)``, with widths rounded to 8 channels (eq. 4)."""
    widths = lines[:, :1] * lines[:, 2:] ** _levels(lines[:, 1:], len(blocks))
    widths = np.maximum(np.rint(widths / QUANTUM), 1) * QUANTUM
    return np.asarray(np.abs(np.log(widths) - blocks).mean(axis=1))
