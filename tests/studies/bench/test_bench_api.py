"""`regnas.bench`: the same benchmark from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import regnas
from regnas.design_space import make_space
from regnas.options import BenchOptions
from regnas.studies.bench.conclusion import conclusions


def test_it_returns_every_number_and_leaves_the_same_files(table_file: Path, tmp_path: Path) -> None:
    name = f"table:{table_file}"
    found = regnas.bench(name, name, ["evolution"], budget=30, repeats=3, out=tmp_path / "runs", quiet=True, jobs=1)
    (space,) = found.spaces
    assert found.strategies == ("random", "evolution")
    assert space.strategies[1].curves.shape == (3, 30)
    assert set(space.strategies[1].values) == {25, 30} == set(space.strategies[1].versus)
    assert (tmp_path / "runs" / "bench-made" / "report.html").exists()
    assert str(found) == "\n".join(conclusions(found)) and str(found).startswith(f"{space.label}, 30 evaluations: ")
    again = regnas.bench(name, name, ["evolution"], budget=30, repeats=3, out=tmp_path / "runs", quiet=True, jobs=1)
    assert again.spaces[0].strategies[1].values == space.strategies[1].values


@pytest.mark.slow
def test_a_space_of_ones_own_is_simulated_in_this_process(table_file: Path, tmp_path: Path) -> None:
    space = make_space(f"table:{table_file}").fix(op="b")
    found = regnas.bench(space, f"table:{table_file}", [], budget=20, repeats=2, out=tmp_path / "runs", quiet=True)
    assert found.strategies == ("random", "local-search", "evolution", "tpe", "predictor")


@pytest.mark.slow
def test_the_model_rule_is_shown_beside_the_observed_one(table_file: Path, tmp_path: Path) -> None:
    name = f"table:{table_file}"
    options: BenchOptions = {"budget": 40, "repeats": 3, "out": tmp_path / "runs", "quiet": True}
    observed = regnas.bench(name, name, ["tpe"], **options).spaces[0].strategies[1]
    model: BenchOptions = {**options, "returned": "model"}
    both = regnas.bench(name, name, ["tpe"], **model).spaces[0].strategies[1]
    assert both.values == observed.values and not observed.model
    assert set(both.model) == {25, 40}
    assert regnas.bench(name, name, ["tpe"], **options).spaces[0].strategies[1].values == observed.values
