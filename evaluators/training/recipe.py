"""How a network is trained: one dataclass, and the learning rate of every step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from regnas.errors import UsageError

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """SGD with Nesterov momentum and a half-cosine over all steps (Radosavovic et al. 2020, appendix C).

    Attributes:
        learning_rate: its peak, for ``batch_size`` images a step.
        weight_decay: of convolutions and linear layers; batch normalisation has none.
        warmup: share of the steps in which the learning rate rises linearly from a tenth of its peak.
        flip: mirror half of the training images.
        pad: pixels of padding for random crops.
        precision: of convolutions and linear layers; ``auto`` is the device's fastest that keeps the errors
            (see `regnas.evaluators.training.precision.choose`).

    Raises:
        UsageError: a number outside what its attribute can be; names the attribute and the rule.
    """

    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.1
    label_smoothing: float = 0.0
    flip: bool = True
    pad: int = 0
    precision: str = AUTO

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 2, "at least 2"),
            "learning_rate": (0 < self.learning_rate < math.inf, "positive"),
            "momentum": (0 < self.momentum < 1, "between 0 and 1 (Nesterov momentum needs some)"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0"),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "pad": (self.pad >= 0, "at least 0"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise UsageError(f"{name} of the recipe is {rule}, got {getattr(self, name)}")

    @classmethod
    def of_study(cls, stored: Mapping[str, Any]) -> Recipe | None:
        """The recipe that a study's candidates were trained by; None where theirs was of another kind."""
        known = {field.name for field in fields(cls)}
        return cls(**stored) if known - {"precision"} <= set(stored) <= known else None

    def with_options(self, options: Mapping[str, Any]) -> Recipe:
        """This recipe with other numbers.

        Raises:
            UsageError: an unknown name or a value of another type.
        """
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in options.items():
            if name not in known:
                raise UsageError(f"the recipe has no {name!r}; it has {', '.join(known)}")
            wanted: Any = (int, float) if isinstance(known[name], float) else type(known[name])
            if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(known[name], bool):
                raise UsageError(f"{name} of the recipe is a {type(known[name]).__name__}, got {value!r}")
        return replace(self, **options)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: part of a study's identity. The usual precision is not in it, as in older studies."""
        values = asdict(self)
        if self.precision == AUTO:
            del values["precision"]
        return values

    def steps(self, images: int) -> int:
        """Steps of the whole training on so many images: what does not fill a batch is left out of an epoch."""
        return self.epochs * (images // min(self.batch_size, images)) if images else 0

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of one of ``steps`` steps, counted from 0: warm-up, then half a cosine down to 0."""
        warm = self.warmup * steps
        if step < warm:
            return self.learning_rate * (0.1 + 0.9 * (step + 1) / math.ceil(warm))
        return 0.5 * self.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1.0, steps - warm)))
