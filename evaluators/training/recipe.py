"""How a network is trained: one dataclass, and the learning rate of every step."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from regnas.dataset import Regime
from regnas.errors import UsageError

AUTO = "auto"
_WHOLE_BATCHES = 50  # of an epoch, from which what fills no batch is left out: less than 2 % of the images
_BATCHES = 10  # of an epoch, that few images are divided into
_SMALLEST_BATCH = 8
_USUAL_MOMENTUM = 0.1  # of running averages, torch's own: what they began with is forgotten in some 60 steps
_LONG_DECAY, _LONG_SMOOTHING = 1e-3, 0.1  # in trainings as long as they help
_MOST_MIXUP = 100.0  # shares are a half then, to within an eighth
PRECISIONS = (AUTO, "float32", "bfloat16", "float16")
NONE, TRIVIAL = "none", "trivial"
AUGMENTS = (NONE, TRIVIAL)
UNIFORM, BALANCED = "uniform", "balanced"
SAMPLINGS = (UNIFORM, BALANCED)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """SGD with Nesterov momentum and a half-cosine over all steps (Radosavovic et al. 2020, appendix C).

    Attributes:
        learning_rate: its peak, for ``batch_size`` images a step.
        weight_decay: of convolutions and linear layers; batch normalisation has none.
        warmup: share of the steps in which the learning rate rises linearly from a tenth of its peak.
        flip: mirror half of the training images.
        pad: pixels of padding for random crops.
        mixup: shape of the Beta law of the shares in which two training images are mixed (Zhang et al. 2018); 0 mixes
            none.
        augment: what else is done to training pictures, ``none`` or ``trivial``
            (see `regnas.evaluators.training.options.augmentation`).
        balanced: every class counts alike in the loss, however many images it has: an image of one with few weighs
            more, in inverse proportion; as they are, images count alike.
        sampling: which images an epoch has: with ``uniform`` every one once, with ``balanced`` as many of every class
            (see `regnas.evaluators.training.options.sampling`).
        drop_last: leave out of an epoch what does not fill a batch, and leave normalisation's running averages the
            momentum that is right for long trainings; what older studies did, and what changes little where batches
            are many.
        scaled_residuals: start the residual branches of a network with n of them at 1 / sqrt(n) of their usual size, so
            that deep networks start as well as shallow ones; older studies did not.
        init: trained weights that networks begin with, as of `regnas.pretrained.load_source`; empty for new ones.
        init_digest: of these weights, so that others in their place are noticed; filled in where they are read.
        rate_of_new: the peak instead for networks that take little of these weights, as there is nothing in them to be
            undone (see `regnas.evaluators.training.options.start`); 0 where theirs is the same.
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
    mixup: float = 0.0
    augment: str = NONE
    balanced: bool = False
    sampling: str = UNIFORM
    drop_last: bool = True
    scaled_residuals: bool = False
    init: str = ""
    init_digest: str = ""
    rate_of_new: float = 0.0
    precision: str = AUTO

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 2, "at least 2"),
            "learning_rate": (0 < self.learning_rate < math.inf, "positive"),
            "momentum": (0 < self.momentum < 1, "between 0 and 1 (Nesterov momentum needs some)"),
            "rate_of_new": (0 <= self.rate_of_new < math.inf, "at least 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0"),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "pad": (self.pad >= 0, "at least 0"),
            "mixup": (0 <= self.mixup <= _MOST_MIXUP, f"from 0 to {_MOST_MIXUP:g}"),
            "augment": (self.augment in AUGMENTS, f"one of {', '.join(AUGMENTS)}"),
            "sampling": (self.sampling in SAMPLINGS, f"one of {', '.join(SAMPLINGS)}"),
            "balanced": (not self.balanced or self.sampling == UNIFORM, "false beside sampling=balanced: give one"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise UsageError(f"{name} of the recipe is {rule}, got {getattr(self, name)}")

    @classmethod
    def usual(cls, regime: Regime, epochs: int | None = None) -> Recipe:
        """How networks are trained on images of a regime where nothing else is said (docs/regime.md)."""
        return cls(epochs=epochs or regime.epochs, flip=regime.flip, pad=regime.pad, scaled_residuals=True)

    @classmethod
    def of_study(cls, stored: Mapping[str, Any]) -> Recipe | None:
        """The recipe that a study's candidates were trained by; None where theirs was of another kind."""
        known = {field.name for field in fields(cls)}
        newer = {"precision", "drop_last", "scaled_residuals", "mixup", "augment", "balanced", "sampling"}
        newer |= {"init", "init_digest", "rate_of_new"}
        return cls(**stored) if known - newer <= set(stored) <= known else None

    def for_images(self, images: int, steps: int, *, said: Collection[str] = ()) -> Recipe:
        """This recipe for so many training images: with few of them smaller batches, whose last one may be smaller
        still, a learning rate smaller by the square root, and more epochs.

        Args:
            steps: of the whole training, at least.
            said: what the user chose and stays as it is.
        """
        if "drop_last" in said or images // self.batch_size >= _WHOLE_BATCHES:
            return self
        size, epochs = self.batch_size, self.epochs
        while "batch_size" not in said and size > _SMALLEST_BATCH and images < _BATCHES * size:
            size //= 2
        rate, new = self.learning_rate, self.rate_of_new
        if "learning_rate" not in said and size < self.batch_size:
            rate, new = (float(f"{one * math.sqrt(size / self.batch_size):.2g}") for one in (rate, new))
        fitting = replace(self, batch_size=size, learning_rate=rate, rate_of_new=new, drop_last=False)
        if "epochs" not in said:
            epochs = max(epochs, math.ceil(steps / len(fitting.ends(images))))
        return replace(fitting, epochs=epochs)

    def begun_with(self, source: str, *, said: Collection[str] = ()) -> Recipe:
        """This recipe for networks that begin with trained weights: the learning rate is a tenth, which does not undo
        what they have learned (Girshick et al. 2014, arXiv 1311.2524, section 2.3). Networks that take little keep it.

        Args:
            source: of the weights; nothing changes where it is empty.
            said: what the user chose and stays as it is.
        """
        if not source:
            return self
        begun = replace(self, init=source, init_digest="")
        if "learning_rate" in said:
            return begun
        return replace(begun, learning_rate=float(f"{self.learning_rate / 10:.3g}"), rate_of_new=self.learning_rate)

    def until_flat(self) -> Recipe:
        """This recipe for a training as long as it helps: few images are gone over many times, so what the short
        trainings of a search do with is more here, where it is as usual (docs/regime.md).
        """
        usual = Recipe()
        decay, smoothing = self.weight_decay, self.label_smoothing
        return replace(
            self,
            weight_decay=_LONG_DECAY if decay == usual.weight_decay else decay,
            label_smoothing=_LONG_SMOOTHING if smoothing == usual.label_smoothing else smoothing,
        )

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
        """Plain JSON values: part of a study's identity. What older studies did not name is not in it, where it is as
        they had it.
        """
        values = asdict(self)
        if self.precision == AUTO:
            del values["precision"]
        if self.drop_last:
            del values["drop_last"]
        if not self.scaled_residuals:
            del values["scaled_residuals"]
        if not self.mixup:
            del values["mixup"]
        if not self.balanced:
            del values["balanced"]
        if self.augment == NONE:
            del values["augment"]
        if self.sampling == UNIFORM:
            del values["sampling"]
        for name in ("init", "init_digest", "rate_of_new"):
            if not values[name]:
                del values[name]
        return values

    def ends(self, images: int, least: int = 2) -> list[int]:
        """Where each batch of an epoch ends among so many images.

        Args:
            least: images of the smallest batch that can be computed; fewer are put into the batch before.
        """
        size = min(self.batch_size, images)
        found = list(range(size, images + 1, size)) if size else []
        if self.drop_last or not found or found[-1] == images:
            return found
        return [*found, images] if images - found[-1] >= least else [*found[:-1], images]

    def steps(self, images: int) -> int:
        """Steps of the whole training on so many images."""
        return self.epochs * len(self.ends(images))

    def averaging(self, steps: int) -> float:
        """Momentum of normalisation's running averages in a training of so many steps: they must forget what they
        began with.
        """
        if self.drop_last:
            return _USUAL_MOMENTUM
        return max(_USUAL_MOMENTUM, min(0.5, 6 / steps))

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of one of ``steps`` steps, counted from 0: warm-up, then half a cosine down to 0."""
        warm = self.warmup * steps
        if step < warm:
            return self.learning_rate * (0.1 + 0.9 * (step + 1) / math.ceil(warm))
        return 0.5 * self.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1.0, steps - warm)))
