"""A benchmark that is stopped goes on: runs that ended are kept, and no process stays behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = ("bench", "--space", "table:made.csv", "--evaluator", "table:made.csv", "--strategy", "tpe")
LONG = (*WORDS, "--budget", 60, "--repeats", 30, "--jobs", 2)


def runs(folder: Path) -> list[Path]:
    return list((folder / "regnas-runs").rglob("runs/**/[0-9]*.json"))


def workers(folder: Path) -> list[str]:
    """Simulating processes that are alive in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            simulates = b"regnas.studies.bench.running.worker" in (path / "cmdline").read_bytes()
            if simulates and (path / "cwd").readlink() == folder.resolve():
                found.append(path.name)
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_it_goes_on_after_ctrl_c_and_after_kill(
    command: Callable[..., Any], table_file: Path, tmp_path: Path, eventually: Callable[..., None], how: str
) -> None:
    one = command(*LONG)
    eventually(lambda: len(runs(tmp_path)) >= 4, 60, "no run ended")
    assert workers(tmp_path)
    if how == "interrupt":
        one.interrupt()
        assert one.wait() == 130
        assert "stopped; go on with: regnas bench" in one.output
    else:
        one.kill()
    kept = len(runs(tmp_path))
    assert 4 <= kept < 60, "it ended before it was stopped"
    eventually(lambda: not workers(tmp_path), 30, "a process stayed behind")
    again = command(*LONG)
    assert again.wait(240) == 0, again.output
    assert f"{kept} of 60 runs are there" in again.output
    assert len(runs(tmp_path)) == 60
