"""The best of m random models: closed forms against brute force, simulation and one another."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.best_of import (
    best_curve,
    chance_of_winning,
    equal_effort,
    expected_best,
    expected_best_unbiased,
    merged_sizes,
    powers_of_two,
)
from regnas.statistics.bins import bin_weights
from regnas.statistics.edf import quantile

# Errors from few values, so that many tie, with weights that are not 0.
models = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5)), min_size=1, max_size=25).map(
    lambda rows: (np.array([e for e, _ in rows]) / 40, np.array([w for _, w in rows], dtype=np.float64))
)
Models = tuple[Floats, Floats]


def _population(seed: int, count: int = 200) -> Models:
    """Skewed errors, as networks have them, and uneven weights."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 3, size=count)
    return 0.05 + rng.lognormal(-1.5, 0.6, size=count), weights / weights.sum()


def _bests(errors: Floats, weights: Floats | None, size: int, draws: int, rng: np.random.Generator) -> Floats:
    """``(draws,)``: the best of ``size`` models, each drawn by its weight."""
    return np.asarray(rng.choice(errors, size=(draws, size), p=weights).min(axis=1))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("size", "draws"), [(1, 1_500_000), (8, 200_000), (64, 50_000)])
def test_the_expected_best_is_that_of_a_simulation_to_three_digits(size: int, draws: int, weighted: bool) -> None:
    errors, weights = _population(1)
    used = weights if weighted else None
    bests = _bests(errors, used, size, draws, np.random.default_rng(2))
    error = bests.std() / math.sqrt(draws)
    assert 5 * error < 5e-4 * 1.5  # the simulation itself is good to three digits
    assert abs(expected_best(errors, size, used)[0] - bests.mean()) <= 5 * error


@given(models)
@settings(deadline=None)
def test_the_best_of_one_is_the_weighted_mean(one: Models) -> None:
    errors, weights = one
    assert expected_best(errors, 1, weights)[0] == pytest.approx(np.average(errors, weights=weights))
    assert expected_best(errors, 1)[0] == pytest.approx(errors.mean())


@given(models, st.lists(st.floats(0.1, 1000), min_size=2, max_size=10).map(sorted))
@settings(deadline=None, max_examples=50)
def test_the_best_of_more_models_is_no_worse_and_never_better_than_the_best_model(
    one: Models, sizes: list[float]
) -> None:
    found = expected_best(one[0], sizes, one[1])
    assert (np.diff(found) <= 1e-12).all()
    assert found.min() >= one[0].min() - 1e-12


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.data())
@settings(deadline=None)
def test_without_replacement_it_is_the_mean_over_all_subsets(errors: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(errors)))
    direct = np.mean([min(some) for some in combinations(errors, size)])
    assert expected_best_unbiased(errors, size)[0] == pytest.approx(direct)


def test_without_replacement_large_populations_do_not_overflow() -> None:
    errors = np.sort(_population(3, 2000)[0])
    for size in (1, 300, 2000):
        # Exact, in whole numbers: the i-th smallest is the best of C(n - i, m - 1) of the C(n, m) subsets.
        ways = [math.comb(1999 - i, size - 1) / math.comb(2000, size) for i in range(2000)]
        assert expected_best_unbiased(errors, size)[0] == pytest.approx(np.dot(ways, errors), rel=1e-9)


def test_without_replacement_the_estimate_is_unbiased_and_with_replacement_it_is_too_large() -> None:
    """Over all 3^4 equally likely populations of 4 models, whose errors are one of three values each."""
    space = [0.1, 0.2, 0.5]
    populations = list(product(space, repeat=4))
    for size in (1, 2, 3, 4):
        true = expected_best(space, size)[0]
        unbiased = np.mean([expected_best_unbiased(one, size)[0] for one in populations])
        papers = np.mean([expected_best(one, size)[0] for one in populations])
        assert unbiased == pytest.approx(true, rel=1e-12)
        if size > 1:
            assert papers > true + 0.005


@pytest.mark.parametrize("size", [4, 1.5])
def test_without_replacement_at_most_all_models_are_drawn(size: float) -> None:
    with pytest.raises(UsageError, match="of a whole number up to 3 models"):
        expected_best_unbiased([0.1, 0.2, 0.3], size)


@pytest.mark.parametrize("size", [0, -1, math.nan, math.inf])
def test_the_best_of_no_models_is_refused(size: float) -> None:
    with pytest.raises(UsageError, match="is above 0"):
        expected_best([0.1, 0.2], [1, size])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("size", [1, 5, 40])
def test_a_quantile_of_the_best_is_that_of_a_simulation(size: int, q: float, weighted: bool) -> None:
    """5 standard errors of 20,000 draws: the share that is better is at most q, and with the ties at least q."""
    errors, members = _in_bins(4, [0, 50, 10])
    errors, bins = np.round(errors, 2), members if weighted else None
    bests = _bests(errors, None if bins is None else bin_weights(bins), size, 20_000, np.random.default_rng(5))
    found = round(_curve_quantile(errors, size, q, bins), 2)
    slack = 5 * math.sqrt(q * (1 - q) / 20_000)
    assert (bests < found).mean() <= q + slack
    assert (bests <= found).mean() >= q - slack


@given(models, st.integers(1, 20))
@settings(deadline=None)
def test_a_quantile_of_the_best_of_one_is_one_of_the_population(one: Models, twentieths: int) -> None:
    errors, _ = one
    if twentieths < 20:  # a quantile of the curve has a probability below 1
        assert _curve_quantile(errors, 1, twentieths / 20) == pytest.approx(quantile(errors, twentieths / 20))


def _curve_quantile(errors: Floats, size: int, q: float, members: Ints | None = None) -> float:
    """The quantile of the best of ``size`` models, as the curve has it."""
    curve = best_curve(errors, [size], members, quantiles=(q,), repeats=1, rng=np.random.default_rng(0))
    return float(curve.quantiles[q].value[0])


def _by_sorting(errors: Floats, sizes: list[int], q: float, weights: Floats) -> Floats:
    """``(k,)``: the smallest error that the best of m does not exceed with probability ``q``, model by model.

    P(min > e) = S(e)^m, with the strict survival function of the weighted error distribution.
    """
    order = np.argsort(errors, kind="stable")
    above = np.clip(1 - np.cumsum(weights[order] / weights.sum()), 0, 1)
    places = [np.searchsorted(1 - above**m, q * (1 - 1e-12), side="left") for m in sizes]
    return np.asarray(errors[order][np.minimum(places, len(errors) - 1)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 4, 32])
def test_the_chance_of_winning_is_that_of_a_simulation(size: int, weighted: bool) -> None:
    """5 standard errors of 40,000 contests; errors are rounded, so that many tie."""
    (a, weights_a), (b, weights_b) = _population(6, 80), _population(7, 50)
    a, b = np.round(a, 2), np.round(b - 0.02, 2)
    used = (weights_a, weights_b) if weighted else (None, None)
    rng = np.random.default_rng(8)
    best_a, best_b = (_bests(one, w, size, 40_000, rng) for one, w in zip((a, b), used, strict=True))
    won = (best_a < best_b) + 0.5 * (best_a == best_b)
    assert (best_a == best_b).mean() > 0.01  # ties matter
    found = chance_of_winning(a, b, size, *used)[0]
    assert abs(found - won.mean()) <= 5 * won.std() / math.sqrt(40_000)


@given(models, models, st.floats(0.5, 200))
@settings(deadline=None, max_examples=50)
def test_one_of_two_populations_wins(first: Models, second: Models, size: float) -> None:
    (a, weights_a), (b, weights_b) = first, second
    forth = chance_of_winning(a, b, size, weights_a, weights_b)[0]
    back = chance_of_winning(b, a, size, weights_b, weights_a)[0]
    assert forth + back == pytest.approx(1)
    assert 0 <= forth <= 1 + 1e-12


@given(models, st.floats(0.5, 200))
@settings(deadline=None, max_examples=50)
def test_identical_populations_win_equally_often(one: Models, size: float) -> None:
    errors, weights = one
    # In another order too: nothing depends on the order of models.
    assert chance_of_winning(errors, errors[::-1], size, weights, weights[::-1])[0] == pytest.approx(0.5)


@given(models, st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_a_population_equals_itself_in_effort(one: Models, share: float) -> None:
    errors, weights = one
    assume(np.ptp(errors) > 0)
    # Of more models than there are, the best is the population's best, whatever their number, in floating point.
    size = 1 + share * (len(errors) - 1)
    assert equal_effort(errors, errors, size, weights, weights) == pytest.approx(size, rel=1e-6)


@given(models, models, st.floats(1, 20))
@settings(deadline=None, max_examples=50)
def test_equal_effort_is_as_good_and_its_own_inverse(first: Models, second: Models, size: float) -> None:
    (a, weights_a), (b, weights_b) = first, second
    goal = expected_best(b, size, weights_b)[0]
    assume(goal > b.min() + 1e-4 and a.min() + 1e-4 < goal < a.max() - 1e-4)
    found = equal_effort(a, b, size, weights_a, weights_b)
    assert expected_best(a, found, weights_a)[0] == pytest.approx(goal, rel=1e-9)
    assert equal_effort(b, a, found, weights_b, weights_a) == pytest.approx(size, rel=1e-4)


def test_twice_as_good_a_uniform_space_is_worth_twice_the_models_and_one() -> None:
    """The best of m uniform errors is 1 / (m + 1), and half of that on [0, 1/2]: k + 1 = 2 (m + 1)."""
    grid = (np.arange(100_000) + 0.5) / 100_000
    for size in (1, 7, 50):
        assert equal_effort(grid, grid / 2, size) == pytest.approx(2 * size + 1, rel=1e-3)


def test_what_no_model_reaches_takes_infinitely_many() -> None:
    assert equal_effort([0.2, 0.3], [0.1, 0.15], 1) == math.inf
    assert equal_effort([0.2, 0.3], [0.1, 0.4], 1) == pytest.approx(1)  # both expect 0.25
    assert equal_effort([0.2, 0.3], [0.1, 0.4], 50) == math.inf


def _in_bins(seed: int, sizes: list[int]) -> tuple[Floats, Ints]:
    members = np.repeat(np.arange(-1, len(sizes) - 1), sizes)
    rng = np.random.default_rng(seed)
    return 0.05 + rng.lognormal(-1.5, 0.5, size=len(members)) - 0.02 * members, members


def test_the_curve_is_the_expected_best_up_to_1024_distinct_errors() -> None:
    errors, members = _in_bins(9, [20, 700, 324])
    sizes = [1, 2, 25, 256, 300, 2000]
    found = best_curve(errors, sizes, members, repeats=200, rng=np.random.default_rng(10))
    assert found.sizes.tolist() == sizes
    assert found.expected == pytest.approx(expected_best(errors, sizes, bin_weights(members)), rel=1e-12)
    assert found.trusted.tolist() == [True, True, True, True, False, False]  # a quarter of 1,024 is 256
    assert ((found.low <= found.expected) & (found.expected <= found.high))[found.trusted].all()


def test_the_curve_of_20000_models_is_off_by_far_less_than_its_band() -> None:
    errors, members = _in_bins(11, [0, 12_000, 8000])
    sizes = 2 ** np.arange(13)
    exact = expected_best(errors, sizes, bin_weights(members))
    found = best_curve(errors, sizes, members, repeats=300, rng=np.random.default_rng(12))
    assert found.expected == pytest.approx(exact, rel=5e-5)
    assert (np.abs(found.expected - exact) <= (found.high - found.low) / 100).all()


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_quantiles_of_the_curve_are_those_in_closed_form_and_of_resampling(q: float) -> None:
    errors, members = _in_bins(16, [4, 40, 12])
    sizes, repeats = [1, 8, 14], 3000
    rng = np.random.default_rng(17)
    band = best_curve(errors, sizes, members, quantiles=(q,), repeats=repeats, rng=rng).quantiles[q]
    assert band.value == pytest.approx(_by_sorting(errors, sizes, q, bin_weights(members)))
    brute = []
    for _ in range(repeats):
        places = np.concatenate([rng.choice(np.flatnonzero(members == one), (members == one).sum()) for one in (0, 1)])
        brute.append(_by_sorting(errors[places], sizes, q, bin_weights(members[places])))
    slack = 5 * math.sqrt(2 * 0.025 * 0.975 / repeats)
    for ends, level in ((band.low, 0.025), (band.high, 0.975)):
        below, above = np.quantile(np.array(brute), [max(level - slack, 0), level + min(slack, 0.025)], axis=0)
        assert ((ends >= below - 1e-12) & (ends <= above + 1e-12)).all()


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_the_band_of_the_curve_is_that_of_resampling_models_within_bins(confidence: float) -> None:
    errors, members = _in_bins(13, [4, 40, 12])
    sizes, repeats = [1, 8, 14], 3000
    found = best_curve(errors, sizes, members, confidence=confidence, repeats=repeats, rng=np.random.default_rng(14))
    rng = np.random.default_rng(15)
    brute = []
    for _ in range(repeats):
        places = np.concatenate([rng.choice(np.flatnonzero(members == one), (members == one).sum()) for one in (0, 1)])
        brute.append(expected_best(errors[places], sizes, bin_weights(members[places])))
    tail = (1 - confidence) / 2
    slack = 5 * math.sqrt(2 * tail * (1 - tail) / repeats)  # 5 standard errors of the level, both sides resampled
    for ends, q in ((found.low, tail), (found.high, 1 - tail)):
        below, above = np.quantile(np.array(brute), [max(q - slack, 0), min(q + slack, 1)], axis=0)
        assert ((ends >= below) & (ends <= above)).all()


def test_sizes_go_to_a_quarter_of_the_models_and_two_doublings_beyond() -> None:
    assert powers_of_two(40) == [1, 2, 4, 8, 16, 32]
    assert powers_of_two(32, beyond=0) == [1, 2, 4, 8]
    assert powers_of_two(1, beyond=1) == [1, 2]
    assert merged_sizes([3, 40]) == [1, 2, 4, 8, 16, 25, 32]
    assert merged_sizes([4], always=()) == [1, 2, 4]


def test_an_error_below_every_model_is_reached_by_no_number_of_them() -> None:
    errors = np.linspace(0.05, 0.35, 20_000)
    assert equal_effort(errors, [0.05 - 1e-5], 1) == float("inf")


@pytest.mark.slow
@pytest.mark.parametrize("count", [60, 100, 400])
def test_the_band_is_right_for_few_models_and_too_narrow_for_a_quarter_of_them(count: int) -> None:
    """1,000 populations of skewed errors, 0.05 + a log-normal number: a standard error of 1 % or less."""
    grid = 0.05 + stats.lognorm.ppf((np.arange(100_000) + 0.5) / 100_000, 0.8, scale=0.2)
    sizes = [1, 4, count // 8, count // 4]
    true = expected_best(grid, sizes)
    rng = np.random.default_rng(18)
    held = np.zeros(len(sizes))
    for _ in range(1000):
        found = best_curve(0.05 + rng.lognormal(np.log(0.2), 0.8, count), sizes, repeats=400, rng=rng)
        held += (found.low <= true) & (true <= found.high)
    print(f"n = {count}: " + ", ".join(f"m = {m} {share:.1%}" for m, share in zip(sizes, held / 1000, strict=True)))
    assert (held[:2] / 1000 >= 0.9).all() and held[2] / 1000 >= 0.85 and held[3] / 1000 >= 0.78
