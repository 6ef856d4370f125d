"""The evaluator ``supernet``: one training for all candidates, whose errors are those of its slices."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Split, SupportsCounts, SupportsRemarks, make_dataset
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.evaluator import Cancelled, Context, Result, Task
from regnas.evaluators.shared_weights import parts
from regnas.evaluators.shared_weights.settings import Settings
from regnas.evaluators.shared_weights.training import SharedTraining
from regnas.evaluators.training.batches import Batches, checked, statistics
from regnas.evaluators.training.devices import settle
from regnas.evaluators.training.evaluator import chance_error
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Diverged, top1_error
from regnas.fit import FitContext, Fitted, run
from regnas.sampling import keyed
from regnas.supernet import SlicedSupernet

CALIBRATED = 128  # images of a batch of the calibration
_TUNED = 0.1  # of the usual learning rate: what begins with trained weights


@dataclass(frozen=True, eq=False)
class SupernetEvaluator:
    """Scores networks by weights that all of them share, and trains these before the first (`regnas.fit.SupportsFit`).

    The error of a result is that of the network on the validation images with its slice of the shared weights, after
    its normalisations have taken their statistics from training images, and after ``tune`` epochs of training where
    these are asked for. It orders networks; how good one is says its own training.
    """

    data: DataSet
    settings: Settings
    _shared: dict[tuple[Path, torch.device], SlicedSupernet] = field(default_factory=dict)
    _loaded: dict[torch.device, tuple[Batches, Batches, Batches]] = field(default_factory=dict)

    @cached_property
    def _splits(self) -> tuple[Split, Split]:
        training, validation = self.data.fit()
        return checked(training, self.data, "training"), checked(validation, self.data, "validation")

    @cached_property
    def _recipe(self) -> Recipe:
        """Of the epochs after the shared weights."""
        usual = Recipe.usual(self.data.regime, max(1, self.settings.tune))
        asked = usual.for_images(len(self._splits[0]), 0, said=("epochs",))
        changed = {"learning_rate": asked.learning_rate * _TUNED, "scaled_residuals": False, "flip": self.mirrors}
        return asked.with_options(changed)

    @property
    def mirrors(self) -> bool:
        """As of `regnas.fit.SupportsMirroring`: in the fit and in the epochs of a candidate."""
        flip = self.settings.flip
        return self.data.regime.flip if flip is None else flip

    def prepare(self) -> dict[str, Any]:
        """Read the images; say how weights are trained, and that networks of no other space are evaluated.

        Raises:
            DataError: images are missing or damaged.
        """
        training, validation = self._splits
        data, counts = self.data, {"training": len(training), "validation": len(validation)}
        facts: dict[str, Any] = {
            "data": data.name,
            "class_names": list(data.class_names),
            "resolution": data.regime.images.resolution,
            "images": {**counts, **(data.counts() if isinstance(data, SupportsCounts) else {})},
            "guessing": 1 - int(np.bincount(validation.labels).max()) / len(validation),
            "recipe": {
                "supernet": self.settings.told,
                **({} if self.settings.flip is None else {"flip": self.mirrors}),
            },
            "baselines": False,
            "remarks": [
                "errors are those of shared weights: they order networks, and regnas train says how good the best is; "
                "no baselines, since textbook networks share none",
                *(data.remarks() if isinstance(data, SupportsRemarks) else ()),
            ],
        }
        return facts | ({"epochs": self.settings.tune} if self.settings.tune else {})

    # --- the fit --------------------------------------------------------------------------------------------

    @property
    def fit_settings(self) -> dict[str, Any]:
        """As of `regnas.fit.SupportsFit`."""
        return self.settings.of_fit

    def check_fit(self, images: int) -> None:
        """Whether a step has at most half of the images.

        Raises:
            UsageError: it has more.
        """
        if self.settings.batch > images // 2:
            raise UsageError(
                f"batch={self.settings.batch} of the evaluator supernet is more than half of the {images} training "
                f"images; give a smaller batch, or more images"
            )

    def check_space(self, space: Space) -> None:
        """Whether the space has a supernet, and two networks or more inside its window.

        Raises:
            UsageError: it does not.
        """
        try:
            with torch.device("meta"):
                parts.made(space)
        except InfeasibleWindow:
            pass  # which is said in other words here
        parts.drawn(space, 2, 0)

    def fit(self, context: FitContext) -> Fitted | None:
        """Train the shared weights, as of `regnas.fit.SupportsFit`.

        Raises:
            UsageError: nobody says for which space.
            StudyError: a snapshot of another fit, or the loss is no number any more.
        """
        if context.space is None:
            raise UsageError("the evaluator supernet is fitted for a space, which regnas search tells it")
        return run(SharedTraining(context.space, self.settings, context), context)

    def take_fit(self, found: Fitted, folder: Path) -> None:
        """The driver needs nothing of it."""

    # --- one network ----------------------------------------------------------------------------------------

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        """The error of one network; the seed is that of its further epochs.

        Raises:
            UsageError: there is no fit, or it does not hold the network.
        """
        started, device = time.perf_counter(), settle(context.device, context.threads)
        network = parts.part_of(self._supernet(context, device), architecture, device)
        training, calibration, validation = self._batches(device)
        parts.calibrate(network, calibration, CALIBRATED)
        errors, diverged = list[float](), False
        try:
            if self.settings.tune:
                self._tuned(copy.deepcopy(network), training, validation, seed, context, errors)
            error = errors[-1] if errors else top1_error(network, validation, device)
        except Diverged:
            diverged, error = True, chance_error(len(self.data.class_names))
        if diverged and self.settings.tune:
            errors.append(error)
        return Result(
            error=error,
            seconds=time.perf_counter() - started,
            epochs=len(errors),
            errors=tuple(errors),
            diverged=diverged,
            notes={"shared_weights": True, "device": device.type},
        )

    def _tuned(
        self,
        network: nn.Module,
        training: Batches,
        validation: Batches,
        seed: int,
        context: Context,
        errors: list[float],
    ) -> None:
        """Train a copy, and add its error after every epoch, until it is told to stop.

        Raises:
            Diverged: its loss, or what it says, is no finite number.
        """
        device = torch.device(context.device)
        trainer = Trainer(network, training, self._recipe, seed=seed, device=device)

        def check() -> None:
            if context.cancelled():
                raise Cancelled

        while trainer.epoch < self._recipe.epochs:
            trainer.run_epoch(after_step=check)
            errors.append(top1_error(network, validation, device))
            if not context.report(trainer.epoch, errors[-1]):
                break

    def _supernet(self, context: Context, device: torch.device) -> SlicedSupernet:
        if context.fitted is None:
            raise UsageError(
                "the evaluator supernet trains weights for all candidates before it evaluates one, which regnas search "
                "does; a benchmark and a study of Optuna's do not"
            )
        key = (context.fitted, device)
        if key not in self._shared:
            self._shared[key] = parts.read(context.fitted, device)
        return self._shared[key]

    def _batches(self, device: torch.device) -> tuple[Batches, Batches, Batches]:
        """Training images, those that statistics are taken from, and validation images."""
        if device not in self._loaded:
            training, validation = self._splits
            mean, std = statistics(training)
            usual: dict[str, Any] = {"mean": mean, "std": std}
            rows = keyed.generator("supernet calibration").permutation(len(training))
            own = training[rows[: self.settings.calibration * CALIBRATED]]
            classes, pad = len(self.data.class_names), self._recipe.pad
            self._loaded[device] = (
                Batches(training, device, **usual, pad=pad, classes=classes),
                Batches(own, device, **usual),
                Batches(validation, device, **usual),
            )
        return self._loaded[device]


def make(task: Task, options: Mapping[str, Any]) -> SupernetEvaluator:
    """The evaluator ``supernet[epochs=30,batch=64,calibration=8,tune=0,flip=false,...]``; see `Settings`.

    Raises:
        UsageError: an option that it does not have, or a number of epochs beside these.
    """
    settings = Settings.of(options)
    if task.epochs is not None:
        raise UsageError(
            f"--epochs {task.epochs} is of trainings of candidates, and supernet has one of its own: say "
            f"supernet[epochs={task.epochs}], or supernet[tune={task.epochs}] for epochs of every candidate after it"
        )
    data = make_dataset(
        task.data, root=task.data_root, download=task.download, resolution=task.resolution, cache=task.cache
    )
    return SupernetEvaluator(data, settings)
