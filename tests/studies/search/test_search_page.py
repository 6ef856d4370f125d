"""``regnas report`` of a search: its page, for any strategy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def page_of(folder: Path) -> str:
    """The page's text."""
    text = (folder / "report.html").read_text()
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)))


@pytest.fixture
def reported(regnas_command: Run) -> Callable[..., tuple[str, str]]:
    """Make the report of a result; what was printed, and the page's text."""

    def report(result: Any, *words: str) -> tuple[str, str]:
        storage = ("--storage", result.folder.parent / "j.journal")
        code, printed, error = regnas_command("report", result.folder, *storage, *words)
        assert code == 0, error
        return printed, page_of(result.folder)

    return report


def test_the_page_of_any_strategy_begins_with_what_was_found(
    fast_search: Callable[..., Any], reported: Callable[..., tuple[str, str]]
) -> None:
    result = fast_search(6, strategy="tpe", baselines=True, data="fake:64", evaluator="train", epochs=1)
    printed, page = reported(result)
    best = min((row for row in result.rows if not row["diverged"]), key=lambda row: (row["error"], row["index"]))
    first = f"The best of 6 networks of regnetx that tpe chose is candidate {best['index']}: {best['error']:.2%}"
    assert printed.startswith(first) and first in page
    against = result.against
    assert f"{against.baseline}: {100 * against.difference:+.1f} points" in page
    assert ("so that one is returned" in page) == (result.best.baseline is not None)
    assert "proposed by tpe: no random sample" in page
    assert not (result.folder / "report").exists()
    for row in [*result.rows, *result.baselines]:
        assert f"{row['error']:.2%}" in page
    assert {one.name for one in (result.folder / "figures").iterdir()} >= {"progress.png", "cost.svg"}
    found = json.loads(reported(result, "--json")[0])
    assert found["conclusion"] in printed and found["best"]["validation_error"] == result.best.error


def test_random_trials_are_a_population_as_well(
    fast_search: Callable[..., Any], reported: Callable[..., tuple[str, str]]
) -> None:
    result = fast_search(12)
    printed, page = reported(result, "--complexity", "none")
    assert "no random sample" not in page and "No textbook network was trained beside it." in page
    assert (result.folder / "report" / "report.html").exists()
    assert str(result.folder / "report.html") in printed


def test_what_failed_or_diverged_or_was_stopped_is_told(
    fast_search: Callable[..., Any], reported: Callable[..., tuple[str, str]]
) -> None:
    result = fast_search(9, strategy="tpe", evaluator="curve", pruner="asha")
    _, page = reported(result)
    done = [row for row in result.rows if row["state"] == "COMPLETE"]
    assert f"{len(result.rows) - len(done)} candidates were stopped on the way, {len(done)} ran to their end" in page


def test_one_candidate_has_no_figure_and_a_page(
    fast_search: Callable[..., Any], reported: Callable[..., tuple[str, str]]
) -> None:
    result = fast_search(1, strategy="tpe")
    _, page = reported(result)
    assert "The best of 1 networks" in page and not (result.folder / "figures" / "progress.png").exists()


def test_names_are_shown_and_not_obeyed(fast_search: Callable[..., Any], reported: Callable[..., Any]) -> None:
    result = fast_search(3, strategy="tpe", study="<b>a & b</b>")
    reported(result)
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in (result.folder / "report.html").read_text()
