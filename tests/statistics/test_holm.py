"""Holm's adjusted p values, against a worked example and the closed test that they come from."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.statistics.multiple import holm, next_level

p_values = st.lists(st.integers(0, 40).map(lambda n: n / 40), min_size=1, max_size=6)


def test_a_worked_example() -> None:
    # By hand: 4 * 0.005 = 0.02; 3 * 0.01 = 0.03; 2 * 0.03 = 0.06; 1 * 0.04 is below the one before it, so 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
@settings(deadline=None)
def test_it_is_the_closed_test_of_bonferroni(values: list[float]) -> None:
    """A hypothesis is rejected if Bonferroni rejects every intersection that it is part of (Marcus et al. 1976)."""
    places = range(len(values))
    sets = [some for size in range(1, len(values) + 1) for some in combinations(places, size)]
    level = {some: min(1.0, len(some) * min(values[i] for i in some)) for some in sets}
    closed = [max(level[some] for some in sets if place in some) for place in places]
    assert holm(values) == pytest.approx(closed)


@given(p_values)
@settings(deadline=None)
def test_it_keeps_the_order_and_never_lowers_a_p_value(values: list[float]) -> None:
    adjusted = holm(values)
    assert (adjusted >= values).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(values)]) >= 0).all()


def test_p_values_that_are_missing_are_refused() -> None:
    for values in ([], [0.1, np.nan]):
        with pytest.raises(UsageError, match="p values"):
            holm(values)


@given(st.lists(st.sampled_from(["true", "rejected", "missed"]), min_size=1, max_size=12))
def test_levels_of_true_hypotheses_never_sum_to_more_than_the_shares(kinds: list[str]) -> None:
    """Up to the first error no true one is rejected: so the chance of any error is at most the sum of the shares."""
    share, history = 0.05 / len(kinds), list[tuple[float, bool]]()
    for kind in kinds:
        history.append((next_level(share, history), kind == "rejected"))
    levels = [level for (level, _), kind in zip(history, kinds, strict=True) if kind == "true"]
    assert sum(levels) <= 0.05 + 1e-12 and min(level for level, _ in history) >= share


def test_a_share_of_alpha_is_above_0() -> None:
    with pytest.raises(UsageError, match="a share of alpha lies between 0 and 1, got 0"):
        next_level(0.0, [])
