"""A window that is only a limit is searched in the half below it; what it means is said, and can be switched off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import regnas
from regnas.studies.search.plan import SearchPlan, plan
from regnas.window import Bounds, Window

OPTIONS: dict[str, Any] = {"data": "fake:64", "epochs": 1, "budget": 3, "workers": 0}


def planned(out: Path, **options: Any) -> SearchPlan:
    return plan(options.pop("space", "regnetx"), upper_half=True, **{**OPTIONS, "out": out, **options})


@pytest.mark.parametrize(
    ("asked", "searched"),
    [
        ({"flops": ":1M"}, "flops 500k:1M"),
        ({"flops": "0:1M"}, "flops 0:1M"),
        ({"flops": "300k:1M"}, "flops 300k:1M"),
        ({"flops": "300k:"}, "flops 300k:"),
        ({"params": ":100k"}, "params 50k:100k"),
        ({"flops": ":1M", "params": ":200k"}, "flops 500k:1M, params :200k"),
        ({"flops": "0:1M", "params": ":200k"}, "flops 0:1M, params :200k"),
        ({}, "open"),
    ],
)
def test_the_first_limit_without_a_lower_end_is_drawn_up_to_its_half(asked: dict[str, str], searched: str) -> None:
    assert str(Window.parse(**asked).upper_half()) == searched


@given(high=some.floats(1, 1e18), low=some.none() | some.floats(0, 1))
def test_the_upper_half_lies_in_the_window_and_is_its_own(high: float, low: float | None) -> None:
    window = Window(flops=Bounds(low, high))
    half = window.upper_half()
    assert half.flops.high == high and (half.flops.low or 0) >= (low or 0)
    assert half.upper_half() == half


def test_candidates_of_a_search_lie_in_the_upper_half(tmp_path: Path) -> None:
    found = regnas.search("regnetx", flops=":1M", quiet=True, out=tmp_path, **{**OPTIONS, "baselines": False})
    assert all(500_000 <= row["flops"] <= 1_000_000 for row in found.rows)


def test_the_headline_says_so_and_how_to_search_all_of_it(tmp_path: Path) -> None:
    line = planned(tmp_path, flops=":1M").headline().splitlines()[0]
    assert "inside flops 500k:1M (the upper half of :1M; --flops 0:1M is all of it)" in line
    assert "upper half" not in planned(tmp_path, flops="0:1M").headline()
    assert "upper half" not in planned(tmp_path).headline()  # the data set's own window


def test_populations_keep_the_window_that_was_asked_for(tmp_path: Path) -> None:
    assert str(plan("regnetx", **OPTIONS, out=tmp_path, flops=":1M").space.window) == "flops :1M"


def test_a_half_with_too_few_networks_leaves_the_window_whole(tmp_path: Path) -> None:
    one = planned(tmp_path, space="regnetx[depth=12,w0=24,wa=24,wm=2.5,group_width=8]", flops=":1G", budget=1)
    assert str(one.space.window) == "flops :1G" and "upper half" not in one.headline()
    assert one.notes[0].startswith("the upper half, flops 500M:1G, holds fewer than 1 networks of regnetx[")
    assert one.notes[0].endswith("all of flops :1G is searched")
    assert not any("upper half" in note for note in planned(tmp_path, flops=":1M").notes)


@pytest.mark.parametrize("began", ["0:1M", ":1M"])
def test_a_study_goes_on_in_the_window_it_began_with(began: str, tmp_path: Path) -> None:
    """Those of earlier releases began with the whole of ``:1M``: as a search that was planned as a population is."""
    from regnas.studies.run.progress import Silent
    from regnas.studies.search.search import run

    first = plan("regnetx", **OPTIONS, baselines=False, out=tmp_path, flops=began)
    rows = run(first, Silent()).rows
    again = planned(tmp_path, baselines=False, flops=began, budget=4)
    assert again.space.window == first.space.window
    assert [row["index"] for row in run(again, Silent()).rows] == [*(row["index"] for row in rows), 3]


def test_a_half_stays_where_its_networks_run_out_later(tmp_path: Path) -> None:
    regnas.search("regnetx", flops=":1M", quiet=True, out=tmp_path, **{**OPTIONS, "baselines": False})
    again = planned(tmp_path, flops=":1M", budget=10_000_000)
    assert str(again.space.window) == "flops 500k:1M"


def test_a_search_of_a_given_time_needs_no_more_networks_than_a_usual_one(tmp_path: Path) -> None:
    """Some 570 networks lie in the half: fewer than are looked for where a large number is asked."""
    space = "anynetx-e[block=basic,depth=1:4,stages=3]"
    asked: dict[str, Any] = {"space": space, "resolution": 32, "flops": ":5M"}
    assert str(planned(tmp_path, **asked, budget=None, time="2h").space.window) == "flops 2.5M:5M"
    assert str(planned(tmp_path, **asked, budget=900).space.window) == "flops :5M"


def test_networks_that_a_user_chose_and_own_samplers_have_the_whole_window(tmp_path: Path) -> None:
    from regnas.strategies.sampling.feasible import FeasibleSampler

    (known,) = planned(tmp_path, flops="0:1M").space.sample(1)
    (tmp_path / "known.json").write_text(json.dumps(known.params))
    asked: dict[str, Any] = {"flops": ":1M"}
    assert str(planned(tmp_path, **asked, enqueue=tmp_path / "known.json").space.window) == "flops :1M"
    space = regnas.space("regnetx", flops=":1M", resolution=16, classes=4)
    assert str(planned(tmp_path, **asked, strategy=FeasibleSampler(space)).space.window) == "flops :1M"
