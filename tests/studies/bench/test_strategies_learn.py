"""On a table that can be learned strategies beat random search; on one that cannot they do not."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from regnas.statistics.anytime import incumbents
from regnas.statistics.paired import wilcoxon
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.problem import Arena, table_arena
from regnas.studies.bench.running.runs import Floats
from regnas.studies.bench.running.worker import simulate
from regnas.window import Window

LEARNING = {"local-search": 80, "evolution": 80, "tpe": 80, "predictor": 40}  # evaluations of each run


def arena_of(path: Path) -> Arena:
    """Random candidates depend on the space's spec, and so on the path: a relative one is the same in every run."""
    with contextlib.chdir(path.parent):
        return table_arena(f"table:{path.name}", f"table:{path.name}", Window())


@pytest.fixture
def arena(table_file: Path) -> Arena:
    """300 networks."""
    return arena_of(table_file)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """3,000 networks of four parameters with a smooth error, and little noise."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("large") / "large.csv"
    lines = ["index,seed,error,param.x,param.y,param.z,param.op"]
    places = itertools.product(range(1, 11), range(1, 11), range(1, 11), "abc")
    for index, (x, y, z, op) in enumerate(places):
        best = 0.1 + 0.004 * ((x - 7) ** 2 + (y - 4) ** 2 + (z - 5) ** 2) + 0.02 * (op != "b")
        lines += [f"{index},{seed},{best + 0.001 * rng.standard_normal():.5f},{x},{y},{z},{op}" for seed in (0, 1)]
    path.write_text("\n".join(lines) + "\n")
    return arena_of(path)


def scores(arena: Arena, strategy: str, repeats: int, budget: int) -> Floats:
    """Score of the network returned by each run, ``(repeats,)``."""
    rules = BenchRules(budget=budget, repeats=repeats)
    runs = [simulate(arena, strategy, seed, rules) for seed in rules.seeds]
    return np.array([incumbents(run.choosable, run.score)[-1] for run in runs])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", LEARNING)
def test_it_beats_random_search(large: Arena, strategy: str) -> None:
    """One-sided signed ranks over 16 paired seeds: without a difference p < 0.002 in at most 2 of 1,000 experiments.

    The seeds are fixed: the test fails when a strategy changes for the worse, and never by chance alone.
    """
    budget = LEARNING[strategy]
    test = wilcoxon(scores(large, strategy, 16, budget), scores(large, "random", 16, budget))
    assert test.p < 0.002, test


@pytest.mark.slow
def test_gp_beats_random_search(large: Arena) -> None:
    """As above, with fewer evaluations: a proposal takes long."""
    test = wilcoxon(scores(large, "gp", 10, 35), scores(large, "random", 10, 35))
    assert test.p < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "experiments"),
    [("local-search", 60), ("evolution", 60), ("tpe", 60), ("qmc", 60), ("nsga2", 60), ("predictor", 15)],
)
def test_nothing_can_be_learned_from_a_null_table(arena: Arena, strategy: str, experiments: int) -> None:
    """Errors are permuted over the networks, anew for each experiment of 8 paired runs.

    Every network is equally likely to be good wherever a strategy looks, so at level 0.05 the one-sided test rejects in
    at most 5 % of the experiments. More rejections than allowed here have a chance below 0.1 %.
    """
    assert arena.table is not None
    allowed = int(stats.binom.ppf(0.999, experiments, 0.05))
    rejected = 0
    for experiment in range(experiments):
        null = replace(arena, table=arena.table.permuted(experiment))
        test = wilcoxon(scores(null, strategy, 8, 25), scores(null, "random", 8, 25))
        rejected += test.p <= 0.05
    assert rejected <= allowed < experiments / 3
