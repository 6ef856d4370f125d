"""The simulated cluster: the clock, the workers, what a strategy is told, and pruners."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regnas.architecture import Architecture
from regnas.studies.bench.analysis import table_facts
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.lookup import Look
from regnas.studies.bench.running.problem import Arena, table_arena
from regnas.studies.bench.running.runs import Run
from regnas.studies.bench.running.simulate import Simulation
from regnas.studies.bench.running.worker import simulate
from regnas.window import Window

RULES = BenchRules(budget=40, repeats=1)


@pytest.fixture
def arena(table_file: Path) -> Arena:
    return table_arena(f"table:{table_file}", f"table:{table_file}", Window())


def same(one: Run, other: Run) -> bool:
    """All but the processor time of the proposals."""
    columns = ("signal", "score", "started", "ended", "epochs", "whole")
    return one.networks == other.networks and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in columns
    )


@pytest.mark.parametrize("strategy", ["random", "evolution", "tpe"])
@pytest.mark.parametrize("workers", [1, 7])
def test_equal_seeds_give_equal_runs(arena: Arena, strategy: str, workers: int) -> None:
    rules = replace(RULES, workers=workers, budget=25)
    runs = [simulate(arena, strategy, seed, rules) for seed in (3, 3, 4)]
    assert same(runs[0], runs[1]) and not same(runs[0], runs[2])


def test_one_worker_trains_one_network_after_the_other(arena: Arena) -> None:
    run = simulate(arena, "random", 0, RULES)
    assert run.started[0] == 0
    assert np.array_equal(run.started[1:], run.ended[:-1])


@pytest.mark.parametrize("workers", [1, 3, 16, 100])
def test_no_more_are_trained_at_a_time_than_there_are_workers(arena: Arena, workers: int) -> None:
    run = simulate(arena, "random", 0, replace(RULES, workers=workers))
    ends = run.ended[:, None]
    busy = ((run.started[:, None] <= run.started) & (run.started < ends)).sum(axis=0)
    assert busy.max() == min(workers, RULES.budget)
    assert (np.diff(run.ended) >= 0).all()


def test_random_search_finds_the_same_networks_on_any_number_of_workers(arena: Arena) -> None:
    one, many = (simulate(arena, "random", 0, replace(RULES, workers=workers)) for workers in (1, 16))
    assert set(one.networks) == set(many.networks)
    assert many.ended[-1] < one.ended[-1] / 10


def test_strategies_share_their_initial_design_and_its_noise(arena: Arena) -> None:
    runs = [simulate(arena, strategy, 5, RULES) for strategy in ("random", "evolution", "tpe")]
    assert runs[0].networks[:10] == runs[1].networks[:10] == runs[2].networks[:10]
    assert np.array_equal(runs[0].signal[:10], runs[1].signal[:10])


def test_a_network_looks_the_same_to_all_strategies_of_a_repeat(arena: Arena) -> None:
    seen: dict[str, float] = {}
    for strategy in ("random", "evolution", "local-search"):
        run = simulate(arena, strategy, 5, RULES)
        for key, signal in zip(run.networks, run.signal.tolist(), strict=True):
            assert seen.setdefault(key, signal) == signal


class Sealed:
    """An oracle that answers for looks and breaks when it is asked for a score before the search has ended."""

    def __init__(self, arena: Arena) -> None:
        self._inner = arena.oracle
        self.ended = False
        self.looks = self.scores = 0

    def look(self, architecture: Architecture, seed: int) -> Look:
        assert not self.ended
        self.looks += 1
        return self._inner.look(architecture, seed)

    def score(self, architecture: Architecture, seed: int) -> float:
        self.ended = True
        self.scores += 1
        assert self.looks == 30
        return self._inner.score(architecture, seed)


@pytest.mark.parametrize(
    "strategy", ["random", "tpe", "evolution", "local-search", "qmc", "grid", "nsga2", "predictor", "gp"]
)
def test_no_strategy_reads_the_score(arena: Arena, strategy: str) -> None:
    """Scores are asked for when the search has ended, and changing all of them changes no proposal."""
    assert arena.table is not None
    arena = replace(arena, table=replace(arena.table, score_name="another column"))
    assert arena.table is not None
    sealed: Any = Sealed(arena)
    rules = replace(RULES, budget=30)
    run = Simulation(arena.space, arena.sampler(strategy, 0, rules), sealed, budget=30, seed=0).run(strategy)
    assert sealed.scores == 30
    other = replace(arena, table=replace(arena.table, score=1 - arena.table.score))
    again = simulate(other, strategy, 0, rules)
    assert again.networks == run.networks
    assert np.allclose(again.score, 1 - run.score)


def test_what_is_reported_is_of_the_trainings_that_the_run_was_not_shown(arena: Arena) -> None:
    """Every network of the made-up table has two trainings: one is shown, the score is the other."""
    assert arena.table is not None
    run = simulate(arena, "random", 7, replace(RULES, budget=30))
    for key, signal, score in zip(run.networks, run.signal, run.score, strict=True):
        row = arena.table.row(key)
        assert sorted([signal, score]) == pytest.approx(sorted(arena.table.signal[row]))


def test_networks_with_fewer_trainings_are_kept_and_told_from_those_with_more(arena: Arena) -> None:
    """Which networks were trained again need not be chance."""
    assert arena.table is not None and table_facts(arena.table, RULES).said_of_groups() == ""
    signal = arena.table.signal.copy()
    signal[::3, 1] = np.nan
    table = replace(arena.table, signal=signal, score=np.nanmean(signal, axis=1))
    facts, once = table_facts(table, RULES), len(signal[::3])
    assert {count: size for count, (size, _) in facts.groups.items()} == {1: once, 2: facts.networks - once}
    assert facts.networks == len(table) and facts.groups[1][1] == pytest.approx(table.score[::3].mean())
    assert facts.said_of_groups().endswith("recorded trainings; none is left out")


def test_a_table_that_is_used_up_ends_the_run(table_file: Path) -> None:
    arena = table_arena(f"table:{table_file}[x=3]", f"table:{table_file}", Window())
    run = simulate(arena, "evolution", 0, replace(RULES, budget=50))
    assert len(run) == len(set(run.networks)) == 30


def test_a_window_is_respected_without_a_wasted_evaluation(table_file: Path) -> None:
    arena = table_arena(f"table:{table_file}", f"table:{table_file}", Window.parse(flops="20k:30k"))
    assert arena.table is not None
    for strategy in ("random", "evolution", "local-search", "tpe"):
        run = simulate(arena, strategy, 0, replace(RULES, budget=20))
        costs = [arena.table.flops[arena.table.row(key)] for key in run.networks]
        assert len(run) == 20 and 20_000 <= min(costs) and max(costs) <= 30_000


@pytest.mark.parametrize("pruner", ["asha", "hyperband", "median"])
def test_a_pruner_saves_epochs_and_returns_a_network_trained_to_the_end(arena: Arena, pruner: str) -> None:
    whole = simulate(arena, "random", 0, RULES)
    pruned = simulate(arena, "random", 0, replace(RULES, pruner=pruner))
    assert pruned.epochs.sum() < 0.9 * whole.epochs.sum()
    assert len(pruned) == len(whole) and pruned.ended[-1] < whole.ended[-1]
    best = int(np.argmin(pruned.choosable))
    assert pruned.whole[best] and pruned.epochs[best] == 9


def test_asha_promotes_the_best_third_of_a_rung(arena: Arena) -> None:
    run = simulate(arena, "random", 0, replace(RULES, budget=27, pruner="asha[eta=3,first=1]"))
    epochs = sorted(run.epochs.tolist())
    # Asynchronous promotion: at the end a third of every rung has gone on, and early promotions may add to that.
    assert epochs.count(1) <= 18 and sum(count >= 3 for count in epochs) >= 9 and epochs.count(9) >= 3


def test_a_thousand_workers_ask_before_anything_is_told(arena: Arena) -> None:
    run = simulate(arena, "tpe", 0, replace(RULES, budget=60, workers=1000))
    assert (run.started == 0).all() and len(set(run.networks)) == 60
