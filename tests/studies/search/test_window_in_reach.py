"""A space whose networks are all larger than a data set's own window is searched where its smallest are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regnas.studies.search.plan import plan
from regnas.window import Bounds, Window


def test_the_smallest_networks_are_searched_where_none_is_as_small_as_the_images_window(tmp_path: Path) -> None:
    made = plan("darts", data="fake", out=tmp_path, workers=0)
    high = made.space.window.flops.high
    assert high is not None and high > 2e6 and made.space.window == Window(flops=Bounds(high=high))
    assert all(one.complexity.flops <= high for one in made.space.sample(3))
    (said,) = (note for note in made.notes if "no network of darts is as small" in note)
    assert ":2M" in said and f"{made.space.window}" in said and "--flops" in said
    assert plan("darts", data="fake", out=tmp_path, workers=0).space.window == made.space.window


@pytest.mark.parametrize(
    ("space", "asked"), [("regnetx", None), ("darts[width=4,depth=4]", None), ("darts", ":3M"), ("regnetx", ":3M")]
)
def test_a_window_that_was_said_or_that_holds_networks_stays(space: str, asked: str | None, tmp_path: Path) -> None:
    options: dict[str, Any] = {} if asked is None else {"flops": asked}
    made = plan(space, data="fake", out=tmp_path, workers=0, **options)
    assert made.space.window == Window.parse(flops=asked or ":2M")
    assert not any("as small as the window" in note for note in made.notes)
