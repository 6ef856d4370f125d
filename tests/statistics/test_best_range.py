"""The empirical bootstrap of the best models, against resampling by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints
from regnas.statistics.best_range import best_models, best_range

REPEATS = 40_000


def _by_resampling(errors: Floats, draws: int, rng: np.random.Generator) -> Ints:
    """The best of models drawn with replacement; of drawn models with equal errors one at random."""
    places = rng.integers(len(errors), size=(REPEATS, draws))
    keys = rng.random(places.shape)
    best = errors[places] == errors[places].min(axis=1, keepdims=True)
    return np.asarray(places[np.arange(REPEATS), np.where(best, keys, 2).argmin(axis=1)])


@pytest.mark.parametrize(
    ("errors", "share"),
    [
        pytest.param(np.random.default_rng(1).random(22), 0.25, id="no-ties"),
        pytest.param(np.random.default_rng(2).integers(4, size=20) / 4, 0.25, id="ties"),
        pytest.param(np.random.default_rng(3).random(9), 1.0, id="as-many-as-there-are"),
    ],
)
def test_models_are_best_as_often_as_by_resampling(errors: Floats, share: float) -> None:
    """Counts of 40,000 each: within 5 standard errors, and p of a chi-square test not below 1e-6."""
    found = best_models(errors, share=share, repeats=REPEATS, rng=np.random.default_rng(4))
    brute = _by_resampling(errors, int(share * len(errors)), np.random.default_rng(5))
    counts, direct = (np.bincount(one, minlength=len(errors)) for one in (found, brute))
    common = (counts + direct) / (2 * REPEATS)
    assert (np.abs(counts - direct) <= 5 * np.sqrt(2 * REPEATS * common * (1 - common)) + 1).all()
    often = common * REPEATS >= 5  # the chi-square law needs some in every cell
    assert stats.chi2_contingency([counts[often], direct[often]]).pvalue > 1e-6


def test_the_best_model_is_drawn_unless_every_draw_misses_it() -> None:
    """1 - (1 - 1/n)^k, within 5 standard errors of 40,000."""
    errors = np.linspace(0.9, 0.1, 40)
    chance = 1 - (39 / 40) ** 10
    found = (best_models(errors, repeats=REPEATS, rng=np.random.default_rng(6)) == 39).mean()
    assert abs(found - chance) <= 5 * math.sqrt(chance * (1 - chance) / REPEATS)


def test_models_with_equal_errors_are_as_likely() -> None:
    errors = np.array([0.5, 0.1, 0.9, 0.1, 0.1, 0.5, 0.9, 0.9])
    counts = np.bincount(best_models(errors, repeats=REPEATS, rng=np.random.default_rng(7)), minlength=8)
    for tied in ([1, 3, 4], [0, 5], [2, 6, 7]):
        assert counts[tied].sum() > 1000
        assert stats.chisquare(counts[tied]).pvalue > 1e-6


def test_a_share_of_less_than_one_model_draws_one() -> None:
    counts = np.bincount(best_models([0.3, 0.1, 0.2], share=0.1, repeats=REPEATS, rng=np.random.default_rng(8)))
    assert stats.chisquare(counts).pvalue > 1e-6


def test_equal_seeds_give_equal_models() -> None:
    errors = np.random.default_rng(9).random(30)
    first, again, other = (best_models(errors, repeats=200, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize(("share", "repeats"), [(0.0, 10), (1.1, 10), (0.25, 0)])
def test_resamples_take_a_share_of_the_models_at_least_once(share: float, repeats: int) -> None:
    with pytest.raises(UsageError, match="a resample takes a share"):
        best_models([0.1, 0.2], share=share, repeats=repeats, rng=np.random.default_rng(0))


def test_the_range_is_the_middle_95_percent_of_the_best_models() -> None:
    # 41 best models with the parameters 0, 10, ..., 400: 2.5 % of 40 steps are 1 step.
    found = best_range(10.0 * np.arange(50), np.arange(41)[::-1])
    assert (found.low, found.middle, found.high) == (10, 200, 390)
