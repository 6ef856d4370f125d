"""Candidates that fail: tried three times, given up, reported; and workers that die."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from regnas.errors import StudyError
from regnas.studies.search.search import SearchResult

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]
WORDS = ("search", "--data", "fake", "--storage", "regnas-runs/j.journal", "--budget")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_candidate_that_always_fails_is_tried_three_times_and_does_not_count(
    regnas_command: Run, fast: Any, tmp_path: Path, workers: int
) -> None:
    code, printed, error = regnas_command(*WORDS, 4, "--evaluator", "fast[fail=1]", "--workers", workers)
    assert (code, error) == (0, "")
    assert sorted(fast.evaluated()) == [0, 1, 1, 1, 2, 3, 4]
    for tried in (1, 2, 3):
        assert f"candidate 1 failed ({tried} of 3): RuntimeError: candidate 1 was told to fail" in printed
    assert "1 candidates failed: 1 x RuntimeError: candidate 1 was told to fail" in printed
    table = (tmp_path / "regnas-runs" / "regnetx-random-0" / "trials.csv").read_text().splitlines()
    assert [("FAIL" in row, "COMPLETE" in row) for row in table[1:]] == [
        (False, True),
        (True, False),
        (False, True),
        (False, True),
        (False, True),
    ]


def test_a_candidate_that_fails_once_is_tried_again_with_the_same_seed(fast_search: Search, fast: Any) -> None:
    result = fast_search(3, evaluator="fast[fail_once=1]", workers=2)
    assert [row["state"] for row in result.rows] == ["COMPLETE"] * 3
    assert sorted(fast.evaluated()) == [0, 1, 1, 2]
    assert len({line[:3] for line in fast.lines()}) == 3
    assert result.study.trials[1].user_attrs["failures"] == 1


def test_failures_are_counted_across_a_restart(fast_search: Search, fast: Any) -> None:
    """Two failures were stored when the driver died: one more, and the candidate is given up."""
    evaluator = "fast[fail=1]"
    study = fast_search(1, evaluator=evaluator).study
    trial = study.ask(study.get_trials()[0].distributions)
    trial.set_user_attr("failures", 2)
    trial.set_user_attr("index", 1)
    result = fast_search(2, evaluator=evaluator)
    assert fast.evaluated() == [0, 1, 2]
    assert [row["state"] for row in result.rows] == ["COMPLETE", "FAIL", "COMPLETE"]


def test_a_worker_that_is_killed_is_replaced_and_recorded(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    words = (*WORDS, 4, "--evaluator", "fast[kill_once=0,kill=2]", "--workers", 2)
    code, printed, _ = regnas_command(*words)
    assert code == 0
    assert "candidate 0 failed (1 of 3): its worker was killed by SIGKILL (out of memory?)" in printed
    assert "candidate 2 failed (3 of 3): its worker was killed by SIGKILL (out of memory?)" in printed
    assert "1 candidates failed: 1 x its worker was killed by SIGKILL (out of memory?)" in printed
    assert sorted(fast.evaluated()) == [0, 0, 1, 2, 2, 2, 3, 4]
    assert len({process for *_, process in fast.lines()}) >= 5  # four that died, and those that finished


@pytest.mark.parametrize("workers", [0, 2])
def test_a_search_whose_candidates_all_fail_ends(regnas_command: Run, fast: Any, workers: int) -> None:
    code, printed, error = regnas_command(*WORDS, 50, "--evaluator", "fast[fail=all]", "--workers", workers)
    assert code == 1
    assert error.count("\n") == 1 and error.startswith("Error: the first 3 candidates failed 3 times each")
    assert "was told to fail" in error and "logs" in error and "Traceback" not in printed + error
    assert 9 <= len(fast.lines()) <= 12


def test_a_search_where_more_fails_than_succeeds_ends(fast_search: Search, fast: Any) -> None:
    failing = "|".join(str(index) for index in range(1, 40))
    with pytest.raises(StudyError, match="12 candidates failed, more than succeeded; the last: RuntimeError"):
        fast_search(30, evaluator=f"fast[fail={failing}]")
    assert len(fast.lines()) == 1 + 3 * 12


def test_an_evaluator_that_a_worker_cannot_make_ends_the_search(
    fast_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver can make it, but the workers do not find the plug-in."""
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(StudyError, match="a worker cannot make the evaluator: PluginNotFound: no evaluator 'fast'"):
        fast_search(2, workers=1)


@pytest.mark.parametrize("mistake", [("--flops", "1:2"), ("--evaluator", "fast[nope=1]"), ("--data", "nonesuch")])
def test_a_command_that_fails_before_its_first_candidate_leaves_nothing_behind(
    regnas_command: Run, fast: Any, tmp_path: Path, mistake: tuple[str, str]
) -> None:
    words = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--budget", 1)
    code, _, error = regnas_command(*words, *mistake)
    assert code in (1, 2) and error and not (tmp_path / "regnas-runs").exists()


def test_after_a_failure_before_the_first_candidate_other_settings_are_welcome(
    fast_search: Search, fast: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The workers do not find the plug-in; their logs are kept, and no study."""
    with monkeypatch.context() as without, pytest.raises(StudyError, match="cannot make the evaluator"):
        without.delenv("PYTHONPATH")
        fast_search(2, workers=1, out="runs")
    assert not list(tmp_path.rglob("study.json"))
    result = fast_search(1, workers=1, out="runs", evaluator="fast[epochs=2]")
    assert [row["epochs"] for row in result.rows] == [2]


def test_workers_that_die_before_they_start_end_the_search(
    fast_search: Search, fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "json.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(
        StudyError, match=r"workers die before they start \(ended with exit code 7\); see .*worker-0.log"
    ):
        fast_search(2, workers=1)


def test_a_diverged_training_counts_with_the_error_of_guessing(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    code, printed, _ = regnas_command(*WORDS, 3, "--evaluator", "fast[diverge=1]", "--workers", 0, "--json")
    assert code == 0 and json.loads(printed)["diverged"] == 0
    code, printed, _ = regnas_command(*WORDS, 3, "--evaluator", "fast[diverge=1]", "--workers", 0)
    assert "1 trainings diverged and count with the error of guessing" in printed
    rows = (tmp_path / "regnas-runs" / "regnetx-random-0" / "trials.csv").read_text().splitlines()
    assert ",0.75," in rows[2] and ",1,COMPLETE," in rows[2] and ",0,COMPLETE," in rows[1]


def test_a_training_that_diverged_wins_against_none_that_did_not(fast_search: Search, tmp_path: Path) -> None:
    """The one sound training has a worse error than guessing."""
    sound = max(fast_search(8, out="plain").rows, key=lambda row: row["error"])
    assert sound["error"] > 0.75
    others = "|".join(str(index) for index in range(8) if index != sound["index"])
    result = fast_search(8, evaluator=f"fast[diverge={others}]", out="runs")
    assert (result.best.index, result.best.error) == (sound["index"], sound["error"])
    assert result.rows[0]["error"] == 0.75


def test_without_a_sound_training_there_is_no_winner_and_the_way_out_is_said(
    regnas_command: Run, fast: Any, tmp_path: Path
) -> None:
    code, printed, error = regnas_command(*WORDS, 2, "--evaluator", "fast[diverge=all]", "--workers", 0)
    assert code == 1 and "<- best" not in printed
    assert error == (
        "Error: all 2 trainings diverged, so there is no winner; lower the learning rate with another --study NAME\n"
    )
    assert not (tmp_path / "regnas-runs" / "regnetx-random-0" / "best.json").exists()


def test_a_failed_trial_says_why_and_how_often(fast_search: Search) -> None:
    study = fast_search(2, evaluator="fast[fail=0]").study
    (failed,) = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert failed.user_attrs["failures"] == 3 and failed.user_attrs["index"] == 0
    assert failed.user_attrs["failure"] == "RuntimeError: candidate 0 was told to fail"
