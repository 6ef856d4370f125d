"""Several looks at a growing comparison."""

from __future__ import annotations

import numpy as np
import pytest

from regnas.population import Population, PopulationError, from_arrays
from regnas.statistics.sequential import nominal_levels
from regnas.studies.compare.looks import decide, look_sizes
from regnas.studies.compare.rules import Rules
from regnas.studies.compare.verdict import BETTER, UNDECIDED

RULES = Rules(repeats=999)


def drawn(name: str, mean: float, count: int = 100) -> Population:
    rng = np.random.default_rng([0, *name.encode()])
    return from_arrays(name, rng.normal(mean, 0.02, count), flops=rng.uniform(1e6, 2e6, count))


def test_looks_come_every_ten_models_from_twenty_on_and_end_at_the_budget() -> None:
    assert look_sizes(50) == (20, 30, 40, 50)
    assert look_sizes(45) == (20, 30, 40, 45)
    assert look_sizes(11) == (11,)


def test_a_clear_pair_is_decided_early_and_its_spaces_are_looked_at_no_more() -> None:
    populations = [drawn("a", 0.2), drawn("b", 0.3)]
    judgements, seen = decide(populations, RULES, 100, look_sizes(100))
    (one,) = judgements
    assert one.kind == BETTER and one.winner == 0
    assert [len(population) for population in seen] == [one.looks[-1].fraction * 100] * 2
    assert len(seen[0]) < 60


def test_an_open_pair_keeps_its_spaces_growing_while_a_decided_one_stops() -> None:
    populations = [drawn("a", 0.2), drawn("b", 0.202), drawn("c", 0.4)]
    judgements, seen = decide(populations, Rules(repeats=999, margin=0.001), 100, look_sizes(100))
    by_pair = {(one.first, one.second): one for one in judgements}
    assert by_pair[0, 2].kind == by_pair[1, 2].kind == BETTER and by_pair[0, 1].kind == UNDECIDED
    assert [len(one) for one in seen] == [100, 100, len(seen[2])] and len(seen[2]) < 100


def test_a_look_costs_alpha_so_that_the_same_p_value_is_worth_less() -> None:
    populations = [drawn("a", 0.2), drawn("b", 0.207)]
    several, _ = decide(populations, Rules(repeats=999, margin=0.0001), 100, look_sizes(100))
    once, _ = decide(populations, Rules(repeats=999, margin=0.0001), 100, (100,))
    assert several[0].looks[-1].p == once[0].p
    assert several[0].p >= once[0].p
    # The interval of the last look pays, too: it is wider than 90 %.
    level = nominal_levels(0.10, tuple(count / 100 for count in look_sizes(100)))[-1]
    assert several[0].interval.confidence == pytest.approx(1 - level) and level < 0.10


def test_models_beyond_the_look_are_not_seen() -> None:
    populations = [drawn("a", 0.2, 200), drawn("b", 0.205, 200)]
    short = [one.first(60) for one in populations]
    assert decide(populations, RULES, 60, look_sizes(60))[0][0].p == decide(short, RULES, 60, look_sizes(60))[0][0].p


def test_a_first_look_without_enough_models_says_so() -> None:
    with pytest.raises(PopulationError, match="the first look takes 20 models"):
        decide([drawn("a", 0.2, 12), drawn("b", 0.2, 12)], RULES, 100, look_sizes(100))
