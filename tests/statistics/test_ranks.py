"""Average ranks of algorithms: published critical values, brute force, and what must not change them."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats
from regnas.statistics.ranks import block_ranks, cliques, critical_difference, friedman

# Scores from few values, so that many tie.
tables = st.integers(1, 8).flatmap(
    lambda blocks: st.integers(2, 6).flatmap(
        lambda count: st.lists(
            st.lists(st.integers(0, 5), min_size=count, max_size=count), min_size=blocks, max_size=blocks
        ).map(lambda rows: np.array(rows, dtype=np.float64))
    )
)


@pytest.mark.parametrize(
    ("algorithms", "q"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_the_critical_values_are_those_of_demsar(algorithms: int, q: float) -> None:
    """Demsar 2006, table 5a, alpha 0.05: three decimals, the last of which is not always rounded to the nearest."""
    scale = math.sqrt(algorithms * (algorithms + 1) / (6 * 30))
    assert critical_difference(algorithms, 30) == pytest.approx(q * scale, abs=0.001 * scale)


def test_the_critical_difference_is_that_of_a_published_comparison() -> None:
    """Demsar 2006, section 3.2.4: four algorithms on 14 data sets, CD 1.25 (q 2.569) at 0.05 and 1.12 at 0.10."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)


def test_the_statistics_are_those_of_a_published_comparison() -> None:
    """Demsar 2006, table 6 and section 3.2.4: AUC of C4.5 and three variants on 14 data sets, chi2 9.28, F 3.69."""
    auc = [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
    found = friedman(-np.array(auc))
    assert found.ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.0005)
    # He does not correct for ties, which makes the statistic larger: by the factor of the untied blocks' variance.
    blocks, count = 14, 4
    plain = 12 * blocks / (count * (count + 1)) * (found.ranks**2).sum() - 3 * blocks * (count + 1)
    assert plain == pytest.approx(9.28, abs=0.005)
    tied = sum(int(n**3 - n) for row in auc for n in np.unique(row, return_counts=True)[1])
    assert found.chi_square == pytest.approx(plain / (1 - tied / (blocks * count * (count**2 - 1))))
    assert (blocks - 1) * plain / (blocks * (count - 1) - plain) == pytest.approx(3.69, abs=0.005)
    assert found.f > 3.69 and found.p < 0.05


@given(tables)
@settings(deadline=None)
def test_the_statistic_is_that_of_scipy_where_scipy_has_one(table: Floats) -> None:
    assume(table.shape[1] >= 3 and (np.ptp(table, axis=1) > 0).any())
    assert friedman(table).chi_square == pytest.approx(stats.friedmanchisquare(*table.T).statistic)


@given(tables, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_ranks_are_of_order_alone(table: Floats, random: object) -> None:
    plain, bent = friedman(table), friedman(np.exp(table) - 7)
    assert (plain.ranks == bent.ranks).all() and plain.p == bent.p
    swapped = friedman(table[:, ::-1])
    assert swapped.ranks[::-1] == pytest.approx(plain.ranks) and swapped.p == pytest.approx(plain.p)
    assert friedman(table[::-1]).p == pytest.approx(plain.p)


@given(tables)
@settings(deadline=None)
def test_ranks_of_a_block_sum_to_those_without_ties_and_p_is_a_probability(table: Floats) -> None:
    count = table.shape[1]
    assert block_ranks(table).sum(axis=1) == pytest.approx(np.full(len(table), count * (count + 1) / 2))
    found = friedman(table)
    assert 0 <= found.p <= 1 and found.chi_square >= 0 and found.f >= 0


@pytest.mark.parametrize("shape", [(1, 3), (6, 2), (5, 4)])
def test_blocks_that_all_tie_have_equal_ranks_and_no_difference(shape: tuple[int, int]) -> None:
    found = friedman(np.full(shape, 0.1))
    assert found.ranks.tolist() == [(shape[1] + 1) / 2] * shape[1]
    assert (found.chi_square, found.f, found.p) == (0, 0, 1)


def test_one_block_says_nothing() -> None:
    found = friedman([[0.3, 0.1, 0.2]])
    assert found.ranks.tolist() == [3, 1, 2] and found.p == 1


@pytest.mark.parametrize("row", [[0.1, 0.2, 0.3], [0.1, 0.1, 0.3]])
def test_the_p_value_of_complete_agreement_is_the_share_of_all_dealings(row: list[float]) -> None:
    """The first block as it is, the others in every order."""
    orders = list(permutations(row))
    agree = [all(other == tuple(row) for other in others) for others in product(orders, repeat=2)]
    assert friedman([row] * 3).p == pytest.approx(np.mean(agree))


def test_p_values_are_those_of_exchangeable_algorithms() -> None:
    """2,000 tables of 12 blocks x 4 algorithms: 5 standard errors of the level, 2.4 %, and 0.5 % for the F limit
    (Iman and Davenport 1980, table 1: within half a per cent of 5 % for as many blocks).
    """
    rng = np.random.default_rng(0)
    rejected = np.mean([friedman(rng.random((12, 4))).p <= 0.05 for _ in range(2000)])
    assert abs(rejected - 0.05) <= 5 * math.sqrt(0.05 * 0.95 / 2000) + 0.005


@given(st.integers(2, 12), st.integers(1, 200), st.sampled_from([0.01, 0.05, 0.1]))
@settings(deadline=None, max_examples=30)
def test_the_critical_difference_falls_with_blocks_and_grows_with_algorithms(
    algorithms: int, blocks: int, alpha: float
) -> None:
    found = critical_difference(algorithms, blocks, alpha)
    assert critical_difference(algorithms, 4 * blocks, alpha) == pytest.approx(found / 2)
    assert critical_difference(algorithms + 1, blocks, alpha) > found
    assert critical_difference(algorithms, blocks, alpha / 2) > found


def test_of_two_algorithms_the_critical_difference_is_that_of_the_sign_tests_limit() -> None:
    """Average ranks of two differ by a mean of N signs, of standard deviation 1 / sqrt(N)."""
    assert critical_difference(2, 25) == pytest.approx(stats.norm.ppf(0.975) / 5, rel=1e-6)


ranks = st.lists(st.integers(4, 24).map(lambda quarter: quarter / 4), min_size=1, max_size=7)


@given(ranks, st.integers(1, 12).map(lambda eighth: eighth / 8))
def test_cliques_are_the_largest_groups_within_the_difference(values: list[float], difference: float) -> None:
    """All subsets, by brute force; equal ranks make one group."""
    count = len(values)
    subsets = [[k for k in range(count) if mask >> k & 1] for mask in range(1, 2**count)]
    close = [set(one) for one in subsets if max(values[k] for k in one) - min(values[k] for k in one) < difference]
    largest = {frozenset(one) for one in close if len(one) > 1 and not any(one < other for other in close)}
    found = cliques(values, difference)
    assert {frozenset(one) for one in found} == largest and len(found) == len(largest)
    for one in found:
        assert [values[k] for k in one] == sorted(values[k] for k in one)


@pytest.mark.parametrize("table", [[1.0, 2.0], [[1.0], [2.0]], np.empty((0, 3))])
def test_a_table_without_algorithms_is_refused(table: object) -> None:
    with pytest.raises(UsageError, match="blocks x algorithms, at least 1 x 2"):
        friedman(table)  # type: ignore[arg-type]


def test_a_score_that_is_not_finite_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError, match="algorithm 1 has nan in block 2"):
        friedman([[1.0, 2.0], [3.0, 4.0], [5.0, math.nan]])


@pytest.mark.parametrize(("algorithms", "blocks", "alpha"), [(1, 5, 0.05), (3, 0, 0.05), (3, 5, 0.0), (3, 5, 1.0)])
def test_a_critical_difference_of_nothing_is_refused(algorithms: int, blocks: int, alpha: float) -> None:
    with pytest.raises(UsageError, match="at least 2 algorithms and 1 block"):
        critical_difference(algorithms, blocks, alpha)
