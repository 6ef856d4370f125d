"""How shared weights are trained, and how networks are scored with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from regnas.errors import UsageError

VERSION = 1  # of the training: another one is another fit
HELD = 20  # one image in so many is for the error that epochs are told with


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Defaults are those of trainings alone (docs/regime.md), but for the epochs.

    Attributes:
        epochs: passes over the training images, every step with another network.
        batch: images of a step.
        rate, momentum, decay, warmup: as of `regnas.evaluators.training.recipe.Recipe`.
        networks: drawn inside the window before the first step, of which every step takes one.
        bins: of equal width in multiply-adds, from which networks are taken equally often.
        calibration: batches of 128 training images that normalisation takes its statistics from.
        tune: epochs that a candidate is trained for, from the shared weights.
        flip: whether half of the training images are mirrored, left for right; None does what the data set says.

    Raises:
        UsageError: a value that makes no sense.
    """

    epochs: int = 30
    batch: int = 64
    rate: float = 0.1
    momentum: float = 0.9
    decay: float = 5e-4
    warmup: float = 0.1
    networks: int = 5000
    bins: int = 10
    calibration: int = 8
    tune: int = 0
    flip: bool | None = None

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch": (self.batch >= 2, "at least 2"),
            "rate": (0 < self.rate < float("inf"), "above 0"),
            "momentum": (0 <= self.momentum < 1, "from 0 to below 1"),
            "decay": (0 <= self.decay < float("inf"), "at least 0"),
            "warmup": (0 <= self.warmup < 1, "from 0 to below 1"),
            "networks": (self.networks >= 2, "at least 2"),
            "bins": (self.bins >= 1, "at least 1"),
            "calibration": (self.calibration >= 1, "at least 1"),
            "tune": (self.tune >= 0, "at least 0"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise UsageError(f"option {name} of the evaluator supernet is {rule}, got {getattr(self, name)}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """From the options of a spec.

        Raises:
            UsageError: an option that it does not have, or a value of another type.
        """
        known = {one.name: one.default for one in fields(cls)}
        for name, value in options.items():
            if name not in known:
                raise UsageError(f"supernet has no option {name!r}; its options: {', '.join(known)}")
            if name == "flip":
                if not isinstance(value, bool):
                    raise UsageError(f"option flip of supernet is true or false, got {value!r}")
                continue
            wanted: Any = (int, float) if isinstance(known[name], float) else int
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise UsageError(f"option {name} of supernet is a {type(known[name]).__name__}, got {value!r}")
        return cls(**options)

    @property
    def told(self) -> dict[str, Any]:
        """JSON values, without what is the data set's: studies and fits that do not say it are the same as before."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def of_fit(self) -> dict[str, Any]:
        """What makes a fit the fit it is."""
        scoring = ("calibration", "tune")
        return {"version": VERSION, **{name: value for name, value in self.told.items() if name not in scoring}}
