"""Laws of dimensions: an inverse distribution function over a grid of values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import chisquare

from regnas.dimension import Choice, Dimension, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.overrides import coarser

# The laws of the spaces that ship with regnas, and grids of other kinds.
LAWS: list[Dimension] = [
    Uniform(4, 63),
    Uniform(12, 28),
    Uniform(0.0, 1.0, 0.25),
    Uniform(16, 64, 16),
    Uniform(5, 5),
    LogUniform(8, 256, 8),
    LogUniform(1, 16),
    LogUniform(8, 1024, 8),
    LogUniform(8.0, 256.0, 0.1),
    LogUniform(1.5, 3.0, 0.001),
    LogUniform(2, 3, 0.001),
    LogUniform(8, 8, 8),
    Choice((1, 2, 4)),
    Choice((0.25, 1, 4)),
    Choice((4, 1, 2)),
    Choice(("relu", "silu")),
    Choice((1,)),
    Choice((1, 2, 3), ordered=False),
    Choice((0, 1, 2), ordered=False),
]
laws = st.sampled_from(LAWS)
uniform_numbers = st.floats(0, 1, exclude_max=True)


def _frequencies(law: Dimension, points: int) -> dict[float, float]:
    """Shares of the values at evenly spaced uniforms: each within 1 / points of its probability."""
    values, counts = np.unique(law.draw((np.arange(points) + 0.5) / points), return_counts=True)
    return dict(zip(values.tolist(), (counts / points).tolist(), strict=True))


def _log_uniform_law(low: float, high: float, step: float) -> dict[float, float]:
    """P(v) = ln(v / (v - step)) / L for v > low; the lowest value has what remains.

    Source: pycls ``sweep/random.py``, ``log_uniform``: log-uniform on (low - min(step, low / 2), high], rounded up.
    """
    start = low - min(step, low / 2)
    span = math.log(high / start)
    ticks = range(round(low / step) + 1, round(high / step) + 1)
    above = {tick * step: math.log(tick / (tick - 1)) / span for tick in ticks}
    return {low: math.log(low / start) / span, **above}


@pytest.mark.parametrize(
    ("low", "high", "step", "golden"),
    [
        # Measured with the authors' sampler, pycls sweep/random.py (commit 5719de6).
        pytest.param(8, 256, 8, {8: 1 / 6, 16: 1 / 6, 24: 0.0975}, id="8-256-8"),
        pytest.param(1, 16, 1, {1: 0.2, 2: 0.2}, id="1-16-1"),
    ],
)
def test_quantised_log_uniform_has_the_authors_probabilities(
    low: int, high: int, step: int, golden: dict[int, float]
) -> None:
    seen = _frequencies(LogUniform(low, high, step), 1_000_000)
    for value, probability in golden.items():
        assert seen[value] == pytest.approx(probability, abs=5e-5)  # golden values are rounded to four digits
    for number, probability in _log_uniform_law(low, high, step).items():
        assert seen[number] == pytest.approx(probability, abs=1e-6)  # 1 / points


@pytest.mark.parametrize("law", [LogUniform(8, 256, 8), LogUniform(1, 16), LogUniform(8, 1024, 8)], ids=str)
def test_random_draws_follow_the_log_uniform_law(law: LogUniform) -> None:
    """Chi-square over all values at 100,000 draws of a fixed seed; a p-value below 1e-6 is no accident."""
    expected = _log_uniform_law(law.low, law.high, law.step)
    values, counts = np.unique(law.draw(np.random.default_rng(1).random(100_000)), return_counts=True)
    assert values.tolist() == list(expected)
    assert chisquare(counts, np.array(list(expected.values())) * 100_000).pvalue > 1e-6


def test_log_uniform_means_lie_where_the_law_puts_them() -> None:
    """Mean of w0 over 40,000 draws of a fixed seed, within 5 standard errors of the exact mean."""
    law = _log_uniform_law(8, 256, 8)
    mean = sum(value * p for value, p in law.items())
    deviation = math.sqrt(sum((value - mean) ** 2 * p for value, p in law.items()))
    drawn = LogUniform(8, 256, 8).draw(np.random.default_rng(2).random(40_000))
    assert abs(drawn.mean() - mean) < 5 * deviation / math.sqrt(40_000)


def test_every_value_of_a_uniform_range_is_equally_likely() -> None:
    for law, values in ((Uniform(12, 28), 17), (Uniform(0.0, 1.0, 0.25), 5), (Choice((1, 2, 4)), 3)):
        seen = _frequencies(law, 102_000)
        assert len(seen) == values
        assert list(seen.values()) == pytest.approx([1 / values] * values, abs=1 / 102_000)


@given(laws, st.lists(uniform_numbers, min_size=1, max_size=20))
@settings(deadline=None)
def test_every_drawn_value_is_on_the_grid_and_contained(law: Dimension, uniforms: list[float]) -> None:
    for value in law.draw(np.array(uniforms)).tolist():
        assert law.contains(value)
        assert law.snap(value) == value


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_ends_of_the_uniforms_reach_the_ends_of_the_range(law: Dimension) -> None:
    drawn = law.draw(np.array([0.0, np.nextafter(1, 0)])).tolist()
    if isinstance(law, Choice):
        assert drawn == [law.values[0], law.values[-1]]
    else:
        assert sorted(drawn) == [law.low, law.high]  # type: ignore[attr-defined]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_size_is_the_number_of_different_values(law: Dimension) -> None:
    assert len(set(law.draw(np.linspace(0, 1, 100_000, endpoint=False)).tolist())) == law.size
    assert law.fixed == (law.size == 1)


def test_values_are_the_doubles_of_their_literals() -> None:
    assert LogUniform(8.0, 256.0, 0.1).snap(36.4000001) == 36.4
    assert LogUniform(1.5, 3.0, 0.001).snap(2.54) == 2.54
    assert Uniform(0.0, 1.0, 0.1).snap(0.3) == 0.3


def test_whole_ranges_give_whole_numbers() -> None:
    assert Uniform(4, 63).draw(np.array([0.5])).dtype == np.int64
    assert isinstance(LogUniform(8, 256, 8).snap(17.0), int)
    assert isinstance(LogUniform(2, 3, 0.001).snap(2), float)


@given(st.sampled_from([law for law in LAWS if not isinstance(law, Choice)]), st.floats(0.01, 2000))
@settings(deadline=None)
def test_snapping_lands_on_the_grid_and_stays_there(law: Dimension, value: float) -> None:
    snapped = law.snap(value)
    assert law.contains(snapped)
    assert law.snap(snapped) == snapped


@given(st.floats(8, 256))
@settings(deadline=None)
def test_snapping_a_log_range_takes_the_nearest_ratio(value: float) -> None:
    snapped = LogUniform(8, 256, 8).snap(value)
    nearest = min(range(8, 257, 8), key=lambda grid: abs(math.log(grid / value)))
    assert abs(math.log(snapped / value)) == pytest.approx(abs(math.log(nearest / value)), abs=1e-12)


def test_a_value_below_a_log_range_snaps_to_its_low_end() -> None:
    assert LogUniform(8, 256, 8).snap(0) == 8
    assert LogUniform(8, 256, 8).snap(-3.5) == 8


def test_choices_snap_to_the_nearest_ratio_and_names_to_themselves() -> None:
    assert Choice((1, 2, 4)).snap(2.9) == 4  # 2.9 / 2 is more than 4 / 2.9
    assert Choice((1, 2, 4)).snap(2.8) == 2
    assert Choice(("relu", "silu")).snap("silu") == "silu"
    with pytest.raises(UsageError, match=r"'gelu' is none of \['relu', 'silu'\]"):
        Choice(("relu", "silu")).snap("gelu")


@pytest.mark.parametrize(
    ("law", "value"),
    [
        (Uniform(4, 63), 3),
        (Uniform(4, 63), 64),
        (Uniform(4, 63), 8.5),
        (Uniform(4, 63), True),
        (Uniform(4, 63), "8"),
        (Uniform(4, 63), float("nan")),
        (LogUniform(8, 256, 8), 20),
        (LogUniform(1.5, 3.0, 0.001), 3.001),
        (Choice((1, 2, 4)), 3),
        (Choice((1, 2, 4)), True),
        (Choice(("relu",)), "silu"),
    ],
)
def test_other_values_are_not_contained(law: Dimension, value: object) -> None:
    assert not law.contains(value)


def test_a_real_range_contains_numbers_between_its_steps() -> None:
    """The paper's own networks, such as wa = 36.44 of RegNetX-200MF, lie between the steps of the sampler."""
    assert LogUniform(8.0, 256.0, 0.1).contains(36.44)


@given(laws, uniform_numbers, st.integers(0, 1000))
@settings(deadline=None, max_examples=300)
def test_a_neighbour_is_contained_and_another_value_wherever_there_is_one(
    law: Dimension, uniform: float, seed: int
) -> None:
    value = law.draw(np.array([uniform])).tolist()[0]
    moved = law.neighbour(value, np.random.default_rng(seed))
    assert law.contains(moved)
    assert (moved == value) == law.fixed


@pytest.mark.parametrize("law", [Uniform(4, 63), LogUniform(8, 256, 8), LogUniform(8.0, 256.0, 0.1)], ids=str)
def test_neighbours_are_at_most_a_tenth_of_the_law_away_or_one_step(law: Uniform | LogUniform) -> None:
    rng = np.random.default_rng(3)
    for value in law.draw(rng.random(200)).tolist():
        moved = law.neighbour(value, rng)
        low, high = min(value, moved), max(value, moved)
        # The share of the law strictly between the two values, on a fine grid of uniforms.
        between = law.draw(np.linspace(0, 1, 20_000, endpoint=False))
        share = ((between > low + law.step / 2) & (between < high - law.step / 2)).mean()
        assert share <= 0.1 + 1e-3


def test_a_narrowed_range_keeps_law_step_and_type() -> None:
    assert LogUniform(8, 256, 8).narrowed(16, 64) == LogUniform(16, 64, 8)
    assert Uniform(4, 63).narrowed(None, 20.0) == Uniform(4, 20)
    assert Uniform(4, 63).narrowed(10, None).integral
    assert Choice((1, 2, 4, 8)).narrowed(2, None) == Choice((2, 4, 8))
    assert LogUniform(1.5, 3.0, 0.001).narrowed(2, 3).draw(np.array([0.3])).dtype == np.float64


@pytest.mark.parametrize(
    ("law", "low", "high", "message"),
    [
        (Uniform(4, 63), 8.5, None, "whole numbers, got low = 8.5"),
        (Uniform(4, 63), 70, None, "from low to high, got 70:63"),
        (LogUniform(8, 256, 8), 9, 17, "multiples of its step 8, got 9"),
        (LogUniform(8, 256, 8), 0, 16, "starts above 0, got 0"),
        (Choice((1, 2, 4)), 5, 6, "lies in 5:6"),
        (Choice(("relu", "silu")), 1, 2, "only a range can be narrowed"),
    ],
)
def test_a_range_cannot_be_narrowed_to_what_it_does_not_hold(
    law: Dimension, low: float | None, high: float | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        law.narrowed(low, high)


@pytest.mark.parametrize("values", [(), (1, 1), (2, 2.0)])
def test_a_choice_needs_different_values(values: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="a choice needs different values"):
        Choice(values)


def test_tied_ranges_take_the_coarser_grid_and_the_common_bounds() -> None:
    assert coarser(LogUniform(8, 256, 8), LogUniform(8.0, 256.0, 0.1)) == LogUniform(8, 256, 8)
    assert coarser(LogUniform(4.0, 100.0, 0.1), LogUniform(8, 256, 8)) == LogUniform(8, 96, 8)
    assert coarser(Uniform(4, 63), Uniform(10, 80)) == Uniform(10, 63)


def test_tied_choices_take_the_common_values() -> None:
    assert coarser(Choice((1, 2, 4)), Choice((2, 4, 8))) == Choice((2, 4))
    assert coarser(LogUniform(8, 32, 8), Choice((8, 12, 16))) == Choice((8, 16))
    with pytest.raises(UsageError, match="need a value in common"):
        coarser(Choice((1, 2)), Choice((3, 4)))


def test_samplers_see_physical_units_and_static_bounds() -> None:
    assert Uniform(4, 63).distribution() == IntDistribution(4, 63)
    assert Uniform(16, 64, 16).distribution() == IntDistribution(16, 64, step=16)
    assert Uniform(0.0, 1.0, 0.25).distribution() == FloatDistribution(0.0, 1.0, step=0.25)
    assert LogUniform(8, 256, 8).distribution() == IntDistribution(8, 256, log=True)
    assert LogUniform(8.0, 256.0, 0.1).distribution() == FloatDistribution(8.0, 256.0, log=True)
    assert Choice((1, 2, 4)).distribution() == IntDistribution(1, 4, log=True)
    assert Choice((0.25, 1)).distribution() == FloatDistribution(0.25, 1.0, log=True)
    assert Choice(("relu", "silu")).distribution() == CategoricalDistribution(("relu", "silu"))


# --- numbers that are labels --------------------------------------------------------------------------------


def test_a_choice_says_whether_its_numbers_are_sizes() -> None:
    assert [Choice(values).ordered for values in ((1, 2), (0.5, 1), (0, 1), ("a", 1))] == [True, True, False, False]
    assert Choice((1, 2), ordered=True) == Choice((1, 2)) != Choice((1, 2), ordered=False)
    with pytest.raises(UsageError, match=r"only positive numbers are ordered, got \[0, 1\]"):
        Choice((0, 1), ordered=True)


def test_labels_are_categories_and_all_are_neighbours() -> None:
    nodes = Choice((1, 2, 3, 8), ordered=False)
    assert nodes.distribution() == CategoricalDistribution((1, 2, 3, 8))
    assert Choice((1, 2, 3, 8)).distribution() == IntDistribution(1, 8, log=True)
    assert nodes.neighbours(8) == [1, 2, 3]
    rng = np.random.default_rng(0)
    assert {nodes.neighbour(8, rng) for _ in range(60)} == {1, 2, 3}
    assert nodes.snap(8) == 8 and nodes.snap(8.0) == 8
    with pytest.raises(UsageError, match="7 is none of"):
        nodes.snap(7)
    with pytest.raises(UsageError, match="only a range can be narrowed"):
        nodes.narrowed(1, 3)


def test_what_is_left_of_labels_is_labels() -> None:
    nodes, sizes = Choice((0, 1, 2), ordered=False), Choice((0, 1, 2))
    assert not nodes.among((1, 2)).ordered and sizes.among((1, 2)).ordered
    assert not coarser(nodes, sizes).among((1, 2)).ordered
