"""Baselines that are points of the space are starting points of strategies that learn."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import regnas
from regnas.baseline import Baseline, baselines_of
from regnas.dataset import make_dataset
from regnas.errors import PluginBroken
from regnas.strategy import WARM
from regnas.studies.search.report.printed import print_search
from regnas.studies.search.search import search

SPACE = "anynetx-e[block=basic,depth=1:2,stages=3]"
OPTIONS: dict[str, Any] = {"data": "fake:64", "epochs": 1, "workers": 0, "quiet": True, "flops": "500k:900k"}


def run(out: Path, strategy: str, budget: int = 3) -> Any:
    return search(SPACE, **{**OPTIONS, "out": out, "strategy": strategy, "budget": budget})


def told(result: Any) -> list[Any]:
    return [trial for trial in result.study.trials if WARM in trial.user_attrs]


def test_the_textbook_network_of_an_anynet_space_is_its_point() -> None:
    """He et al. 2016, section 4.2: 16, 32 and 64 channels."""
    space = regnas.space(SPACE, flops="1M:3.3M").on(make_dataset("fashion-mnist-mini").regime.images)
    (one,) = [each for each in baselines_of(space) if each.params is not None]
    params = one.params or {}
    assert one.name == "thin ResNet-8" and [params[f"width_{stage}"] for stage in (1, 2, 3)] == [16, 32, 64]
    assert space.decode(params).key() == one.architecture.key() and space.contains(params)


def test_networks_of_other_stems_stages_or_blocks_are_no_points() -> None:
    images = make_dataset("fashion-mnist-mini").regime.images
    wider = regnas.space(SPACE, flops="2.5M:5M").on(images)  # thin ResNets of 20 channels: no multiple of 8
    grouped = regnas.space("anynetx-e", flops="1M:3.3M").on(images)
    for space in (wider, grouped, regnas.space("regnetx", flops="1M:3.3M").on(images)):
        assert baselines_of(space) and all(one.params is None for one in baselines_of(space))


def test_a_strategy_that_learns_is_told_of_them_once(tmp_path: Path) -> None:
    result = run(tmp_path, "evolution[population=2]")
    (trial,) = told(result)
    (row,) = [row for row in result.baselines if row["baseline"] == "thin ResNet-8"]
    assert trial.value == row["error"] and trial.params["width_3"] == 32  # the stem has 8 channels
    assert [row["index"] for row in result.rows] == [0, 1, 2]
    longer = run(tmp_path, "evolution[population=2]", budget=5)
    assert len(told(longer)) == 1 and len(longer.rows) == 5
    assert trial.user_attrs["architecture"] not in [each.user_attrs["architecture"] for each in longer.study.trials[1:]]
    printed = StringIO()
    print_search(Console(width=200, file=printed), longer, retrained=False, storage="x.db")
    assert "started from" not in printed.getvalue()  # that is said of other studies


def test_another_study_learns_from_them_and_counts_them_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(tmp_path / "first", "evolution[population=2]")
    options = {**OPTIONS, "quiet": False, "strategy": "evolution[population=2]", "warm_start": first.folder}
    second = search(SPACE, **options, out=tmp_path / "second", budget=2, study="second")
    printed = " ".join(capsys.readouterr().out.split())
    assert "learning from 3 trials and 1 of its baselines of study" in printed
    assert len(told(second)) == 4
    report = StringIO()
    print_search(Console(width=200, file=report), second, retrained=False, storage="x.db")
    assert "started from 3 trials of" in report.getvalue()


def test_random_search_is_not_told(tmp_path: Path) -> None:
    assert told(run(tmp_path, "random")) == []


def test_a_plug_in_that_names_another_point_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    space = regnas.space("regnetx", flops=":5M").on(make_dataset("fake:64").regime.images)
    network = baselines_of(space)[0].architecture
    for wrong in (space.sample(1)[0].params, {"depth": 1}):
        monkeypatch.setattr(type(space), "baselines", lambda self, wrong=wrong: [Baseline("twin", network, wrong)])
        with pytest.raises(PluginBroken, match="another network or none"):
            baselines_of(space)
