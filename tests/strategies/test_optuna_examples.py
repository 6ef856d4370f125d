"""The examples of docs/optuna.md, as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("optuna_define_by_run.py", "best of 5: error "),
        ("optuna_ask_and_tell.py", "best of 5: error "),
        ("optuna_feasible_sampler.py", "6 of 6 trials inside the window"),
        ("optuna_pruning.py", "of 8 trainings stopped early"),
    ],
)
def test_an_example_runs(name: str, said: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / name], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    if name == "optuna_pruning.py":
        assert int(done.stdout.split()[0]) >= 1
