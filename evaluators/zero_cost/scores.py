"""Which scores there are, and several of one network at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from regnas.evaluators.zero_cost.parts import NoScore, depth, require_relu, weight_of, weighted
from regnas.evaluators.zero_cost.shared import SHARED, shared_scores
from regnas.evaluators.zero_cost.synflow import synflow
from regnas.evaluators.zero_cost.zen import zen
from regnas.measure import BUILT_IN

# Without any pass: what every other score has to be better than.
SIZES = (*BUILT_IN, "depth")
SCORES = ("naswot", "synflow", "snip", "grasp", "fisher", "grad_norm", "jacov", "zen", "plain", "l2", *SIZES)
# asinh of the largest number: scores of any size fit into an error.
_TOP = math.asinh(1.7976931348623157e308)
# Why a score may be no finite number.
_OVERFLOW = "its activations or gradients overflow"
_WHY = {
    "naswot": "two images have the same activation code, or none was seen; take another batch or score",
    "jacov": "its output does not depend on some image",
    "synflow": "nothing flows from its input to its output, or more than a number of 64 bits can hold",
    "zen": "its features do not depend on the image, or overflow",
}


def error_of(score: float) -> float:
    """A score as what a search minimises: falling, from 1 at the lowest number to 0 at the highest, 1/2 at 0.

    It is (1 - asinh(score) / asinh(largest)) / 2, the same function for every score. It has no scale of its own:
    order is all that it keeps, down to differences of 2e-13 of the larger of 1 and the score. No network errs that
    often.
    """
    return (1 - math.asinh(score) / _TOP) / 2


@dataclass(frozen=True, eq=False)
class Batch:
    """What networks are scored on.

    Attributes:
        images: ``(n, channels, height, width)``, normalised.
        labels: ``(n,)``.
    """

    images: Tensor
    labels: Tensor


@dataclass
class Found:
    """Scores of one network by name, finite all of them, and of those that it does not have, why."""

    values: dict[str, float]
    missing: dict[str, str]


def score_all(network: nn.Module, batch: Batch, wanted: Sequence[str], *, seed: int, repeats: int) -> Found:
    """Several scores of one network but those of `BUILT_IN`; those that can be are of one pass.

    Args:
        network: in its starting weights, which stay.
        seed: of the draws of zen.
        repeats: of zen.
    """
    found = Found({}, {})
    shape = tuple(batch.images.shape[1:])
    alone: dict[str, Callable[[], float]] = {
        "synflow": lambda: synflow(network, shape),
        "zen": lambda: zen(network, shape, seed=seed, repeats=repeats),
        "l2": lambda: _l2(network),
        "depth": lambda: depth(network),
    }
    for name in wanted:
        if name in alone:
            found.values |= _tried(alone[name], name, found)
    shared = [name for name in wanted if name in SHARED and _has_parts(network, name, found)]
    if shared:
        found.values |= shared_scores(network, batch.images, batch.labels, shared)
    for name, value in list(found.values.items()):
        if not math.isfinite(value):
            del found.values[name]
            found.missing[name] = f"{name} of this network is {value}, no finite number: {_WHY.get(name, _OVERFLOW)}"
    return found


def _tried(measure: Callable[[], float], name: str, found: Found) -> dict[str, float]:
    try:
        return {name: measure()}
    except NoScore as error:
        found.missing[name] = str(error)
        return {}


def _has_parts(network: nn.Module, name: str, found: Found) -> bool:
    try:
        if name == "naswot":
            require_relu(network)
        elif name != "jacov":
            weighted(network)
    except NoScore as error:
        found.missing[name] = str(error)
        return False
    return True


def _l2(network: nn.Module) -> float:
    """Sum of the norms of the weights, layer by layer: NASLib's ``l2_norm``."""
    return sum(float(weight_of(layer).detach().double().norm()) for layer in weighted(network))


def mean_of(found: Sequence[Found]) -> Found:
    """Every score's mean over several starting weights; one that is missing under any of them is missing."""
    missing = {name: why for one in reversed(found) for name, why in one.missing.items()}
    names = [name for name in found[0].values if name not in missing]
    return Found({name: sum(one.values[name] for one in found) / len(found) for name in names}, missing)


def in_order(names: Sequence[str]) -> Iterator[str]:
    """Names of scores, each once, in the order of `SCORES`."""
    return (name for name in SCORES if name in names)
