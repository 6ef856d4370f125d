"""What a user sees while a comparison trains."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

import regnas
from regnas.evaluator import Result
from regnas.studies.compare.progress import BatchLines


def printed(seconds: float, *, terminal: bool) -> str:
    """What is printed as two networks of ``regnetx`` end that took so long each."""
    console = Console(file=io.StringIO(), width=200, force_terminal=terminal)
    lines = BatchLines(console)
    lines.plan(20)
    lines.turn("regnetx")
    for candidate in regnas.space("regnetx", flops="1M:2M", resolution=28, classes=10).sample(2, seed=0):
        lines.ended(candidate.index, candidate, Result(error=0.25, seconds=seconds))
    written: Any = console.file
    return str(written.getvalue())


def test_in_a_log_every_training_has_a_line_with_its_space_as_a_search_prints_it() -> None:
    first, second = printed(2.0, terminal=False).splitlines()
    assert first.startswith("   1/20  regnetx  candidate 0    error 25.00%  ") and "  2.0 s  " in first
    assert second.startswith("   2/20  regnetx  candidate 1    error 25.00%  ")


@pytest.mark.parametrize(("seconds", "terminal"), [(0.002, False), (2.0, True)])
def test_networks_of_milliseconds_have_no_line_and_on_a_terminal_the_bar_counts(seconds: float, terminal: bool) -> None:
    assert printed(seconds, terminal=terminal) == ""
