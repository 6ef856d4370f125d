"""Images on the device, and batches of them: augmented and normalised all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regnas.dataset import DataSet, Split
from regnas.errors import DataError
from regnas.evaluators.training.options.augmentation import Augment
from regnas.evaluators.training.options.sampling import balanced_order
from regnas.evaluators.training.parallel.data_parallel import WHOLE, Share


@dataclass(frozen=True)
class Plan:
    """All that is random in an epoch, on the device.

    Attributes:
        ends: where each batch ends.
        order: ``(n,)``, rows of the images, batch after batch.
        draws: ``(3, n)``, uniform on [0, 1), of each image's crop and mirror.
        shares: ``(batches,)``, of mixed images; None where none are mixed.
        seeds: ``(n,)`` on the CPU, of what else is done to each image; None where nothing is.
    """

    ends: tuple[int, ...]
    order: Tensor
    draws: Tensor
    shares: Tensor | None
    seeds: Tensor | None = None


class Batches:
    """The images of a split on a device, as normalised batches of three channels.

    Args:
        split: uint8 images.
        mean, std: ``(channels,)``, of the training images, in units of 0..255.
        pad: pixels of zero padding around each image, for random crops.
        classes: of the data set; needed where images are mixed or classes weighed.
        layout: of the batches in memory.
    """

    def __init__(
        self,
        split: Split,
        device: torch.device,
        *,
        mean: Tensor,
        std: Tensor,
        pad: int = 0,
        classes: int = 0,
        layout: torch.memory_format = torch.channels_last,
    ) -> None:
        images = torch.from_numpy(np.ascontiguousarray(split.images)).to(device)
        self._images = functional.pad(images, (pad, pad, pad, pad)) if pad else images
        self._labels = torch.from_numpy(np.ascontiguousarray(split.labels)).to(device)
        self._size = (split.images.shape[2], split.images.shape[3])
        self._pad = pad
        self._mean = mean.to(device).view(-1, 1, 1)
        self._scale = 1 / std.to(device).view(-1, 1, 1)
        self._device = device
        self._classes = classes
        self._layout = layout
        self._down, self._across = (torch.arange(size, device=device) for size in self._size)
        self._mirrored = self._across.flip(0)

    def __len__(self) -> int:
        return len(self._labels)

    def class_weights(self) -> Tensor:
        """What an image of each class weighs where all classes count alike, ``(classes,)``: 1 in the mean over all
        images; 0 of a class without images.
        """
        counts = torch.bincount(self._labels, minlength=self._classes).float()
        weights = len(self) / ((counts > 0).sum() * counts.clamp(min=1))
        return torch.where(counts > 0, weights, torch.zeros_like(weights))

    def in_order(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, not augmented, ``(n, 3, height, width)``, with labels ``(n,)``: for evaluation."""
        height, width = self._size
        for start in range(0, len(self), size):
            images = self._images[start : start + size]
            if self._pad:
                images = images[:, :, self._pad : self._pad + height, self._pad : self._pad + width]
            yield self._normalised(images), self._labels[start : start + size]

    def plan(
        self,
        ends: Sequence[int],
        generator: torch.Generator,
        *,
        mixup: float | None = None,
        balanced: bool = False,
        seeded: bool = False,
    ) -> Plan:
        """All that is random in an epoch, drawn at once.

        The generator lives on the CPU, so that every device sees the same order.

        Args:
            ends: where each batch ends, rising; images beyond the last end are left out.
            mixup: shape of the law of shares, see `mixed`; None where images are not to be mixed.
            balanced: every class comes equally often, see `balanced_order`; else every image once.
            seeded: every image has a seed.
        """
        if balanced:
            order = balanced_order(self._labels.cpu(), generator)
        else:
            order = torch.randperm(len(self), generator=generator)
        draws, shares = [], []
        for start, end in pairwise((0, *ends)):
            draws.append(torch.rand(3, end - start, generator=generator))
            if mixup is not None:
                shares.append(share_of_mixture(mixup, generator))
        return Plan(
            tuple(ends),
            order[: ends[-1]].to(self._device),
            torch.cat(draws, 1).to(self._device),
            torch.tensor(shares).to(self._device) if mixup is not None else None,
            torch.randint(2**62, (ends[-1],), generator=generator) if seeded else None,
        )

    def drawn(
        self, plan: Plan, *, flip: bool, share: Share = WHOLE, augment: Augment | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of a plan, or a process's share of each: images ``(n, 3, height, width)`` with labels, as of
        `batch`.

        Args:
            augment: what is done to pictures that are cropped and mirrored already; needs a plan with seeds.
        """
        for number, (start, end) in enumerate(pairwise((0, *plan.ends))):
            rows, draws = share.of(plan.order[start:end]), share.of(plan.draws[:, start:end])
            mixing = None if plan.shares is None else plan.shares[number]
            seeds = None if plan.seeds is None else share.of(plan.seeds[start:end])
            change = None if augment is None or seeds is None else partial(augment, seeds=seeds)
            yield self.batch(rows, draws, flip=flip, share=mixing, change=change)

    def batch(
        self,
        rows: Tensor,
        draws: Tensor,
        *,
        flip: bool,
        share: Tensor | None = None,
        change: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Images cropped, mirrored and mixed as they were drawn.

        Args:
            rows: ``(n,)``, of the images.
            draws: ``(3, n)``, uniform on [0, 1): of the crop's row and column, and of the mirror.
            share: ``()``, see `mixed`; None where images are not to be mixed.
            change: what else is done to uint8 pictures, ``(n, channels, height, width)``, before they are normalised.

        Returns:
            Images ``(n, 3, height, width)`` with labels ``(n,)``, or with the shares ``(n, classes)`` of the classes of
            mixed images.
        """
        pictures, labels = self._augmented(rows, draws, flip), self._labels[rows]
        images = self._normalised(pictures if change is None else change(pictures))
        if share is None:
            return images, labels
        return mixed(images, functional.one_hot(labels, self._classes).float(), share)

    def _augmented(self, rows: Tensor, draws: Tensor, flip: bool) -> Tensor:
        if not self._pad and not flip:
            return self._images[rows]
        offsets = (draws[:2] * (2 * self._pad + 1)).long()
        down = offsets[0, :, None] + self._down
        across = torch.where(draws[2, :, None] < 0.5, self._mirrored, self._across) if flip else self._across
        across = offsets[1, :, None] + across
        # Advanced indices around a slice come first: (n, height, width, channels), which is channels-last already.
        picked = self._images[rows[:, None, None], :, down[:, :, None], across[:, None, :]]
        return picked.permute(0, 3, 1, 2)

    def _normalised(self, images: Tensor) -> Tensor:
        floats = (images - self._mean) * self._scale  # bytes less floats are floats, without a copy in between
        return floats.expand(-1, 3, -1, -1).contiguous(memory_format=self._layout)


def share_of_mixture(shape: float, generator: torch.Generator) -> float:
    """A share of the symmetric Beta law of this shape; 1 at shape 0, where all is left as it is."""
    from scipy.special import betaincinv

    drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
    return float(betaincinv(shape, shape, drawn)) if shape else 1.0


def mixed(images: Tensor, classes: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Every image and its classes mixed with another of the batch (mixup; Zhang et al. 2018, arXiv 1710.09412, eq. 1).

    The other is as far from the end of the batch, or of a process's share of it, as the one is from the beginning:
    batches are in random order.

    Args:
        images: ``(n, ...)``.
        classes: ``(n, classes)``, shares that sum to 1.
        share: ``()``, of the image itself; see `share_of_mixture`.
    """
    return torch.lerp(images.flip(0), images, share), torch.lerp(classes.flip(0), classes, share)


def checked(split: Any, data: DataSet, part: str) -> Split:
    """A split as a data set gave it.

    Raises:
        DataError: it is no split, or holds no images, or such as no `Split` has.
    """
    classes, where = len(data.class_names), f"the {part} images of data set {data.name}"
    images, labels = getattr(split, "images", None), getattr(split, "labels", None)
    if not isinstance(images, np.ndarray) or not isinstance(labels, np.ndarray):
        raise DataError(f"{where} are a Split of arrays, got {type(split).__name__}")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or not images.size:
        raise DataError(
            f"{where} are uint8 of shape (n, 1 or 3, height, width), one or more, got {images.dtype} of {images.shape}"
        )
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels of {where} are {len(images)} whole numbers, got {labels.dtype} of {labels.shape}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"labels of {where} are 0 to {classes - 1}, one for each class, got {low} to {high}")
    return Split(images, labels.astype(np.int64, copy=False))


def statistics(split: Split) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, ``(channels,)``, in units of 0..255."""
    sums = np.zeros((2, split.images.shape[1]))
    for start in range(0, len(split), 4096):  # in pieces: a float copy of all images may not fit
        part = split.images[start : start + 4096].astype(np.float64)
        sums += np.stack([part.sum((0, 2, 3)), (part**2).sum((0, 2, 3))])
    count = len(split) * split.images.shape[2] * split.images.shape[3]
    mean = sums[0] / count
    std = np.sqrt(np.maximum(sums[1] / count - mean**2, 1e-6))
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()
