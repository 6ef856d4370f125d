"""How a shared child and its controller are trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from regnas.errors import UsageError
from regnas.strategies.one_shot.attention import Shape

# The authors' scripts, ``cifar10_micro_search.sh`` and ``cifar10_macro_search.sh``; a decay is twice their weight of
# the sum of squares.
MICRO: dict[str, Any] = {
    **{"epochs": 150, "batch": 160, "decay": 2e-4, "statistics": "batch"},
    **{"controller_rate": 3.5e-3, "updates": 30, "samples": 10, "tanh": 1.1, "reduce": 2.5, "skip_weight": 0.0},
}
MACRO: dict[str, Any] = {
    **{"epochs": 310, "batch": 128, "decay": 5e-4, "statistics": "moving"},
    **{"controller_rate": 1e-3, "updates": 50, "samples": 20, "tanh": 1.5, "reduce": 1.0, "skip_weight": 0.8},
}
STATISTICS = ("batch", "moving")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Defaults are what both of the authors' scripts have; `MICRO` and `MACRO` are the others.

    Attributes:
        epochs: passes over the images that weights are trained on, each followed by the controller's updates.
        batch: images of a step, and of one reward.
        rate, least_rate, restart, growth: of the weights: half a cosine over ``restart`` epochs, then over ``growth``
            times as many, and so on.
        momentum, decay: of the weights; Nesterov's, and L2 on all of them in every step.
        statistics: by which networks are judged, of the ``batch``, or the ``moving`` averages.
        share: of the training images, for the weights; the rest rewards.
        controller_rate: of Adam.
        updates, samples: of the controller after each epoch, and networks of an update.
        entropy: weight of the bonus for it in a reward.
        baseline: decay of the average of rewards.
        skip_weight, skip_target: of the penalty on skips.
        units, start, tanh, reduce: as of `regnas.strategies.one_shot.attention.Shape`.
        networks: drawn at the end, and as many random ones.
        threads: of the processor.

    Raises:
        UsageError: a value that makes no sense.
    """

    epochs: int
    batch: int
    decay: float
    statistics: str
    controller_rate: float
    updates: int
    samples: int
    tanh: float
    reduce: float
    skip_weight: float
    rate: float = 0.05
    least_rate: float = 5e-4
    restart: int = 10
    growth: int = 2
    momentum: float = 0.9
    share: float = 0.9
    entropy: float = 1e-4
    baseline: float = 0.99
    skip_target: float = 0.4
    units: int = 64
    start: float = 0.1
    networks: int = 100
    threads: int = 1

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch": (self.batch >= 2, "at least 2"),
            "rate": (self.rate > 0, "above 0"),
            "restart": (self.restart >= 1, "at least 1"),
            "growth": (self.growth >= 1, "at least 1"),
            "momentum": (0 <= self.momentum < 1, "from 0 to below 1"),
            "statistics": (self.statistics in STATISTICS, f"one of {', '.join(STATISTICS)}"),
            "share": (0 < self.share < 1, "between 0 and 1"),
            "controller_rate": (self.controller_rate > 0, "above 0"),
            "samples": (self.samples >= 1, "at least 1"),
            "baseline": (0 <= self.baseline < 1, "from 0 to below 1"),
            "skip_target": (0 < self.skip_target < 1, "between 0 and 1"),
            "units": (self.units >= 1, "at least 1"),
            "tanh": (self.tanh > 0, "above 0"),
            "reduce": (self.reduce > 0, "above 0"),
            "networks": (self.networks >= 2, "at least 2"),
            "threads": (self.threads >= 1, "at least 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise UsageError(f"option {name} of strategy enas is {rule}, got {getattr(self, name)}")

    @property
    def shape(self) -> Shape:
        """Of the controller."""
        return Shape(
            units=self.units, start=self.start, tanh=self.tanh, reduce=self.reduce, skip_target=self.skip_target
        )

    def parts(self, images: int) -> tuple[int, int]:
        """Images for the weights and for rewards."""
        own = round(self.share * images)
        return own, images - own

    def check(self, images: int) -> None:
        """Whether there are images for a batch of each part.

        Raises:
            UsageError: a batch is larger than a part.
        """
        if self.batch > (least := min(self.parts(images))):
            raise UsageError(
                f"batch={self.batch} of strategy enas is larger than the smaller part (share={self.share:g}) of the "
                f"{images} training images, {least}; give a smaller batch, or more images"
            )

    def rate_of(self, epoch: int) -> float:
        """Learning rate of the weights in an epoch, counted from 0 (Loshchilov and Hutter 2017, arXiv 1608.03983)."""
        length, since = self.restart, epoch
        while since >= length:
            since, length = since - length, length * self.growth
        return self.least_rate + (self.rate - self.least_rate) * (1 + math.cos(math.pi * since / length)) / 2
