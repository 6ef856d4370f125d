"""Searches whose workers evaluate several candidates at a time in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from regnas.studies.search.report.stored import stored_search
from regnas.studies.search.search import SearchResult

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]
WORDS = ("search", "--data", "fake", "--workers", 4, "--budget", 12)


def processes(fast: Any) -> set[int]:
    return {process for *_, process in fast.lines()}


def test_a_search_in_lanes_has_the_candidates_and_errors_of_one_at_a_time(fast_search: Search, fast: Any) -> None:
    one = fast_search(9, evaluator="fast[epochs=3]", workers=1, baselines=False)
    other = fast_search(9, evaluator="fast[epochs=3,lanes=4]", out="other", workers=4, baselines=False)
    assert [(row["state"], row["error"]) for row in one.rows] == [(row["state"], row["error"]) for row in other.rows]


def test_lanes_are_threads_of_one_process(regnas_command: Run, fast: Any) -> None:
    code, _, _ = regnas_command(*WORDS, "--evaluator", "fast[sleep=20,lanes=4]")
    assert code == 0 and len(processes(fast)) == 1
    assert sorted(fast.evaluated()) == list(range(12))


def test_only_the_candidate_that_kills_its_worker_has_failed(regnas_command: Run, fast: Any) -> None:
    code, printed, _ = regnas_command(*WORDS, "--evaluator", "fast[sleep=100,lanes=4,kill=1]")
    assert code == 0
    assert "are evaluated again, one at a time: their worker was killed by SIGKILL (out of memory?)" in printed
    assert "candidate 1 failed (3 of 3): its worker was killed by SIGKILL" in printed
    failed = [line for line in printed.splitlines() if " failed (" in line]
    assert failed and all("candidate 1 failed" in line for line in failed)
    done = set(fast.evaluated())
    assert done == set(range(13))  # twelve that count, and the one that does not


def test_a_candidate_that_takes_too_long_is_ended_and_its_process_goes_on(regnas_command: Run, fast: Any) -> None:
    code, printed, _ = regnas_command(*WORDS, "--evaluator", "fast[sleep=20,lanes=4,hang=2]", "--timeout", 2)
    assert code == 0 and len(processes(fast)) == 1
    assert printed.count("candidate 2 failed: it took longer than 2 s (--timeout) and was stopped") == 1
    assert sorted(fast.evaluated()) == list(range(13))


def test_what_a_result_says_of_its_candidate_is_said_with_number_and_key_and_kept(
    regnas_command: Run, fast: Any, tmp_path: Path
) -> None:
    """Such as ``train``: that the steps of this network could not be recorded."""
    code, printed, _ = regnas_command(*WORDS, "--evaluator", "fast[lanes=4,remark=3|5]")
    keys = {index: key for index, key, *_ in fast.lines()}
    assert code == 0 and f"candidate 3 (network {keys[3]}): it was slow" in printed
    both = f"candidates 3 (network {keys[3]}), 5 (network {keys[5]}): it was slow"
    assert printed.count(both) == 1  # at the end
    (folder,) = (path.parent for path in tmp_path.rglob("trials.csv"))
    assert both in stored_search(folder).remarks
