"""Windows on complexity: ``--flops 360M:400M``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.costs import Complexities, Complexity
from regnas.errors import UsageError
from regnas.window import LARGEST, Bounds, Window, human, parse_bounds


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("360M:400M", 360e6, 400e6),
        (":400M", None, 400e6),
        ("360M:", 360e6, None),
        ("400M", 396e6, 404e6),
        ("1.5G", 1.485e9, 1.515e9),
        ("2k", 1980, 2020),
        ("1.5g:2t", 1.5e9, 2e12),
        ("1e3:2E+6", 1e3, 2e6),
        (" 1k : 2k ", 1e3, 2e3),
        (".5k:1.k", 500, 1000),
        (4e8, 396e6, 404e6),
        (512, 506.88, 517.12),
        (None, None, None),
        ("", None, None),
        (":", None, None),
    ],
)
def test_a_window_reads_low_high_or_one_value_within_one_percent(
    text: str | float | None, low: float | None, high: float | None
) -> None:
    assert parse_bounds(text, "flops") == Bounds(low, high)


@pytest.mark.parametrize(
    "text", ["400Q", "a:b:c", "1:2:3", "-5:", "x:400M", "360M:y", " ", "M", "1 000", "nan", "1e:2"]
)
def test_a_malformed_window_names_the_flag_the_value_and_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="--acts takes LOW:HIGH") as caught:
        parse_bounds(text, "acts")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -4e8])
def test_a_number_that_no_network_can_cost_is_no_window(number: float) -> None:
    with pytest.raises(UsageError, match="--flops takes LOW:HIGH"):
        parse_bounds(number, "flops")


@pytest.mark.parametrize("text", ["1e400:", ":1e300", "1e999999999", "1e-999999999:", "9" * 40, ":2e6T", "1e-400:"])
def test_a_bound_that_no_computer_number_holds_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(UsageError, match=r"--flops takes 0 and numbers from 1e-307 to 1e\+18"):
        parse_bounds(text, "flops")


@pytest.mark.parametrize("sides", [(-1.0, None), (None, float("inf")), (float("nan"), 5.0), (None, 1e300), (5.0, 1.0)])
def test_bounds_that_are_made_from_numbers_obey_the_same_range(sides: tuple[float | None, float | None]) -> None:
    with pytest.raises(UsageError, match="bound"):
        Bounds(*sides)


@given(st.text("0123456789.eE+-kMGT: ", max_size=24))
def test_any_text_is_a_window_of_finite_numbers_or_is_refused(text: str) -> None:
    try:
        bounds = parse_bounds(text, "flops")
    except UsageError:
        return
    assert all(side is None or 0 <= side <= LARGEST * 1.01 for side in (bounds.low, bounds.high))


def test_a_reversed_window_says_how_to_turn_it_round() -> None:
    with pytest.raises(UsageError, match=r"--flops runs from low to high, got 5:1; write 1:5"):
        parse_bounds("5:1", "flops")


@pytest.mark.parametrize(
    ("number", "text"), [(360e6, "360M"), (1.05e9, "1.05G"), (512, "512"), (2000, "2k"), (None, ""), (0, "0")]
)
def test_numbers_are_shown_as_short_as_they_can_be(number: float | None, text: str) -> None:
    assert human(number) == text


@given(st.one_of(st.integers(0, 10**13).map(float), st.just(0.0) | st.floats(1e-307, 1e15)))
@settings(deadline=None)
def test_a_shown_number_reads_back_as_itself(number: float) -> None:
    assert parse_bounds(f"{human(number)}:", "flops").low == number


def _costs() -> Complexities:
    return Complexities(np.array([10, 20, 30]), np.array([3, 2, 1]), np.array([7, 7, 7]))


def test_bounds_are_inclusive_and_every_broken_one_is_named() -> None:
    broken = Window.parse(flops="20:30", params=":2").tests(_costs())
    assert {reason: breaks.tolist() for reason, breaks in broken.items()} == {
        "flops below 20": [True, False, False],
        "flops above 30": [False, False, False],
        "params above 2": [True, False, False],
    }


def test_activations_are_bounded_by_the_flag_acts() -> None:
    assert Window.parse(acts="7:7").activations == Bounds(7, 7)
    broken = Window.parse(acts="8:").tests(_costs())
    assert [breaks.tolist() for breaks in broken.values()] == [[True, True, True]]


def test_an_open_window_tests_nothing_and_says_so() -> None:
    assert Window.parse().open and Window.parse().tests(_costs()) == {} and str(Window.parse()) == "open"


def test_a_window_prints_as_its_flags() -> None:
    window = Window.parse(flops="360M:400M", acts=":5M")
    assert not window.open
    assert str(window) == "flops 360M:400M, acts :5M"


def test_complexities_are_rows_of_complexity() -> None:
    costs = _costs()
    assert costs.networks == 3 and list(costs) == ["flops", "params", "activations"]
    assert costs.row(1) == Complexity(flops=20, params=2, activations=7)
    assert costs.take(np.array([2, 0])).row(0) == Complexity(flops=30, params=1, activations=7)


def test_limits_are_the_general_form_of_the_flags() -> None:
    flags = Window.parse(flops="360M:400M", acts=":5M")
    assert Window.parse(limits={"flops": "360M:400M", "activations": ":5M"}) == flags
    assert (
        Window.parse("360M:400M", limits=["acts=:5M"]) == Window.parse(limits=["acts=:5M", "flops=360M:400M"]) == flags
    )
    assert Window.parse(limits={"params": 5e6}).params == Bounds(4.95e6, 5.05e6)
    assert hash(flags) == hash(Window.parse("360M:400M", acts=":5M")) and flags != Window.parse("360M:400M")


def test_a_window_is_a_mapping_of_the_measures_that_it_limits() -> None:
    window = Window({"latency": Bounds(high=0.004)}, activations=Bounds(1, None), flops=Bounds(), params=Bounds(1, 2))
    assert list(window) == ["params", "activations", "latency"] and window["latency"].high == 0.004
    assert window.flops == window.bounds("energy") == Bounds() and "flops" not in window
    assert str(window) == "params 1:2, acts 1:, latency :4ms"
    assert (window | {"params": Bounds(), "flops": Bounds(3, 4)}).get("params") is None
    cost = {"params": 3, "latency": 0.004}
    assert window.missing(cost) == ["activations"] and window.broken(cost) == ["params above 2"]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (["flops"], "--limit takes NAME=LOW:HIGH, .*got 'flops'"),
        (["=1:2"], "--limit takes NAME=LOW:HIGH"),
        (["flops="], "--limit takes NAME=LOW:HIGH"),
        (["flops=1:x"], "--limit flops takes LOW:HIGH .*got '1:x'"),
        ({"acts": "5:1"}, "--limit acts runs from low to high, got 5:1; write 1:5"),
        ({"flop": ":5M"}, "there is no measure 'flop', installed: flops, params, activations.*; did you mean flops"),
        ({"speed": ":5M"}, "there is no measure 'speed', installed: flops, params, activations"),
        (["acts=:1M", "activations=:2M"], "acts is limited twice, the second time by ':2M'; give it one LOW:HIGH"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(limits: Any, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        Window.parse(limits=limits)


def test_a_measure_is_limited_by_its_flag_or_by_limit_not_by_both() -> None:
    with pytest.raises(UsageError, match="flops is limited twice, the second time by ':3M'"):
        Window.parse(flops="1M:", limits={"flops": ":3M"})


_BOUND = st.none() | st.integers(0, 10**12).map(float)


@given(st.dictionaries(st.sampled_from(["flops", "params", "activations"]), st.tuples(_BOUND, _BOUND)))
@settings(deadline=None)
def test_a_window_reads_back_from_what_it_prints(ends: dict[str, tuple[float | None, float | None]]) -> None:
    bounds = {name: Bounds(*sorted(both, key=lambda end: (end is not None, end or 0))) for name, both in ends.items()}
    window = Window(bounds)
    assert Window.read(str(window)) == window


@pytest.mark.parametrize("text", ["0", ":0", "0:0ms", 0])
def test_no_time_at_all_is_refused_before_anything_is_measured(text: str | int) -> None:
    with pytest.raises(UsageError, match="--latency is above 0 s"):
        parse_bounds(text, "latency", times=True)
    assert parse_bounds(":0", "flops") == Bounds(None, 0)
