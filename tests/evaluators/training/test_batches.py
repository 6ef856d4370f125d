"""Batches of images: order, augmentation, normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from regnas.dataset import Split, make_dataset
from regnas.errors import DataError
from regnas.evaluators.training.batches import Batches, checked, mixed, share_of_mixture, statistics

CPU = torch.device("cpu")
ZERO, ONE = torch.zeros(1), torch.ones(1)


def _numbered(count: int, size: int = 6) -> Split:
    """Images whose pixels name the image and the place: no two pixels of a batch are equal by accident."""
    pixels = np.arange(1, size * size + 1, dtype=np.uint8).reshape(1, 1, size, size)
    return Split(np.repeat(pixels, count, axis=0), np.arange(count, dtype=np.int64))


def shuffled(
    batches: Batches, ends: Sequence[int], seed: int, *, flip: bool = False, mixup: float | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    plan = batches.plan(ends, torch.Generator().manual_seed(seed), mixup=mixup)
    return batches.drawn(plan, flip=flip)


def test_evaluation_sees_every_image_once_in_order() -> None:
    batches = Batches(_numbered(10), CPU, mean=ZERO, std=ONE, pad=2)
    seen = list(batches.in_order(4))
    assert [len(labels) for _, labels in seen] == [4, 4, 2]
    assert torch.cat([labels for _, labels in seen]).tolist() == list(range(10))
    expected = torch.arange(1, 37).reshape(6, 6).float()
    assert all((image == expected).all() for images, _ in seen for image in images)


def test_training_batches_end_where_they_are_told_and_hold_no_image_twice() -> None:
    batches = Batches(_numbered(11), CPU, mean=ZERO, std=ONE)
    labels = [part for _, part in shuffled(batches, [4, 8], 0)]
    assert [len(part) for part in labels] == [4, 4]
    assert len(set(torch.cat(labels).tolist())) == 8


def test_crops_shift_by_at_most_the_padding_and_flips_mirror() -> None:
    size, pad = 6, 2
    batches = Batches(_numbered(64, size), CPU, mean=ZERO, std=ONE, pad=pad)
    (images, _), *_ = shuffled(batches, [64], 0, flip=True)
    padded = np.pad(np.arange(1, 37).reshape(size, size), pad)
    windows = {
        padded[down : down + size, across : across + size].tobytes(): (down, across)
        for down in range(2 * pad + 1)
        for across in range(2 * pad + 1)
    }
    mirrored = 0
    shifts = set()
    for image in images[:, 0].numpy().astype(padded.dtype):
        straight = image.tobytes() in windows
        mirrored += not straight
        shifts.add(windows[image.tobytes() if straight else image[:, ::-1].tobytes()])
    # 64 fair coins: outside 12..52 less than once in a million.
    assert 12 <= mirrored <= 52
    assert {down for down, _ in shifts} == set(range(2 * pad + 1))  # every offset, the last one too


def test_the_order_depends_on_the_generator_alone() -> None:
    batches = Batches(_numbered(32), CPU, mean=ZERO, std=ONE, pad=1)
    first, again, other = (
        [labels.tolist() for _, labels in shuffled(batches, [8, 16, 24, 32], seed, flip=True)] for seed in (3, 3, 4)
    )
    assert first == again != other


def test_normalised_training_images_have_mean_zero_and_variance_one() -> None:
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (5000, 3, 4, 4), dtype=np.uint8), np.zeros(5000, dtype=np.int64))
    mean, std = statistics(split)
    batches = Batches(split, CPU, mean=mean, std=std)
    images = torch.cat([part for part, _ in batches.in_order(512)])
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(images.var((0, 2, 3)), torch.ones(3), atol=1e-3)


def test_grey_images_reach_the_network_with_three_equal_channels() -> None:
    (images, _), *_ = Batches(_numbered(2), CPU, mean=ZERO, std=ONE).in_order(2)
    assert images.shape == (2, 3, 6, 6)
    assert (images[:, 0] == images[:, 1]).all() and (images[:, 0] == images[:, 2]).all()
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_an_image_keeps_its_label() -> None:
    images = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None, None], (12, 3, 4, 4)).copy()
    batches = Batches(Split(images, np.arange(12)), CPU, mean=ZERO, std=ONE, pad=1)
    for pictures, labels in shuffled(batches, [4, 8, 12], 3, flip=True):
        assert torch.equal(pictures.amax((1, 2, 3)).long(), labels)


def test_images_of_one_shade_have_a_deviation_above_zero() -> None:
    mean, std = statistics(Split(np.full((4, 1, 2, 2), 7, dtype=np.uint8), np.zeros(4, dtype=np.int64)))
    assert mean.tolist() == [7] and 0 < std.item() < 0.01


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (None, "are a Split of arrays, got NoneType"),
        (Split(np.zeros((4, 3, 2, 2), dtype=np.float32), np.zeros(4, dtype=np.int64)), "got float32 of"),
        (Split(np.zeros((4, 2, 2, 3), dtype=np.uint8), np.zeros(4, dtype=np.int64)), r"got uint8 of \(4, 2, 2, 3\)"),
        (Split(np.zeros((0, 3, 2, 2), dtype=np.uint8), np.zeros(0, dtype=np.int64)), "one or more"),
        (Split(np.zeros((4, 3, 2, 2), dtype=np.uint8), np.zeros(3, dtype=np.int64)), "are 4 whole numbers"),
        (Split(np.zeros((4, 3, 2, 2), dtype=np.uint8), np.zeros(4)), "are 4 whole numbers"),  # type: ignore[arg-type]
        (Split(np.zeros((4, 3, 2, 2), dtype=np.uint8), np.full(4, 9)), "are 0 to 3, one for each class, got 9 to 9"),
    ],
)
def test_what_a_data_set_gives_is_checked_and_the_data_set_named(split: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"training images of data set fake .*{said}"):
        checked(split, make_dataset("fake"), "training")


def test_mixed_images_have_their_classes_mixed_in_the_same_shares() -> None:
    images = torch.rand(6, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    classes = torch.eye(6)
    found, shares = mixed(images, classes, torch.tensor(0.3))
    share = shares[0, 0].item()
    assert share == pytest.approx(0.3) and torch.allclose(shares, share * classes + (1 - share) * classes.flip(0))
    assert torch.allclose(found, share * images + (1 - share) * images.flip(0))
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [0.2, 1.0, 5.0])
def test_shares_follow_the_symmetric_beta_law(shape: float) -> None:
    """Mean 1/2 and variance 1 / (4 (2 shape + 1)); 2,000 draws, each within five of its standard errors."""
    generator = torch.Generator().manual_seed(1)
    shares = np.array([share_of_mixture(shape, generator) for _ in range(2000)])
    variance = 1 / (4 * (2 * shape + 1))
    assert abs(shares.mean() - 0.5) < 5 * np.sqrt(variance / 2000)
    # The variance of a squared deviation is below 1/16: that of any law on [0, 1/4].
    assert abs(((shares - 0.5) ** 2).mean() - variance) < 5 * np.sqrt(1 / 64 / 2000)


def test_batches_are_mixed_where_that_is_asked_for_and_their_order_stays() -> None:
    batches = Batches(_numbered(12), CPU, mean=ZERO, std=ONE, classes=12)
    drawn = {mixup: list(shuffled(batches, [4, 8, 12], 3, mixup=mixup)) for mixup in (None, 0.0, 0.2)}
    (pictures, labels), (same, none), (_, shares) = (drawn[mixup][0] for mixup in (None, 0.0, 0.2))
    assert shares.shape == (4, 12) and torch.allclose(shares.sum(1), torch.ones(4))
    assert all(row[label] > 0 for row, label in zip(shares, labels, strict=True))
    assert (
        torch.equal(pictures, same) and torch.equal(none.argmax(1), labels) and torch.equal(none.sum(1), torch.ones(4))
    )
