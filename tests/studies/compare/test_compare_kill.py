"""kill -9 in the middle of a comparison, and Ctrl-C: the same command goes on to the same numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

WORDS = (
    *("compare", "--space", "anynetx-a", "--space", "regnetx", "--budget", 24, "--data", "fake", "--workers", 2),
    *("--seeds", 2, "--seeds-on", 3, "--evaluator", "fast[sleep=20]", "--name", "x"),
)
TRAININGS = 2 * (24 + 3)


def numbers(folder: Path) -> Any:
    """The pairs and the populations' errors of a comparison."""
    record = json.loads((folder / "compare-x" / "compare.json").read_text())
    return record["pairs"], [one["errors"] for one in record["populations"]]


@pytest.mark.slow
def test_a_killed_comparison_goes_on_to_the_numbers_of_one_that_was_not(
    fast: Any, command: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path
) -> None:
    whole = command(*WORDS, "--out", "whole")
    assert whole.wait() == 0, whole.output
    begun = len(fast.lines())
    assert begun == TRAININGS

    def far(running: Any, evaluations: int) -> bool:
        return len(fast.lines()) >= begun + evaluations or bool(running.ended())

    for more in (7, 18, 30):
        killed = command(*WORDS, "--out", "killed")
        eventually(partial(far, killed, more), 60)
        killed.kill()
    last = command(*WORDS, "--out", "killed")
    assert last.wait() == 0, last.output
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")
    # Only what was in flight at a kill, at most two trainings, is done again.
    assert len(fast.lines()) - begun <= TRAININGS + 2 * 3


@pytest.mark.slow
def test_ctrl_c_leaves_a_report_of_what_is_there_and_says_how_to_go_on(
    fast: Any, command: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path
) -> None:
    running = command(*WORDS, "--out", "runs")
    eventually(lambda: len(fast.lines()) >= 32 or running.ended(), 60)
    running.interrupt()
    assert running.wait() == 130, running.output
    assert "stopped; go on with: regnas compare --space anynetx-a" in running.output
    record = json.loads((tmp_path / "runs" / "compare-x" / "compare.json").read_text())
    assert all(10 <= one["models"] < 24 for one in record["populations"])
    assert record["interim"] and "an interim look" in (tmp_path / "runs" / "compare-x" / "report.md").read_text()
    again = command(*WORDS, "--out", "runs")
    assert again.wait() == 0, again.output
    record = json.loads((tmp_path / "runs" / "compare-x" / "compare.json").read_text())
    assert not record["interim"] and all(one["models"] == 24 for one in record["populations"])
