"""Predicted errors of networks that a table does not hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from regnas.design_space import make_space
from regnas.evaluator import Context, Task
from regnas.evaluators.tabular.evaluator import TableEvaluator, make
from regnas.evaluators.tabular.surrogate import features, fit, rank_correlation, seed_deviations
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
from regnas.tables.point import Point
from regnas.tables.sources import load_table
from regnas.tables.table import TableError
from regnas.window import Window

TASK = Task(data="none")
NAN = float("nan")


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Sixty of the networks with widths a and b of 1 to 10, whose error falls in both; two trainings, .01 apart."""
    rng = np.random.default_rng(0)
    rows = ["error,seed,param.a,param.b"]
    for place in rng.permutation(100)[:60].tolist():
        a, b = place // 10 + 1, place % 10 + 1
        rows += [f"{0.9 - 0.03 * a - 0.04 * b + shift},{seed},{a},{b}" for seed, shift in ((0, 0.0), (1, 0.01))]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "t.csv")


@cache
def _recorded() -> TableEvaluator:
    return make(TASK, {"argument": "recorded:fashion-mnist/regnetx", "surrogate": True})


def test_networks_of_the_table_are_looked_up_and_others_predicted(file: str) -> None:
    evaluator = make(TASK, {"argument": file, "surrogate": True})
    known = evaluator(evaluator.table.point(0), seed=0, context=Context())
    assert known.notes["table_row"] == 0 and "predicted" not in known.notes
    there = evaluator.table.points or ()
    a, b = next((a, b) for a in range(3, 9) for b in range(3, 9) if {"a": a, "b": b} not in there)
    result = evaluator(Point((("a", a), ("b", b))), seed=0, context=Context())
    assert result.notes == {"predicted": 1} and result.epochs == 0
    # Trees average the neighbours, which lie at most two steps of .03 and .04 away.
    assert result.error == pytest.approx(0.905 - 0.03 * a - 0.04 * b, abs=0.1)


def test_what_lies_outside_the_range_of_the_table_is_marked(file: str) -> None:
    evaluator = make(TASK, {"argument": file, "surrogate": True})
    for point in (
        Point((("a", 11), ("b", 5))),
        Point((("a", 5), ("b", 0))),
        Point((("a", 5), ("b", 5), ("c", "conv"))),
    ):
        assert evaluator(point, seed=0, context=Context()).notes == {"predicted": 1, "extrapolated": 1}


def test_large_networks_lie_outside_what_small_ones_taught() -> None:
    space = make_space("regnetx").on(_recorded().images)
    large = space.within(Window.parse(flops="50M:")).sample(3)
    assert all(_recorded()(one.architecture, seed=0, context=Context()).notes.get("extrapolated") for one in large)


def test_equal_seeds_look_the_same_and_others_differ_by_deviations_of_the_table(file: str) -> None:
    surrogate = fit(load_table(file))
    point = Point((("a", 5), ("b", 5)))
    seen = [surrogate.predict(point, seed)[0] for seed in range(50)]
    assert seen == [surrogate.predict(point, seed)[0] for seed in range(50)]
    # Two trainings .01 apart: deviations -+.005 of the mean of two, times sqrt(2).
    assert max(seen) - min(seen) == pytest.approx(0.01 * 2**0.5) and len(set(np.round(seen, 9))) == 2


def test_deviations_are_unbiased_for_means_of_few_trainings() -> None:
    """Normal errors with sd .02, two seeds each: the mean square over 2,000 networks has a relative sd of 3.2 %
    (chi-square with 2,000 degrees of freedom); 20 % is 6 sd.
    """
    signal = 0.5 + 0.02 * np.random.default_rng(0).standard_normal((2000, 2))
    deviations, levels = seed_deviations(np.vstack([signal, [[0.9, NAN]]]))
    assert len(deviations) == 4000 and np.mean(deviations**2) == pytest.approx(0.02**2, rel=0.2)
    assert np.abs(levels - 0.5).max() < 0.1  # five sd of a mean of two are .07
    assert len(seed_deviations(np.array([[0.1], [0.2]]))[0]) == 0


def test_features_are_the_numbers_of_a_network_its_own_and_its_costs() -> None:
    found = features(Point((("a", 2), ("op", "conv")), flops=99), 32)
    assert found == {
        "point.a": 2.0,
        "point.op=conv": 1.0,
        "log flops": pytest.approx(np.log(100)),
        "log params": 0.0,
        "log activations": 0.0,
    }
    cell = features(NASBench201(ops=(3, 3, 3, 3, 3, 3)), 32)
    assert cell["features.longest_conv_path"] == 3 and cell["ops.5"] == 3


def test_too_few_networks_teach_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("error,param.a\n" + "".join(f"0.5,{a}\n" for a in range(19)))
    with pytest.raises(TableError, match="at least 20 networks, table t has 19"):
        make(TASK, {"argument": str(tmp_path / "t.csv"), "surrogate": True}).prepare()


def test_predictions_of_recorded_networks_rank_like_their_errors() -> None:
    """Networks of other folds, 100 of them: .94 was measured. By chance it would be 0 with sd .1."""
    assert rank_correlation(load_table("recorded:fashion-mnist/regnetx")) > 0.8


def test_nothing_can_be_predicted_where_errors_are_permuted() -> None:
    """Spearman's correlation of 100 independent pairs has sd .1; .5 is 5 sd."""
    assert abs(rank_correlation(load_table("recorded:fashion-mnist/regnetx").permuted(0))) < 0.5
