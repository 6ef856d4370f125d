"""Splits of data sets: fixed by their name, balanced by class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.dataset import Split, held_out, make_dataset
from regnas.errors import DataError, PluginNotFound, UsageError

LABELS = np.repeat(np.arange(4), [100, 50, 10, 2])


def test_a_share_of_every_class_is_held_out_and_at_least_one_image() -> None:
    out = held_out(LABELS, 0.1, "test")
    assert np.bincount(LABELS[out]).tolist() == [10, 5, 1, 1]


def test_equal_names_give_equal_splits_and_others_give_others() -> None:
    assert held_out(LABELS, 0.1, "a").tolist() == held_out(LABELS, 0.1, "a").tolist()
    assert held_out(LABELS, 0.1, "a").tolist() != held_out(LABELS, 0.1, "b").tolist()


def test_the_split_of_a_class_does_not_depend_on_the_other_classes() -> None:
    out = held_out(LABELS, 0.1, "test")
    assert held_out(LABELS[:100], 0.1, "test").tolist() == out[:100].tolist()


@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.floats(0, 1))
@settings(deadline=None)
def test_every_class_keeps_an_image_on_either_side(sizes: list[int], share: float) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    out = held_out(labels, share, "test")
    assert (np.bincount(labels[out], minlength=len(sizes)) >= 1).all()
    assert (np.bincount(labels[~out], minlength=len(sizes)) >= 1).all()


def test_a_class_of_one_image_cannot_be_split() -> None:
    with pytest.raises(DataError, match="class 3 has 1 image; a split needs at least 2 of every class"):
        held_out(np.array([1, 1, 3]), 0.5, "test")


def test_splits_are_sliced_and_joined_with_their_labels() -> None:
    split = Split(np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2), np.array([5, 6, 7]))
    part = split[np.array([2, 0])]
    assert (len(part), part.labels.tolist(), part.images[0, 0, 0, 0]) == (2, [7, 5], 8)
    assert split.joined(part).labels.tolist() == [5, 6, 7, 7, 5]
    assert split.joined(part).images.shape == (5, 1, 2, 2)


def test_a_tiny_resolution_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="--resolution is at least 8 pixels, got 4"):
        make_dataset("cifar10", resolution=4)


def test_an_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(PluginNotFound, match="no data set 'cifar11', installed: .*did you mean cifar10"):
        make_dataset("cifar11")
