"""The verdict on pairs of spaces: better, practically equal, cannot tell yet, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regnas.studies.compare.analysis import analyse
from regnas.studies.compare.report import tables
from regnas.studies.compare.rules import ComparisonRules, binned
from regnas.studies.compare.verdict import BETTER, EQUAL, NO_VERDICT, UNDECIDED, Judgement, judge
from regnas.studies.populations.population import Population, PopulationError, from_arrays

FAST = ComparisonRules(repeats=999, resamples=200)


def drawn(name: str, count: int, *, mean: float = 0.2, sd: float = 0.02, seed: int = 0, **columns: Any) -> Population:
    """Errors around a mean, flops evenly spread."""
    rng = np.random.default_rng([seed, *name.encode()])
    return from_arrays(name, rng.normal(mean, sd, count).clip(0, 1), flops=rng.uniform(1e6, 2e6, count), **columns)


def judged(*populations: Population, rules: ComparisonRules = FAST) -> list[Judgement]:
    return judge(populations, rules)


def test_a_large_difference_is_found_and_the_better_space_named() -> None:
    comparison = analyse("x", [drawn("a", 60, mean=0.25), drawn("b", 60)], FAST)
    (pair,) = comparison.pairs
    assert pair.judgement.kind == BETTER and pair.judgement.winner == 1 and pair.judgement.needed is None
    assert pair.text.startswith("b is better than a, in the mean by ")
    assert pair.judgement.difference.estimate == pytest.approx(0.05, abs=3 * 0.02 * (2 / 60) ** 0.5)


def test_swapping_the_spaces_swaps_the_sign_and_keeps_the_winner() -> None:
    a, b = drawn("a", 40, mean=0.25), drawn("b", 40)
    (one,), (other,) = judged(a, b), judged(b, a)
    assert one.difference.estimate == pytest.approx(-other.difference.estimate)
    assert (one.winner, other.winner) == (1, 0)


def test_equal_spaces_become_practically_equal_once_the_interval_is_inside_the_margin() -> None:
    (few,) = judged(drawn("a", 20), drawn("b", 20))
    (many,) = judged(drawn("a", 200), drawn("b", 200))
    assert few.kind == UNDECIDED and many.kind == EQUAL
    assert -0.01 <= many.interval.low <= many.interval.high <= 0.01
    assert many.interval.confidence == pytest.approx(0.9)


def test_a_difference_that_is_sure_and_inside_the_margin_is_practically_equal() -> None:
    pair = drawn("a", 900, mean=0.2, sd=0.01), drawn("b", 900, mean=0.203, sd=0.01)
    (judgement,) = judged(*pair)
    assert judgement.p_holm < 0.05 and judgement.kind == EQUAL
    (strict,) = judged(*pair, rules=ComparisonRules(repeats=999, margin=0.001))
    assert strict.kind == BETTER


def test_an_open_pair_says_how_many_models_could_tell() -> None:
    (judgement,) = judged(drawn("a", 12, mean=0.2), drawn("b", 12))
    assert judgement.kind == UNDECIDED and judgement.needed is not None and judgement.needed > 12
    # With as many models of the same spread, the verdict does come.
    count = 3 * judgement.needed
    assert judged(drawn("a", count, mean=0.2, seed=1), drawn("b", count, seed=1))[0].decided


def test_more_than_a_twentieth_of_failed_candidates_is_no_verdict() -> None:
    sound = drawn("b", 60)
    assert judged(drawn("a", 60, mean=0.3, failures=(0, 1, 2)), sound)[0].kind == BETTER  # 3 of 63
    assert judged(drawn("a", 60, mean=0.3, failures=(0, 1, 2, 3)), sound)[0].kind == NO_VERDICT  # 4 of 64
    comparison = analyse("x", [drawn("a", 60, mean=0.3, failures=(0, 1, 2, 3)), sound], FAST)
    assert "no verdict" in comparison.pairs[0].text and "5%" in comparison.pairs[0].text


def test_spaces_are_compared_at_equal_complexity() -> None:
    """B's models are larger, and errors fall with flops alone: at equal flops there is no difference."""
    rng = np.random.default_rng(0)

    def made(name: str, flops: Any) -> Population:
        return from_arrays(name, 0.4 - 0.1 * flops / 1e6 + rng.normal(0, 0.002, len(flops)), flops=flops)

    a = made("a", 1e6 * (1 + rng.beta(1, 3, 300)))
    b = made("b", 1e6 * (1 + rng.beta(3, 1, 300)))
    assert a.error.mean() - b.error.mean() > 0.03
    (normalised,) = judged(a, b)
    (plain,) = judged(a, b, rules=ComparisonRules(repeats=999, complexity="none"))
    assert abs(normalised.difference.estimate) < 0.005 and normalised.kind == EQUAL
    assert plain.winner == 1


def test_holm_counts_every_pair() -> None:
    window = {"window": "flops 1M:2M"}  # the same bins for all three and for two of them
    means = {"a": 0.2, "b": 0.21, "c": 0.2}
    populations = [drawn(name, 60, mean=mean, settings=window) for name, mean in means.items()]
    found = judged(*populations)
    alone = [judged(populations[one.first], populations[one.second])[0] for one in found]
    assert [(one.first, one.second) for one in found] == [(0, 1), (0, 2), (1, 2)]
    smallest = min(range(3), key=lambda place: found[place].p)
    assert found[smallest].p_holm == pytest.approx(min(1.0, 3 * found[smallest].p))
    assert all(one.p_holm >= one.p for one in found)
    # The difference itself is a matter of the two spaces alone.
    for one, two in zip(found, alone, strict=True):
        assert one.difference.estimate == pytest.approx(two.difference.estimate)


def test_bins_are_chosen_from_the_number_of_models_alone() -> None:
    assert [ComparisonRules().bins_for(count) for count in (2, 19, 20, 55, 100, 5000)] == [1, 1, 2, 5, 10, 10]
    assert ComparisonRules(bins=7).bins_for(5000) == 7


def test_bins_that_a_space_does_not_reach_are_left_out_and_said() -> None:
    flops = np.linspace(1e6, 2e6, 100)
    rng = np.random.default_rng(0)
    settings = {"window": "flops 1M:2M"}
    a = from_arrays("a", rng.normal(0.2, 0.02, 100), flops=flops, settings=settings)
    b = from_arrays("b", rng.normal(0.2, 0.02, 50), flops=flops[:50], settings=settings)
    comparison = analyse("x", [a, b], ComparisonRules(bins=10, repeats=99, resamples=50))
    assert comparison.bins.used.tolist() == [True] * 5 + [False] * 5 and comparison.bins.coverage == 0.5
    assert any("50% of the range" in line for line in tables.remarks(comparison))


def test_spaces_without_a_common_range_are_not_compared() -> None:
    a, b = drawn("a", 20), drawn("b", 20)
    b = from_arrays("b", b.error, flops=b.flops + 5e6)
    with pytest.raises(ValueError, match="share no complexity"):
        binned([a, b], FAST)


def test_one_model_is_no_population_to_compare() -> None:
    with pytest.raises(PopulationError, match="population b has 1 model"):
        binned([drawn("a", 20), drawn("b", 1)], FAST)


def test_unknown_complexities_are_named_with_the_way_out() -> None:
    with pytest.raises(PopulationError, match="population a does not know the flops"):
        binned([from_arrays("a", [0.1, 0.2]), from_arrays("b", [0.1, 0.2])], FAST)
    plain = ComparisonRules(complexity="none", repeats=99)
    assert len(judge([from_arrays("a", [0.1, 0.2]), from_arrays("b", [0.1, 0.3])], plain)) == 1


def test_constant_populations_have_a_stated_answer() -> None:
    flops = np.linspace(1e6, 2e6, 20)
    same = [from_arrays(name, np.full(20, 0.3), flops=flops) for name in "ab"]
    (equal,) = judged(*same)
    assert equal.p == 1 and equal.kind == EQUAL and equal.difference.estimate == 0
    (apart,) = judged(same[0], from_arrays("c", np.full(20, 0.4), flops=flops))
    assert apart.kind == BETTER and apart.winner == 0


def test_few_models_are_not_called_practically_equal_for_being_alike() -> None:
    few = [from_arrays(name, np.full(9, 0.3), flops=np.linspace(1e6, 2e6, 9)) for name in "ab"]
    assert judged(*few)[0].kind == UNDECIDED


def test_a_pair_is_judged_in_bins_of_its_own_whoever_else_is_compared() -> None:
    window = {"window": "flops 1M:2M"}
    a, b = drawn("a", 100, settings=window), drawn("b", 100, mean=0.21, settings=window)
    half = from_arrays("c", np.full(50, 0.3), flops=np.linspace(1e6, 1.4e6, 50), settings=window)
    (alone,) = judged(a, b)
    beside = judged(a, b, half)[0]
    assert (alone.difference.estimate, alone.bins, alone.coverage) == (beside.difference.estimate, 10, 1)
    assert judged(a, b, half)[1].coverage < 0.5


def test_windows_that_differ_are_compared_where_they_overlap() -> None:
    a = drawn("a", 60, settings={"window": "flops 1M:2M"})
    b = drawn("b", 60, settings={"window": "flops 1.5M:3M"})
    for two in ([a, b], [b, a]):
        bins = binned(two, FAST)
        assert bins.edges[[0, -1]].tolist() == [1.5e6, 2e6]


def test_an_open_side_of_a_window_ends_at_the_last_model_of_all_spaces() -> None:
    a = from_arrays("a", np.full(60, 0.2), flops=np.linspace(0.5e6, 2e6, 60), settings={"window": "flops :2M"})
    b = from_arrays("b", np.full(60, 0.2), flops=np.linspace(0.8e6, 1.9e6, 60), settings={"window": "flops :2M"})
    bins = binned([a, b], FAST)
    assert bins.edges[[0, -1]].tolist() == [0.5e6, 2e6] and bins.coverage < 1
    rest = [from_arrays(one.name, 0.2 + one.flops / 1e8, flops=one.flops, settings=one.settings) for one in (a, b)]
    comparison = analyse("x", rest, FAST)
    assert comparison.summaries[0].counted < 60
    assert any("of 60 models lie in bins that count" in line for line in tables.remarks(comparison))
    assert "of their range, where" in comparison.pairs[0].text


@pytest.mark.parametrize(
    ("window", "ends"), [("flops :2M, latency 0:", (1e-3, 9e-3)), ("flops :2M, latency 1ms:4ms", (1e-3, 4e-3))]
)
def test_spaces_are_compared_over_all_latencies_that_were_measured_or_over_a_limit(
    window: str, ends: tuple[float, float]
) -> None:
    """A limit that only has networks measured is open on both sides."""
    spans = {"a": (1e-3, 5e-3), "b": (2e-3, 9e-3)}
    two = [
        from_arrays(name, np.full(60, 0.2), further={"latency": np.linspace(*span, 60)}, settings={"window": window})
        for name, span in spans.items()
    ]
    bins = binned(two, ComparisonRules(complexity="latency"))
    assert tuple(bins.edges[[0, -1]].tolist()) == pytest.approx(ends)


def test_looking_before_all_models_are_there_costs() -> None:
    two = drawn("a", 40, mean=0.212), drawn("b", 40)
    (plain,), (early,) = judge(two, FAST), judge(two, FAST, fraction=0.4)
    assert plain.whole and not early.whole
    assert early.p > plain.p and early.interval.confidence > plain.interval.confidence
    assert (plain.kind, early.kind) == (BETTER, UNDECIDED) and early.needed is not None and early.needed > 40


@pytest.mark.parametrize("seed", range(20))
def test_the_number_that_could_tell_is_more_than_what_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    two = [
        from_arrays(name, 0.2 + 0.02 * rng.standard_exponential(60), flops=1e6 * (1 + rng.beta(*shape, 60)))
        for name, shape in (("a", (1, 3)), ("b", (3, 1)))
    ]
    for one in judge(two, FAST):
        assert one.needed is None or one.needed >= 70


def test_ties_do_no_harm() -> None:
    rng = np.random.default_rng(0)
    flops = np.linspace(1e6, 2e6, 50)
    a, b = (from_arrays(name, rng.integers(1, 4, 50) / 10, flops=flops) for name in "ab")
    comparison = analyse("x", [a, b], FAST)
    assert 0 < comparison.pairs[0].judgement.p <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"complexity": "weight"}, "--complexity is one of flops"),
        ({"bins": 0}, "--bins are a whole number from 1 to 1,000, got 0"),
        ({"margin": 0.0}, "--margin is a difference of error in points"),
        ({"alpha": 0.7}, "--alpha lies between 0 and 0.5"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ComparisonRules(**options)
