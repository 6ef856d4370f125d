"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regnas.errors import UsageError
from regnas.system.duration import LONGEST, seconds_of, short


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5 h", 5400), ("30m", 1800), (".5min", 30), ("2H", 7200), ("1d", 86400), (7, 7)],
)
def test_a_duration_is_read_in_seconds(text: str | float, seconds: float) -> None:
    assert seconds_of(text, "time") == seconds


@pytest.mark.parametrize("text", ["", "5x", "m", "-3", "1:30", "nan", "inf", "0", "0s", "367d", -1, float("nan"), True])
def test_what_is_none_is_refused_with_the_rule(text: str | float) -> None:
    with pytest.raises(UsageError, match=r"--time (takes a number of seconds|is above 0 and at most 366d)"):
        seconds_of(text, "time")


@given(some.floats(1, LONGEST))
def test_its_short_form_reads_back_as_the_nearest_second(seconds: float) -> None:
    assert seconds_of(short(seconds), "time") == round(seconds)
