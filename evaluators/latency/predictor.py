"""A predictor of latency from layers: a sum of what each kind of layer costs, fitted on a few measured networks.

Time is taken as a sum over layers of a part for each layer, for its multiply-adds, for the elements it reads and
writes and for its weights, with a rate for each kind of layer: least squares of relative errors, with coefficients that
are not negative (Lawson & Hanson 1974). Kinds are told apart where runtimes compute them by other routines:
ONNX Runtime's blocks of 16 channels (``NchwcTransformer``) hold a group of 16, and not one of 24; its depthwise
convolutions take channels in fours, and others are several times as slow.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from regnas.architecture import Architecture, SupportsFeatures
from regnas.costs import complexity_of
from regnas.layers import Layer, SupportsLayers

Floats = npt.NDArray[np.float64]

_BLOCK, _ALIGNED, _COLOURS = 16, 4, 3  # channels
_SMOOTH = 0.1  # weight of a penalty on squared coefficients, against one network
_LEAST = 1e-9  # seconds, of a prediction


def features_of(architecture: Architecture, resolution: int) -> dict[str, float]:
    """What a network's latency is predicted from, by name, not negative.

    Of a network that does not know its layers, its costs and features (`regnas.architecture.SupportsFeatures`).
    """
    if isinstance(architecture, SupportsLayers):
        found: defaultdict[str, float] = defaultdict(float)
        for layer in architecture.layers(resolution):
            for name, value in _of_layer(layer):
                found[name] += value * layer.times
                found[f"all.{name.rpartition('.')[2]}"] += value * layer.times  # for kinds that no fitted network has
        return found
    known = dict(complexity_of(architecture, resolution))
    further = architecture.features() if isinstance(architecture, SupportsFeatures) else {}
    return {name: float(value) for name, value in {**known, **further}.items() if value >= 0}


def _of_layer(layer: Layer) -> Sequence[tuple[str, float]]:
    kind = _kind(layer)
    if kind in ("linear", "pool"):
        return ((f"{kind}.layers", 1.0), (f"{kind}.elements", float(layer.elements + layer.weights)))
    groups = layer.wide_in // layer.group
    common = (
        (f"{kind}.layers", 1.0),
        (f"{kind}.flops", float(layer.flops)),
        (f"{kind}.elements", float(layer.elements)),
        (f"{kind}.weights", float(layer.weights)),
    )
    if kind.startswith("depthwise"):
        return common
    padded = layer.area * _blocks(layer.group) * _blocks(layer.wide_out // groups) * groups * layer.pixels_out
    return (*common, (f"{kind}.padded", float(padded)), (f"{kind}.groups", float(groups if groups > 1 else 0)))


def _kind(layer: Layer) -> str:
    if layer.kind != "conv":
        return layer.kind
    odd = ".odd" if layer.wide_in % _ALIGNED and layer.wide_in > _COLOURS else ""
    if layer.group == layer.wide_in:
        return ("pointwise" if layer.area == 1 else "dense") + odd
    if layer.group == 1:
        return f"depthwise{odd}"
    return "grouped" if layer.group % _BLOCK else "grouped.blocks"


def _blocks(channels: int) -> int:
    return -(-channels // _BLOCK) * _BLOCK


@dataclass(frozen=True)
class Predictor:
    """Seconds as a sum of features.

    Attributes:
        names: of the features that the measured networks differ in, or have.
        weights: seconds of one of each, ``(features,)``.
        constant: seconds of every network.
    """

    names: tuple[str, ...]
    weights: Floats
    constant: float

    def seconds(self, features: Mapping[str, float]) -> float:
        """What a network with these features is expected to take."""
        own = np.array([features.get(name, 0.0) for name in self.names])
        return max(_LEAST, self.constant + float(own @ self.weights))


def fit(rows: Sequence[Mapping[str, float]], seconds: Sequence[float]) -> Predictor:
    """The predictor of measured networks, by relative errors.

    Args:
        rows: the features of each.
    """
    names = tuple(sorted({name for row in rows for name, value in row.items() if value}))
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows], dtype=np.float64)
    scale = np.maximum(table.mean(axis=0), 1e-300)
    times = np.array(seconds, dtype=np.float64)
    columns = np.column_stack([np.ones(len(times)), table / scale]) / times[:, None]
    # As many further rows as there are coefficients, each of one of them alone, so that no two solutions are as good.
    smooth = math.sqrt(_SMOOTH) * np.eye(columns.shape[1]) / np.median(times)
    wanted = np.concatenate([np.ones(len(times)), np.zeros(len(smooth))])
    found = nnls(np.concatenate([columns, smooth]), wanted, maxiter=50 * columns.shape[1])[0]
    return Predictor(names, found[1:] / scale, float(found[0]))


def left_out(rows: Sequence[Mapping[str, float]], seconds: Sequence[float]) -> Floats:
    """What each network is expected to take by a predictor of all others, ``(n,)`` seconds."""
    found = []
    for place in range(len(rows)):
        others = [number for number in range(len(rows)) if number != place]
        one = fit([rows[number] for number in others], [seconds[number] for number in others])
        found.append(one.seconds(rows[place]))
    return np.array(found)
