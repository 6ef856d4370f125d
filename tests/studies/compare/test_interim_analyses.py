"""Several looks at a growing comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regnas.statistics.sequential import nominal_levels
from regnas.studies.compare.interim_analyses import decide, look_sizes
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.compare.verdict import BETTER, UNDECIDED
from regnas.studies.populations.population import Population, PopulationError, from_arrays

RULES = ComparisonRules(repeats=999)


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
    assert len(seen[0]) <= 30


def test_an_open_pair_keeps_its_spaces_growing_while_a_decided_one_stops() -> None:
    populations = [drawn("a", 0.2), drawn("b", 0.202), drawn("c", 0.4)]
    judgements, seen = decide(populations, ComparisonRules(repeats=999, margin=0.001), 100, look_sizes(100))
    by_pair = {(one.first, one.second): one for one in judgements}
    assert by_pair[0, 2].kind == by_pair[1, 2].kind == BETTER and by_pair[0, 1].kind == UNDECIDED
    assert [len(one) for one in seen] == [100, 100, len(seen[2])] and len(seen[2]) < 100


def test_a_look_costs_alpha_so_that_the_same_p_value_is_worth_less() -> None:
    populations = [drawn("a", 0.2), drawn("b", 0.207)]
    several, _ = decide(populations, ComparisonRules(repeats=999, margin=0.0001), 100, look_sizes(100))
    once, _ = decide(populations, ComparisonRules(repeats=999, margin=0.0001), 100, (100,))
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


@pytest.mark.slow
def test_the_winner_is_the_better_one_at_the_look_that_decides() -> None:
    """Small differences that change their sign between looks: a look that is past decides nothing later."""
    decided = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        populations = [
            from_arrays(name, rng.normal(mean, 0.02, 60), flops=rng.uniform(1e6, 2e6, 60))
            for name, mean in (("a", 0.2), ("b", 0.208), ("c", 0.215))
        ]
        for one in decide(populations, ComparisonRules(repeats=199, margin=1e-4, seed=seed), 60, look_sizes(60))[0]:
            if one.kind == BETTER:
                decided += 1
                fractions = tuple(look.fraction for look in one.looks)
                assert one.looks[-1].p <= nominal_levels(0.05, fractions)[-1]
                assert (one.difference.estimate < 0) == (one.winner == one.first)
    assert decided > 50


def test_failures_and_models_that_come_later_change_nothing_of_a_look() -> None:
    """c is decided at 30 models; then 4 candidates of a fail, more than a twentieth of 30 and less of 100."""
    a, b, c = drawn("a", 0.2), drawn("b", 0.202), drawn("c", 0.4)
    rules = ComparisonRules(repeats=999, margin=0.001)
    before, _ = decide([a, b, c.first(40)], rules, 100, look_sizes(100))
    late = from_arrays("a", a.error, flops=a.flops, indices=np.arange(100) + 4 * (np.arange(100) > 60))
    late = replace(late, failures=(61, 62, 63, 64))
    after, _ = decide([late, b, c.first(40)], rules, 100, look_sizes(100))
    assert [(one.kind, one.p) for one in after] == [(one.kind, one.p) for one in before]
    assert before[1].kind == before[2].kind == BETTER


def test_early_looks_use_the_models_they_have() -> None:
    """20 models are two bins, not the ten of the last look: none of them is left out."""
    judgements, _ = decide([drawn("a", 0.2, 20), drawn("b", 0.21, 20)], RULES, 100, (20, 100))
    assert judgements[0].bins == 2 and judgements[0].coverage == 1
