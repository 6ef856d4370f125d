"""Ctrl-C: once finishes what is in flight, twice stops at once; the exit code is 130, and the way on is printed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from regnas.studies.storage.open import open_storage

WORDS = ("search", "--data", "fake", "--budget", 6)


def states(folder: Path) -> list[TrialState]:
    storage = open_storage(f"sqlite:///{folder}/regnas-runs/regnas.db")
    return [trial.state for trial in optuna.load_study(study_name="regnetx/random/0", storage=storage).get_trials()]


def test_one_interrupt_finishes_what_is_in_flight_and_says_how_to_go_on(
    command: Callable[..., Any], fast: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    words = (*WORDS, "--evaluator", "fast[sleep=400,lanes=2]", "--workers", 2)
    running = command(*words)
    eventually(lambda: len(fast.lines()) >= 2, otherwise="no evaluation began")
    running.interrupt()
    assert running.wait() == 130
    assert "stopping after the candidates in flight" in running.output
    assert (
        "stopped; go on with: regnas search --data fake --budget 6 --evaluator 'fast[sleep=400,lanes=2]' --workers 2"
        in (running.output)
    )
    assert "Traceback" not in running.output
    begun = len(fast.lines())
    assert states(tmp_path) == [TrialState.COMPLETE] * begun
    assert (tmp_path / "regnas-runs/regnetx-random-0/trials.csv").read_text().count("COMPLETE") == begun
    again = command(*words)
    assert again.wait() == 0, again.output
    assert f"resuming: {begun} of 6 evaluations are done" in again.output
    assert sorted(fast.evaluated()) == list(range(6))


def test_an_interrupt_in_the_last_evaluation_stops_what_would_follow(
    command: Callable[..., Any], fast: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    words = ("search", "--data", "fake", "--budget", 1, "--evaluator", "fast[sleep=2000]", "--workers", 1)
    running = command(*words, "--retrain", 1)
    eventually(lambda: len(fast.lines()) >= 1, otherwise="no evaluation began")
    running.interrupt()
    assert running.wait() == 130
    assert "stopped; go on with: regnas search" in running.output and "Traceback" not in running.output
    assert states(tmp_path) == [TrialState.COMPLETE]
    folder = tmp_path / "regnas-runs/regnetx-random-0"
    assert not (folder / "best.json").exists() and not list(folder.glob("final-*"))
    again = command(*words)
    assert again.wait() == 0, again.output
    assert fast.evaluated() == [0] and (folder / "best.json").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_second_interrupt_stops_at_once(
    command: Callable[..., Any], fast: Any, tmp_path: Path, eventually: Callable[..., None], workers: int
) -> None:
    running = command(*WORDS, "--evaluator", "fast[sleep=60000]", "--workers", workers)
    eventually(lambda: len(fast.lines()) >= max(1, workers), otherwise="no evaluation began")
    running.interrupt()
    eventually(lambda: "Ctrl-C again stops at once" in running.output, otherwise="the first interrupt was not heard")
    start = time.monotonic()
    running.interrupt()
    assert running.wait(10) == 130
    assert time.monotonic() - start < 5
    assert "stopped; go on with: regnas search" in running.output
    assert "Traceback" not in running.output
    assert set(states(tmp_path)) == {TrialState.RUNNING}
