"""What a user sees while a search runs and at its end."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

import regnas
from regnas.describe import summary
from regnas.evaluator import Result
from regnas.studies.run.clock import UNLIMITED
from regnas.studies.run.progress import Lines, duration
from regnas.studies.search.report.printed import print_search
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]


def report(result: SearchResult, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_search(console, result, retrained=False, storage="sqlite:///regnas-runs/regnas.db")
    written: Any = console.file
    return str(written.getvalue())


def with_errors(result: SearchResult, errors: list[float], **other: Any) -> SearchResult:
    rows = [{**row, "error": error} for row, error in zip(result.rows, errors, strict=True)]
    return replace(result, rows=rows, **other)


def rendered(lines: Lines) -> str:
    """The live panel as text."""
    console = Console(file=io.StringIO(), width=200)
    console.print(lines._panel())
    written: Any = console.file
    return str(written.getvalue())


def test_a_terminal_shows_what_is_done_the_best_and_what_runs() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)
    candidates = regnas.space("regnetx", flops="200M:400M").sample(2)
    lines = Lines(console)
    lines.start(3, 10, (0.25, 1))
    for index, candidate in enumerate(candidates, 3):
        lines.began(index, candidate)
    lines.epoch(4, 1, 0.5)
    before = rendered(lines)
    lines.failed(4, "candidate 4 failed (1 of 3): its worker was killed")
    without = rendered(lines)
    lines.began(4, candidates[1])
    lines.ended(3, candidates[0], Result(error=0.2, seconds=1.5))
    lines.ended(4, candidates[1], Result(error=0.4, seconds=1.5, diverged=True))
    lines.tick()
    after = rendered(lines)
    lines.stop()
    written: Any = console.file
    text = written.getvalue()
    assert "resuming: 3 of 10 evaluations are done" in text
    assert "3 of 10, best 25.00% (candidate 1)" in before and "epoch 1: 50.00%" in before
    assert before.count("MF") == 2 and without.count("MF") == 1 and after.count("MF") == 0
    assert "candidate 4 failed (1 of 3): its worker was killed" in text
    assert "   4/10  candidate 3    error 20.00%" in text and text.count("<- best") == 1
    assert "   5/10  candidate 4    error 40.00%  diverged" in text
    assert "5 of 10, best 20.00% (candidate 3), about " in after and " left" in after


def test_where_time_is_the_budget_the_bar_is_the_time() -> None:
    lines = Lines(Console(file=io.StringIO()))
    lines.start(0, UNLIMITED, None)
    lines.timed(100)
    lines.timed(25)
    bar = next(iter(lines._panel().renderables[0].columns[0].cells))
    assert bar.total == 100 and bar.completed == pytest.approx(75, abs=1) and not bar.pulse


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (89, "89 s"), (300, "5 min"), (9000, "2.5 h")])
def test_time_left_is_said_in_a_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_network_is_a_line_of_depths_and_widths() -> None:
    stored = {"kind": "staged", "depths": [1, 2], "widths": [16, 32], "strides": [2, 2], "bottleneck_ratios": [0.5, 2]}
    assert summary(stored).line == "1x16 2x32" and summary(stored).long == "1x16 2x32, b 0.5/2, g 16/32"


def test_the_report_ranks_the_five_best_with_stages_and_complexity(fast_search: Search) -> None:
    result = fast_search(7)
    lines = report(result).splitlines()
    assert lines[0].strip() == "The 5 best of 7"
    ranked = sorted(result.rows, key=lambda row: row["error"])[:5]
    for line, row in zip(lines[2:7], ranked, strict=True):
        assert line.split()[:2] == [str(row["index"]), f"{row['error']:.2%}"]
        assert f"{row['flops'] / 1e6:.2f}" in line and summary(row["architecture"]).long in line and ", b " in line
    assert "dashboard: regnas dashboard --storage sqlite:///regnas-runs/regnas.db" in "\n".join(lines)
    spaced = replace(result, folder=result.folder.parent / "my study", best=replace(result.best, folder=result.folder))
    assert f"regnas train '{spaced.folder}' --epochs 30" in report(spaced)


def test_the_report_says_which_of_the_best_cannot_be_told_apart(fast_search: Search) -> None:
    """Measured noise of 1 %: a difference of two trainings has sqrt(2) %, and 2.83 % are twice that."""
    result = with_errors(fast_search(4), [0.10, 0.128, 0.129, 0.30], seed_sd=0.01)
    said = "the best 2 of 4 cannot be told apart by one training each: they differ by less than 2.83%, which it takes ("
    assert said in report(result)
    clear = with_errors(result, [0.10, 0.1284, 0.129, 0.30], seed_sd=0.01)
    assert "the best candidate's lead is larger than 2.83%" in report(clear)


def test_without_measured_noise_the_validation_images_bound_it(fast_search: Search) -> None:
    """0.2 of 400 images: binomial noise of sqrt(0.2 * 0.8 / 400) = 2 %, so a gap of 5.66 %."""
    facts = {"images": {"validation": 400}}
    result = with_errors(fast_search(3), [0.20, 0.25, 0.26], seed_sd=None, facts=facts)
    printed = report(result)
    assert "the best 2 of 3 cannot be told apart" in printed
    assert "less than 5.66%, which it takes (noise of 400 validation images)" in printed


def test_no_lead_is_said_of_networks_that_only_guess(fast_search: Search) -> None:
    """Of 20 images 6 are wrong where guessing has 10: 1 of 17 guesses is as good, and one of three every sixth time."""
    facts = {"images": {"validation": 20}, "guessing": 0.5}
    result = with_errors(fast_search(3), [0.30, 0.45, 0.55], seed_sd=0.001, facts=facts)
    said = report(result)
    assert "no network is better than guessing (50.00%) by more than the noise of 20 validation images" in said
    assert "the best candidate's lead" not in said and "train longer with --epochs" in said
    shared = with_errors(result, [0.30, 0.45, 0.55], seed_sd=0.001, facts=facts | {"recipe": {"supernet": {}}})
    assert "longer by the options of the evaluator" in report(shared) and "--epochs N" not in report(shared)
    learned = report(with_errors(result, [0.10, 0.45, 0.55]))
    assert "the best candidate's lead" in learned and "than guessing" not in learned


def test_one_candidate_is_compared_with_nothing(fast_search: Search) -> None:
    assert "told apart" not in report(fast_search(1)) and "lead" not in report(fast_search(1))
