"""What the process of a command prints and returns when something is wrong: one line, no traceback, a code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
SEARCH = ("search", "--data", "fake", "--budget", "2", "--workers", "0")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((*SEARCH, "--space", "anynetx_a"), 2, "did you mean anynetx-a?"),
        ((*SEARCH, "--strategy", "evolutoin"), 2, "did you mean evolution?"),
        ((*SEARCH, "--flops", "400Q"), 2, "'400Q'"),
        ((*SEARCH, "--flops", "5:1"), 2, "write 1:5"),
        ((*SEARCH, "--budget", "-1"), 2, "got -1"),
        ((*SEARCH, "--epochs", "0"), 2, "got 0"),
        ((*SEARCH, "--retrain", "0"), 2, "--retrain is the number of epochs, at least 1; got 0"),
        ((*SEARCH, "--device", "cuda:0,x"), 2, "'cuda:0,x'"),
        ((*SEARCH, "--evaluator", "raising"), 1, "libmissing.so is not there"),
        ((*SEARCH, "--flops", ":10"), 1, "widen the window"),
        ((*SEARCH, "--out", "file/below"), 1, "cannot write to file/below/regnetx-random-0: Not a directory"),
        ((*SEARCH, "--storage", "file"), 1, "file is not an Optuna journal; name another file with --storage"),
        ((*SEARCH, "--storage", "lines"), 1, "--storage"),
        ((*SEARCH, "--storage", "file/s.journal"), 1, "cannot use the storage file/s.journal"),
        ((*SEARCH, "--storage", "sqlite:///lines"), 1, "file is not a database"),
        ((*SEARCH, "--storage", "sqlite:///folder"), 1, "it is a folder, and a file is asked"),
        ((*SEARCH, "--storage", "mongodb://here"), 1, "mongodb://here"),
        (("sample", "--count", "2", "--output", "file/s.csv"), 1, "cannot write file/s.csv: "),
        (("sample", "--count", "2", "--output", "folder/s.xlsx"), 2, "'folder/s.xlsx'"),
        (("describe", "--architecture", "nowhere.json"), 1, "nowhere.json"),
        (("describe", "--preset", "regnetx-200mf", "--plot", "file/p.png"), 1, "cannot write file/p.png"),
        (("train", "folder"), 1, "folder holds no best.json"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_one_line_and_harms_nothing(
    regnas_command: Run, fast: Any, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file of the user")
    (tmp_path / "lines").write_text("a file of the user\n" * 100)
    ended, printed, error = regnas_command(*words)
    assert ended == code, error
    assert error.startswith("Error: ") and error.count("\n") == 1 and error.endswith("\n")
    assert says in error and "Traceback" not in printed and fast.evaluated() == []
    assert (tmp_path / "file").read_text() == "a file of the user"
    assert (tmp_path / "lines").read_text() == "a file of the user\n" * 100


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("describe", "--preset", "regnetx-200mf", "--classes", "few"), "'--classes': 'few'"),
        (("train", "x.json", "--threads", "0"), "'--threads': 0"),
        (("search", "--budget", "many"), "'--budget': 'many'"),
        (("search", "--bugdet", "3"), "--bugdet"),
        (("serach",), "'serach'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_in_a_flag_adds_how_the_command_is_used(
    regnas_command: Run, words: tuple[str, ...], says: str
) -> None:
    code, printed, error = regnas_command(*words)
    assert (code, printed) == (2, "") and error.startswith("Usage: regnas")
    last = error.splitlines()[-1]
    assert last.startswith("Error: ") and says in last and "Traceback" not in error


def shell(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = words.replace("regnas", f"{sys.executable} -P -m regnas", 1)
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)


def test_a_real_process_returns_the_code_and_a_traceback_only_when_asked(tmp_path: Path) -> None:
    usage = shell("regnas sample --space anynetx_a --output s.csv", tmp_path)
    assert usage.returncode == 2 and usage.stdout == "" and usage.stderr.count("\n") == 1
    assert (
        usage.stderr.startswith("Error: no space 'anynetx_a', installed: ")
        and "did you mean anynetx-a?" in usage.stderr
    )
    debug = shell("regnas sample --space anynetx_a --output s.csv --debug", tmp_path)
    assert debug.returncode == 1 and "Traceback (most recent call last)" in debug.stderr
    assert "regnas.errors.PluginNotFound: no space 'anynetx_a'" in debug.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    ended = shell("regnas list > /dev/full; echo $?", tmp_path)
    assert (
        ended.stdout == "1\n"
        and ended.stderr.startswith("Error: No space left on device; ")
        and ended.stderr.count("\n") == 1
    )
    for _ in range(3):  # whether the reader is gone in time is a race
        gone = shell("regnas list | true", tmp_path)
        assert (gone.stdout, gone.stderr) == ("", "")


def test_help_names_every_command_and_is_no_failure(regnas_command: Run) -> None:
    code, printed, error = regnas_command("--help")
    assert (code, error) == (0, "")
    assert all(f"  {name} " in printed for name in ("search", "train", "sample", "describe", "list"))
    for name in ("search", "train", "sample", "describe", "list"):
        assert regnas_command(name, "-h")[0] == 0
    code, printed, _ = regnas_command("--version")
    assert code == 0 and printed.startswith("regnas, version ")
