"""The training images of a study for a fit: on the device, augmented as those of candidates are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regnas.dataset import make_dataset
from regnas.evaluator import Task
from regnas.evaluators.training.batches import Batches, checked, statistics
from regnas.evaluators.training.devices import settle


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """See `regnas.fit.FitImages`.

    Attributes:
        batches: of all training images.
        labels: ``(n,)`` int64, on the CPU.
        flip: whether half of a batch are mirrored.
        device: where they lie.
    """

    batches: Batches
    classes: int
    labels: Tensor
    flip: bool
    device: torch.device

    def batch(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        draws = torch.rand(3, len(rows), generator=generator)
        return self.batches.batch(rows.to(self.device), draws.to(self.device), flip=self.flip)

    def plain(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        middle = torch.full((3, len(rows)), 0.5, device=self.device)  # no shift of the crop
        return self.batches.batch(rows.to(self.device), middle, flip=False)


def training_images(task: Task, device: str, threads: int = 1, mirrors: bool | None = None) -> TrainingImages:
    """Read them.

    Args:
        mirrors: whether half of a batch are mirrored; None does what the data set says.

    Raises:
        DataError: they are not there, or damaged.
    """
    data = make_dataset(task.data, root=task.data_root, resolution=task.resolution, cache=task.cache)
    split, place, regime = checked(data.fit()[0], data, "training"), settle(device, threads), data.regime
    mean, std = statistics(split)
    classes = len(data.class_names)
    batches = Batches(split, place, mean=mean, std=std, pad=regime.pad, classes=classes)
    flip = regime.flip if mirrors is None else mirrors
    return TrainingImages(batches, classes, torch.from_numpy(split.labels), flip, place)
