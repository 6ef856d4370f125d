"""Permutations within bins, and the bootstrap of a population that is held as few values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import dealt_within, pieces
from regnas.statistics.bins import bin_weights
from regnas.statistics.resampling import atoms, resampled

# Errors with ties, and a bin for each; some models lie outside.
rows = st.lists(st.tuples(st.integers(1, 9), st.integers(-1, 1)), min_size=0, max_size=20).map(
    lambda some: [(3, 0), (4, 1), *some]
)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(1, 30), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_dealing_moves_nothing_out_of_its_bin(bins: list[int], repeats: int, seed: int) -> None:
    members = np.array(bins)
    places = np.arange(float(len(bins)))
    found = np.vstack(list(dealt_within(places, members, repeats, np.random.default_rng(seed)))).astype(int)
    assert found.shape == (repeats, len(bins))
    assert (np.sort(found, axis=1) == np.arange(len(bins))).all()
    assert (members[found] == members).all()


def test_every_permutation_within_the_bins_is_as_likely() -> None:
    """Chi-square over the 3! 2! permutations at 24,000 draws of a fixed seed; p below 1e-6 is no accident."""
    found = np.vstack(list(dealt_within(np.arange(5.0), np.array([0, 1, 0, 1, 0]), 24_000, np.random.default_rng(1))))
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert len(counts) == 12
    assert stats.chisquare(counts).pvalue > 1e-6


@given(st.integers(0, 10**7), st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_pieces_add_up_and_stay_small(repeats: int, width: int) -> None:
    cut = list(pieces(repeats, width)) if repeats * width <= 10**10 else [repeats]
    assert sum(cut) == repeats
    if len(cut) > 1:
        assert max(cut) * width <= 4_000_000


@given(rows)
@settings(deadline=None, max_examples=50)
def test_few_models_are_held_exactly(models: list[tuple[int, int]]) -> None:
    errors, members = np.array(models).T
    found = atoms(errors, members)
    inside = members >= 0
    assert found.values == pytest.approx(np.unique(errors[inside]))
    assert found.largest.tolist() == np.unique(errors[inside]).tolist()
    weights = bin_weights(members)
    assert found.shares == pytest.approx([weights[errors == value].sum() for value in found.largest])
    assert found.counts.sum(axis=1).tolist() == np.bincount(members[inside]).tolist()


def test_of_many_models_the_smallest_512_are_held_exactly_and_the_mean_is_kept() -> None:
    rng = np.random.default_rng(2)
    errors = rng.lognormal(-1, 0.5, size=20_000)
    members = rng.integers(-1, 3, size=20_000)
    found = atoms(errors, members)
    inside = np.sort(errors[members >= 0])
    assert len(found.values) == 1024
    assert found.values[:512] == pytest.approx(inside[:512], rel=1e-12)
    assert found.counts.sum() == len(inside)
    assert found.largest[-1] == inside[-1]
    assert found.shares @ found.values == pytest.approx(bin_weights(members) @ errors, rel=1e-12)


def test_a_population_without_a_model_in_a_bin_has_no_atoms() -> None:
    with pytest.raises(UsageError, match="no model lies in a bin that counts"):
        atoms([0.1, 0.2], [-1, -1])


def test_resamples_keep_the_models_of_every_bin() -> None:
    """Means over 20,000 resamples: within 5 standard errors, the variance being that of a multinomial."""
    errors = np.array([1.0, 2, 2, 3, 10, 20, 30, 40, 50])
    members = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    found = atoms(errors, members)
    draws = resampled(found, 20_000, np.random.default_rng(3))
    # The first bin holds the errors 1 to 3, and weighs a half, in steps of 1 / (2 * 4); the second the others.
    assert np.allclose(draws[:, :3].sum(axis=1), 0.5)
    assert np.allclose(draws[:, 3:].sum(axis=1), 0.5)
    assert np.allclose(draws[:, :3] * 8, np.round(draws[:, :3] * 8))
    for place, (p, size) in enumerate([(1 / 4, 4), (2 / 4, 4), (1 / 4, 4), *[(1 / 5, 5)] * 5]):
        spread = math.sqrt(p * (1 - p) / size) / 2
        assert abs(draws[:, place].mean() - p / 2) <= 5 * spread / math.sqrt(20_000)
        # The variance of a variance of 20,000 binomials is below 3 / 20,000 of its square.
        assert draws[:, place].std() == pytest.approx(spread, rel=5 * math.sqrt(3 / 20_000) / 2)


def test_bins_with_a_gap_in_their_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="without gaps"):
        atoms([0.1, 0.2, 0.3], [0, 2, 2])
