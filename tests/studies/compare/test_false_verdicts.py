"""A/A: one population, split at random, through the whole verdict; and a planted difference."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from regnas.statistics.power import difference_power, models_for_distance
from regnas.statistics.two_sample import kolmogorov_smirnov
from regnas.studies.compare.interim_analyses import decide, look_sizes
from regnas.studies.compare.rules import ComparisonRules, binned
from regnas.studies.compare.verdict import BETTER, judge
from regnas.studies.populations.population import Population, from_arrays
from regnas.studies.populations.sources import load

SPLITS = 400
MODELS = 40  # of each space
ALPHA = 0.05


def _bound(splits: int) -> float:
    """Three binomial standard errors above alpha: 1 of 740 correct programs fails."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / splits)


def _whole(rng: np.random.Generator, count: int) -> Population:
    """Skewed errors that depend on flops, with ties: as the recorded populations look."""
    flops = rng.uniform(1e6, 2e6, count)
    errors = 0.15 + 0.04 * (2 - flops / 1e6) + 0.03 * rng.standard_exponential(count) ** 1.5
    return from_arrays("all", errors.clip(0, 0.9).round(3), flops=flops)


def _rules(split: int) -> ComparisonRules:
    """The smallest margin: no pair is practically equal, so that every difference may become a 'better'."""
    return ComparisonRules(repeats=499, margin=1e-6, seed=split, alpha=ALPHA)


@pytest.mark.slow
@pytest.mark.parametrize(("models", "splits"), [(MODELS, SPLITS), (100, 200)])
def test_spaces_that_are_one_are_seldom_called_better_with_one_look_and_with_many(models: int, splits: int) -> None:
    """Holm over three pairs and the spending over 3 or 9 looks hold the chance of any false 'better' at alpha."""
    rng = np.random.default_rng(1)
    whole = _whole(rng, 3 * models)
    once = several = 0
    for split in range(splits):
        places = rng.permutation(len(whole)).reshape(3, models)
        parts = [whole.take(rows) for rows in places]
        for number, part in enumerate(parts):
            parts[number] = from_arrays(f"part {number}", part.error, flops=part.flops)
        rules = _rules(split)
        once += any(one.kind == BETTER for one in judge(parts, rules))
        judgements, _ = decide(parts, rules, models, look_sizes(models))
        several += any(one.kind == BETTER for one in judgements)
    print(f"false 'better' in {splits} splits: {once} with one look, {several} with {len(look_sizes(models))}")
    assert once / splits <= _bound(splits) and several / splits <= _bound(splits)


@pytest.mark.slow
def test_a_planted_difference_is_found_as_often_as_planned() -> None:
    """400 comparisons: the standard error of the share is 2 points at a power of 0.8, and 4 of them are allowed."""
    rng = np.random.default_rng(2)
    found, shift, sd, runs = 0, 0.012, 0.02, 400
    for run in range(runs):
        parts = [
            from_arrays(name, rng.normal(mean, sd, MODELS), flops=rng.uniform(1e6, 2e6, MODELS))
            for name, mean in (("a", 0.2), ("b", 0.2 + shift))
        ]
        rules = _rules(run)
        found += judge(parts, rules)[0].kind == BETTER
    planned = difference_power(shift, sd, sd, MODELS, alpha=ALPHA, bins=_rules(0).bins_for)
    print(f"found {found} of {runs}, planned {planned:.3f}")
    assert abs(found / runs - planned) <= 4 * (planned * (1 - planned) / runs) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [("anynetx-a", "anynetx-e"), ("anynetx-a", "regnetx")])
def test_skewed_spaces_of_equal_means_and_unequal_spreads_are_called_better_a_little_too_often(
    first: str, second: str
) -> None:
    """The recorded populations with their means made equal in every bin: the errors of some spread several times as
    far, and are skewed. Valid only in the limit, the test may err in up to 3 % more than alpha with 100 models.
    """
    rules = ComparisonRules(repeats=199, margin=1e-6)
    (one,), (two,) = (load(f"recorded:fashion-mnist/{name}") for name in (first, second))
    bins = binned([one, two], rules)
    parts = []
    for population, members in zip((one, two), bins.members, strict=True):
        means = np.bincount(members, population.error) / np.bincount(members)
        parts.append((population.error - means[members], population.flops))
    rng, false = np.random.default_rng(3), 0
    for run in range(SPLITS):
        drawn = []
        for name, (rest, flops) in zip("ab", parts, strict=True):
            rows = rng.integers(len(rest), size=len(rest))
            drawn.append(from_arrays(name, 0.5 + 0.5 * rest[rows], flops=flops[rows]))
        false += judge(drawn, replace(rules, seed=run))[0].kind == BETTER
    print(f"{first} and {second}, means made equal: better in {false} of {SPLITS}")
    assert false / SPLITS <= _bound(SPLITS) + 0.03


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["shift", "some far worse"])
def test_planned_models_see_a_distance_of_another_shape_nearly_as_often(shape: str) -> None:
    """``regnas plan --detect 0.15`` is for Lehmann's alternative; 2,000 trials of others at the same distance."""
    distance, count = 0.15, models_for_distance(0.15)
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2000, count)), rng.normal(size=(2000, count))
    if shape == "shift":
        b += 2 * stats.norm.ppf(0.5 + distance / 2)
    else:
        b = np.where(rng.random(b.shape) < distance, 10 + b, b)
    seen = float(np.mean([kolmogorov_smirnov(x, y).p <= ALPHA for x, y in zip(a, b, strict=True)]))
    print(f"{shape}: {count} models see D = {distance} in {seen:.3f}, planned 0.8")
    assert 0.7 <= seen <= 0.9
