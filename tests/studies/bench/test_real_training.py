"""Strategies compared by searches that really run, with a fast evaluator in place of training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
WORDS = (
    *("bench", "--space", "regnetx", "--evaluator", "fast", "--data", "fake", "--strategy", "evolution"),
    *("--budget", "12", "--repeats", "2"),
)


def test_every_run_is_a_study_and_begins_with_the_same_networks(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    code, output, error = regnas_command(*WORDS)
    assert code == 0, error
    assert "evolution, seed 1: best validation error" in output
    folder = tmp_path / "regnas-runs" / "bench-regnetx"
    found = json.loads((folder / "bench.json").read_text())
    assert found["spaces"][0]["table"] is None
    runs = {
        (name, seed): json.loads((folder / "runs" / name / f"{seed}.json").read_text())
        for name in ("random", "evolution")
        for seed in (0, 1)
    }
    assert {len(run["networks"]) for run in runs.values()} == {12}
    for seed in (0, 1):
        assert runs["random", seed]["networks"][:10] == runs["evolution", seed]["networks"][:10]
        assert runs["random", seed]["signal"][:10] == runs["evolution", seed]["signal"][:10]


def test_what_was_trained_is_not_trained_again(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    regnas_command(*WORDS)
    trained = len(fast.evaluated())
    assert trained == 48
    for path in (tmp_path / "regnas-runs" / "bench-regnetx" / "runs" / "evolution").glob("*.json"):
        path.unlink()
    assert regnas_command(*WORDS)[0] == 0
    assert len(fast.evaluated()) == trained


@pytest.mark.slow
def test_jobs_give_the_runs_that_processes_give(regnas_command: Run, fast: Any, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    words = (*WORDS, "--repeats", "1", "--budget", "4")
    found = []
    for executor in ("process", "submitit[local=true,patience=3]"):
        code, _, error = regnas_command(*words, "--name", executor[:7], "--executor", executor)
        assert code == 0, error
        stored = json.loads((tmp_path / "regnas-runs" / f"bench-{executor[:7]}" / "bench.json").read_text())
        found.append([one["final"] for one in stored["spaces"][0]["strategies"]])
    assert found[0] == found[1]
    code, _, error = regnas_command(*words, "--executor", "rayy")
    assert code == 2 and "did you mean ray" in error
