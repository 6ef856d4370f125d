"""Every option of every command, with values that nobody can mean: a sentence, exit 0, 1 or 2, and within 20 s.

Some are taken all the same: a folder may have any name. What counts is that none ends in an exception or in silence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import click
import pytest

import regnas
from regnas.cli.main import commands
from regnas.errors import RegnasError

COUNT = 500  # of the 2,500 that the lists below make
SECONDS = 20.0

_TABLE = "table:recorded:fashion-mnist/regnetx"
_ARCHITECTURE = "architecture.json"
# What a command needs beside the option that is tried; nothing here trains for longer than a moment.
_BASE: dict[str, tuple[str, ...]] = {
    "find": ("--data", "fake", "--space", _TABLE, "--evaluator", _TABLE, "--workers", "0", "--time", "9", "--quiet"),
    "search": ("--space", _TABLE, "--evaluator", _TABLE, "--workers", "0", "--budget", "2", "--quiet"),
    "train": (_ARCHITECTURE, "--data", "fake", "--resolution", "16", "--epochs", "1", "--quiet"),
    "test": (_ARCHITECTURE, "--data", "fake"),
    "predict": (_ARCHITECTURE, "bytes"),
    "compare": ("--population", "few.csv", "--quiet"),
    "refine": (_TABLE, "--evaluator", _TABLE, "--workers", "0", "--budget", "60", "--steps", "1", "--quiet"),
    "audit": ("--data", "fake", "--workers", "1", "--quiet"),
    "bench": ("--space", "regnetx", "--evaluator", _TABLE, "--strategy", "random", "--budget", "4", "--repeats", "2"),
    "plan": ("--detect", "0.5"),
    "report": (),
    "dashboard": ("--port", "0"),
    "sample": ("--count", "2", "--output", "out.csv"),
    "describe": ("--space", "regnetx", "--resolution", "32"),
    "fit": (),
    "scale": (_ARCHITECTURE, "--by", "2", "--quiet"),
    "export": (_ARCHITECTURE, "--format", "json"),
    "import": (),
    "list": (),
    "new-plugin": ("space", "mine"),
}
_LONG = "9" * 30
_NUMBERS = ("-1", "0", "nan", "inf", "-inf", "1e400", "1e-400", _LONG, f"-{_LONG}", "1.5", "x", "", "0x10", "1__0")
_WINDOWS = ("1e400:", ":1e999999999", "1e-999999999:", "5:1", "-1:5", "nan:", ":inf", "1:2:3", "k", "1kk", "0", "5%")
_SPECS = (
    *("", "[", "regnetx[", "regnetx]", "regnetx[wm=]", "regnetx[=2]", "regnetx[wm=nan]", "regnetx[depth=0]"),
    *("regnetx[depth=1e400]", f"regnetx[w0=8:{_LONG}]", "anynetx-a[width=8:1e300]", "random:x", "tpe[startup=-1]"),
    *("nobody", "x" * 5000, "table:", "table:missing.csv", "table:folder", "train[batch_size=0]", "train[epochs=1e99]"),
    *("tpe[startup=x]", "asha[eta=0]", "asha[first=-1]", "evolution[population=1e9]", "optuna:", "grid[levels=-1]"),
)
_FILES = ("missing.json", "folder", "fifo", "empty", "bytes", "list.json", "deep.json", "/dev/null", "y" * 300)
_NAMES = ("", "..", "../x", "n" * 400, "a\nb", "\x1b[31m", "-")
_DATA = (
    *(
        "",
        "nobody",
        "imagefolder:",
        "imagefolder:missing",
        "imagefolder:folder",
        "imagefolder:fifo",
        "fake:1",
        "fake:x",
    ),
    *("cifar10[training=0]", "fake[training=99999]", "packed:missing", "packed:folder", "packed:bytes", "packed:fifo"),
)
_STORAGES = (
    *("folder", "bytes", "fifo", "://", "sqlite://", "sqlite:///folder", "sqlite:///bytes", "sqlite:///fifo"),
    *("sqlite:////dev/null", f"sqlite:///{'z' * 300}", "nobody://x", "postgresql://u:p@127.0.0.1:1/x"),
)
_POINTS = ("", "[]", "{", "null", '{"depth": "x"}', '{"depth": 1e400}', '{"nobody": 1}', "[" * 5000, '{"depth": -1}')
_BAD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("flops", "params_window", "acts"), _WINDOWS),
    **dict.fromkeys(
        ("space", "spaces", "text", "strategy", "strategies", "evaluator", "evaluators", "pruner", "rules"), _SPECS
    ),
    **dict.fromkeys(("executor", "form", "what", "device", "complexity", "pareto"), _SPECS),
    **dict.fromkeys(
        (
            "target",
            "source",
            "file",
            "network",
            "enqueue",
            "population",
            "populations",
            "known",
            "warm_start",
            "output",
        ),
        _FILES,
    ),
    **dict.fromkeys(("picture", "weights", "out", "folder", "data_root", "study", "name"), (*_FILES, *_NAMES)),
    "limits": (*(f"flops={one}" for one in _WINDOWS), "nobody=1:2", "=", "flops", "flops="),
    "data": _DATA,
    "storage": _STORAGES,
    "parameters": _POINTS,
    "params": (*_WINDOWS, *_POINTS),
    "ray_address": ("", "nobody", "127.0.0.1:x", ":"),
}


def _cases() -> Iterator[tuple[str, ...]]:
    for name, command in commands.commands.items():
        for one in command.params:
            if getattr(one, "is_flag", False) or (name, one.name) == ("dashboard", "port"):
                continue
            base = _BASE[name]
            if isinstance(one, click.Argument) and base and not base[0].startswith("-"):
                base = base[1:]
            for value in _BAD.get(str(one.name), _NUMBERS):
                yield (name, *base, value) if isinstance(one, click.Argument) else (name, *base, one.opts[0], value)


def _parts(count: int) -> list[list[tuple[str, ...]]]:
    """A fixed choice of the cases, dealt out."""
    chosen = Random(15).sample(sorted(set(_cases())), COUNT)
    return [chosen[start::count] for start in range(count)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with files of every bad kind, and two good ones."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    stages = '"depths": [1, 1], "widths": [8, 8], "strides": [2, 2]'
    (tmp_path / _ARCHITECTURE).write_text(f'{{"kind": "staged", "schema": 1, {stages}, "classes": 4, "stem_width": 8}}')
    rows = "".join(f"{0.1 + 0.01 * number},{1000 + number}\n" for number in range(12))
    (tmp_path / "few.csv").write_text(f"error,flops\n{rows}")
    return tmp_path


def _fault(code: int | None, text: str) -> str:
    """What is wrong with the end of a command; empty where nothing is."""
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if re.search(r"Traceback|shows where|(?<![\w.'])[A-Z][a-z]\w*(Error|Exception)\b", text):
        return "an exception's name"
    if code and not re.search(r"^Error: \S", text, re.MULTILINE):
        return "no line that begins with Error"
    return "a control character" if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) else ""


@pytest.mark.slow
@pytest.mark.parametrize("cases", _parts(10), ids=range(10))
def test_a_value_that_nobody_can_mean_is_answered_in_a_sentence(
    command: Callable[..., Any], files: Path, cases: list[tuple[str, ...]]
) -> None:
    faults = []
    for words in cases:
        one = command(*words)
        try:
            code = one.wait(SECONDS)
        except pytest.fail.Exception:
            code = None
            one.kill()
        if found := _fault(code, one.output):
            faults.append((found, [word[:50] for word in words], one.output[-300:]))
        if any(files.glob("**/.*.part")):
            faults.append(("half-written files", list(words), str(list(files.glob("**/.*.part")))))
    assert not faults


_OPTIONS: dict[str, Any] = {
    "evaluator": (_TABLE, 5, None, "", "nobody"),
    "strategy": ("random", 5, None, object(), "x" * 5000),
    "budget": (2, -1, 0, 1.5, "2", True, 10**30, float("nan")),
    "seed": (0, -1, 1.5, "x", None),
    "flops": (None, float("inf"), -1, "x", [1], {}),
    "limits": ((), 5, {"flops": float("nan")}, {5: "1:2"}, ["flops"]),
    "workers": (0, -3, 1.5, "many", 10**9),
    "epochs": (None, 0, -1, 2.5, "x"),
    "resolution": (None, 0, -5, 10**9, "x", 32.5),
    "pruner": ("none", 5, None, "nobody"),
    "duplicates": ("reject", 5, None, "keep"),
    "data": ("fashion-mnist-mini", 5, None, "", "imagefolder:fifo"),
    "storage": (None, 5, "", "fifo", "bytes"),
    "out": ("runs", 5, "few.csv", ""),
    "pareto": ((), 5, "flops", ["nobody"]),
    "warm_start": (None, 5, "missing", "fifo"),
    "enqueue": (None, 5, "missing", "fifo", "bytes"),
    "timeout": (None, -1, "x", float("nan")),
    "study": (None, 5, "", "x" * 500),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", _OPTIONS)
def test_a_wrong_value_in_python_is_an_error_of_regnas(files: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(files)
    usual: dict[str, Any] = {"evaluator": _TABLE, "budget": 2, "workers": 0, "quiet": True}
    for number, value in enumerate(_OPTIONS[name]):
        options: dict[str, Any] = {"out": f"runs-{number}", **usual, name: value}
        try:
            regnas.search(_TABLE, **options)
        except RegnasError as error:
            assert str(error) and "\n" not in str(error).strip(), (name, value)
        except Exception as error:
            pytest.fail(f"{name}={value!r}: {type(error).__name__}: {error}")
