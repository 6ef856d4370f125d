"""What ``import regnas`` offers."""

from __future__ import annotations

from typing import Any

import pytest

import regnas
from regnas import errors
from regnas.design_space import Images, Space, make_space
from regnas.errors import RegnasError
from regnas.window import Bounds


def test_the_public_names_are_these() -> None:
    assert sorted(regnas.__all__) == ["bench", "compare", "find", "load", "refine", "search", "space"]
    assert all(callable(getattr(regnas, name)) for name in regnas.__all__)


def test_errors_of_the_user_exit_with_2_and_failures_with_1() -> None:
    kinds = {name: made for name, made in vars(errors).items() if name[0].isupper() and issubclass(made, RegnasError)}
    codes = {name: made.exit_code for name, made in kinds.items()}
    assert codes == {
        "RegnasError": 1,
        "UsageError": 2,
        "PluginNotFound": 2,
        "MessageError": 1,
        "PluginBroken": 1,
        "InvalidArchitecture": 2,
        "InfeasibleWindow": 1,
        "DataError": 1,
        "DeviceError": 1,
        "StudyError": 1,
        "HostError": 1,
    }


def test_a_space_is_made_from_its_spec_at_the_papers_resolution_and_classes() -> None:
    space = regnas.space("regnetx[wm=2]")
    assert isinstance(space, Space)
    assert (space.spec, space.resolution, space.classes, space.window.open) == ("regnetx[wm=2]", 224, 1000, True)


def test_a_space_takes_windows_resolution_and_classes() -> None:
    space = regnas.space("regnetx", flops="360M:400M", params=5e6, acts=":1M", resolution=64, classes=10)
    assert str(space.window) == "flops 360M:400M, params 4.95M:5.05M, acts :1M"
    assert space.images == Images(resolution=64, classes=10)


def test_a_given_space_keeps_what_is_not_said_again() -> None:
    first = regnas.space("regnetx", flops=":1G", resolution=64, classes=10)
    again = regnas.space(first)
    assert again == first
    changed = regnas.space(first, classes=20, acts=":1M")
    assert (changed.resolution, changed.classes) == (64, 20)
    assert changed.window.flops == Bounds() and changed.window.activations == Bounds(None, 1e6)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ({"resolution": 0}, "--resolution is a whole number from 1 to 65,536, got 0"),
        ({"classes": 1}, "classes are at least 2, got 1"),
        ({"resolution": -3, "classes": 5}, "--resolution is a whole number from 1 to 65,536, got -3"),
    ],
)
def test_impossible_images_are_refused(images: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.UsageError, match=says):
        regnas.space("regnetx", **images)


def test_a_registered_space_takes_options_in_brackets_only() -> None:
    with pytest.raises(errors.UsageError, match=r"takes its options in brackets, regnetx\[key=value\]"):
        make_space("regnetx:wm=2")


def test_an_unknown_space_names_the_nearest() -> None:
    with pytest.raises(errors.PluginNotFound, match="no space 'regnet-x', installed: .*; did you mean regnetx"):
        make_space("regnet-x")
