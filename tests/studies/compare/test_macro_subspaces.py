"""Subspaces of NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922): design decisions as populations, on a real table.

The table is not part of the project: REGNAS_MACRO_CSV names it.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regnas.statistics.two_sample import kolmogorov_smirnov
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.compare.verdict import BETTER, judge
from regnas.studies.populations.population import Population, from_arrays


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    path = os.environ.get("REGNAS_MACRO_CSV")
    if not path:
        pytest.skip("REGNAS_MACRO_CSV names no table of NAS-Bench-Macro (arch, acc0..acc2, params, flops)")
    text = gzip.decompress(Path(path).read_bytes()) if path.endswith(".gz") else Path(path).read_bytes()
    return list(csv.DictReader(text.decode().splitlines()))


def space(table: list[dict[str, str]], name: str, rule: Callable[[str], bool]) -> Population:
    """The networks whose code, a digit per layer with 0 for identity, meets a rule; errors are means of 3 trainings."""
    rows = [row for row in table if rule(row["arch"])]
    errors = [1 - np.mean([float(row[f"acc{seed}"]) for seed in range(3)]) / 100 for row in rows]
    return from_arrays(name, errors, flops=[float(row["flops"]) for row in rows])


RULES: dict[str, Callable[[str], bool]] = {
    "full": lambda code: True,
    "no identity in layers 0 and 1": lambda code: "0" not in code[:2],
    "at most 2 identities": lambda code: code.count("0") <= 2,
    "at least 4 identities": lambda code: code.count("0") >= 4,
}


@pytest.mark.parametrize(
    ("name", "mean", "median", "least"),
    [  # percent, computed from the published table
        ("full", 9.75, 9.01, 6.87),
        ("no identity in layers 0 and 1", 8.46, 8.16, 6.87),
        ("at most 2 identities", 8.28, 8.15, 6.87),
        ("at least 4 identities", 12.60, 11.61, 8.20),
    ],
)
def test_restrictions_of_a_space_move_its_errors(
    table: list[dict[str, str]], name: str, mean: float, median: float, least: float
) -> None:
    errors = 100 * space(table, name, RULES[name]).error
    found = (errors.mean(), np.median(errors), errors.min())
    assert [round(float(value), 2) for value in found] == [mean, median, least]


def test_two_subspaces_at_a_distance_of_0_147_are_told_apart_half_the_time_with_100_models(
    table: list[dict[str, str]],
) -> None:
    """The whole space against 'last stage without identity': the caveat that ``regnas plan`` exists for."""
    whole = space(table, "full", RULES["full"])
    last = space(table, "last", lambda code: "0" not in code[5:])
    assert round(kolmogorov_smirnov(whole.error, last.error).statistic, 3) == 0.147
    rng = np.random.default_rng(0)
    seen = [kolmogorov_smirnov(rng.choice(whole.error, 100), rng.choice(last.error, 100)).p <= 0.05 for _ in range(400)]
    assert abs(np.mean(seen) - 0.487) < 0.1  # the share of 2,000 trials; 0.1 is four standard errors of 400


def test_a_hundred_random_models_of_each_rank_the_subspaces(table: list[dict[str, str]]) -> None:
    rng = np.random.default_rng(0)
    names = ["full", "at most 2 identities", "at least 4 identities"]
    parts = []
    for name in names:
        whole = space(table, name, RULES[name])
        parts.append(whole.take(rng.permutation(len(whole))[:100]))
    rules = ComparisonRules(complexity="none", repeats=999)
    found = {(one.first, one.second): one for one in judge(parts, rules)}
    assert all(one.kind == BETTER for one in found.values())
    assert (found[0, 1].winner, found[0, 2].winner, found[1, 2].winner) == (1, 0, 1)
