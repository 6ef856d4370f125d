"""What a data set asks of a space: words of no family, and those that earlier releases stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.design_space import make_space
from regnas.errors import UsageError
from regnas.images import Images, in_present_words
from regnas.search_spaces.staged.architecture import Staged

whole = st.integers(1, 512)
images = st.builds(
    Images, whole, whole, st.none() | whole, st.none() | whole, st.none() | st.lists(whole, min_size=1).map(tuple)
)


@given(images)
def test_images_are_plain_json_and_read_back(one: Images) -> None:
    assert Images.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize("name", ["resolution", "classes"])
@pytest.mark.parametrize("value", [0, -1, 10**7, 10**30, 2.5, True, "32"])
def test_pixels_and_classes_are_whole_numbers_in_a_stated_range(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"--{name} is a whole number from 1 to"):
        Images(**{name: value})


@pytest.mark.parametrize(("stem", "stride"), [("simple", 2), ("resnet", 4), ("cifar", 1), (None, None)])
def test_the_stems_of_earlier_releases_are_read_as_their_strides(stem: str | None, stride: int | None) -> None:
    stored = {"resolution": 28, "classes": 10, "stem": stem, "stem_width": 16, "strides": [1, 2, 2, 2]}
    assert Images.from_json(stored) == Images(28, 10, stem_stride=stride, stem_width=16, strides=(1, 2, 2, 2))
    assert in_present_words(stored) == Images.from_json(stored).to_json()


def test_what_stored_images_leave_out_stays_out() -> None:
    assert in_present_words({"resolution": 28, "classes": 10}) == {"resolution": 28, "classes": 10}


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"stem": "wide"}, "a stem of stored images is one of cifar, simple, resnet, got 'wide'"),
        ({"stem_width": 0}, "stem_width of images is a whole number from 1, got 0"),
        ({"stem_stride": 0}, "stem_stride of images is a whole number from 1, got 0"),
        ({"strides": [2, 0]}, r"strides of images are whole numbers from 1, one or more, got \(2, 0\)"),
        ({"strides": []}, "strides of images are whole numbers from 1, one or more"),
    ],
)
def test_images_that_no_network_can_have_are_refused(stored: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Images.from_json(stored)


@pytest.mark.parametrize(
    ("asked", "stem"), [(None, "simple"), (1, "cifar"), (2, "simple"), (3, "simple"), (8, "resnet")]
)
def test_staged_networks_have_the_stem_that_shrinks_most_and_no_more_than_asked(asked: int | None, stem: str) -> None:
    (candidate,) = make_space("regnetx").on(Images(stem_stride=asked)).sample(1)
    assert isinstance(candidate.architecture, Staged) and candidate.architecture.stem == stem


def test_a_family_without_these_parts_heeds_resolution_and_classes_alone() -> None:
    plain, wishing = Images(28, 7), Images(28, 7, stem_stride=4, stem_width=64, strides=(2, 2))
    spaces = [make_space("nasbench201").on(one) for one in (plain, wishing)]
    assert spaces[0].sample(3) == spaces[1].sample(3)
