"""What a user gets wrong: one clear line that names the value and the way out, exit 2 for usage and 1 for failures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.errors import UsageError

Run = Callable[..., tuple[int, str, str]]
SEARCH = ("search", "--data", "fake", "--budget", "2", "--workers", "0")
POINT = {"depth": 22, "w0": 24, "wa": 24.48, "wm": 2.54, "group_width": 16}


def _refused(outcome: tuple[int, str, str], code: int, *says: str) -> None:
    found, output, errors = outcome
    assert found == code, errors
    assert "Traceback" not in output + errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for part in says:
        assert part in last


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--space", "regnetz"), ("regnetz", "regnetx")),
        (("--strategy", "randon"), ("randon", "did you mean random")),
        (("--evaluator", "trian"), ("trian", "did you mean train")),
        (("--data", "cifar-10"), ("cifar-10", "did you mean cifar10")),
        (("--space", "regnetx["), ("regnetx[",)),
        (("--space", "regnetx[wn=2]"), ("wn", "wm")),
        (("--space", "regnetx[depth=20:12]"), ("20:12", "12:20")),
        (("--space", "regnetx[w0=25]"), ("25", "multiple of 8")),
        (("--strategy", "evolution[population=1]"), ("population", "1")),
        (("--strategy", "evolution[size=9]"), ("size", "population")),
        (("--strategy", "optuna:NoSuchSampler"), ("NoSuchSampler", "TPESampler")),
        (("--evaluator", "train[learning_rate=-1]"), ("learning_rate", "-1")),
        (("--evaluator", "train[lr=1]"), ("lr", "learning_rate")),
        (("--flops", "400Q"), ("400Q", "360M:400M")),
        (("--flops", "5:1"), ("5:1", "1:5")),
        (("--params", "a:b"), ("a:b", "--params")),
        (("--acts", "1:2:3"), ("1:2:3", "--acts")),
        (("--budget", "-1"), ("-1", "--budget")),
        (("--budget", "many"), ("many",)),
        (("--epochs", "0"), ("0", "--epochs")),
        (("--workers", "-2"), ("-2", "--workers")),
        (("--resolution", "2"), ("2", "--resolution")),
        (("--duplicates", "keep"), ("keep",)),
        (("--device", "gpu"), ("gpu", "cuda")),
        (("--no-such-flag",), ("--no-such-flag",)),
        (("--data", "imagefolder"), ("imagefolder:PATH",)),
        (("--strategy", "random:x"), ("random", "nothing behind a colon", "'x'")),
        (("--strategy", "tpe:20[candidates=3]"), ("tpe", "tpe[key=value]")),
        (("--strategy", "tpe[startup=-1]"), ("startup", "from 0 to 1,000,000", "-1")),
        (("--strategy", "tpe[candidates=0]"), ("candidates", "from 1", "0")),
        (("--strategy", "evolution[population=9999999999]"), ("population", "1,000,000")),
        (("--resolution", "10000000"), ("10000000", "65,536")),
    ],
)
def test_what_cannot_be_meant_exits_with_2(regnas_command: Run, flags: tuple[str, ...], says: tuple[str, ...]) -> None:
    _refused(regnas_command(*SEARCH, *flags), 2, *says)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--flops", "1:2"), ("0 of", "flops above 2", "attainable", "widen")),
        (("--space", "regnetx[wm=2,w0=wa,depth=12:20]"), ("number of stages", "options")),
        (("--device", "cuda"), ("cuda", "--device cpu")),
        (("--data", "imagefolder:/no/such/folder"), ("/no/such/folder",)),
        (("--data", "mnist", "--data-root", "nowhere"), ("mnist", "--download")),
        (("--out", "file/below"), ("file/below", "--out")),
        (("--storage", "garbage"), ("garbage", "--storage")),
        (("--storage", "sqlite:///garbage"), ("garbage", "--storage")),
        (("--storage", "postgresql://nobody@127.0.0.1:9/none"), ("--storage",)),
    ],
)
def test_what_fails_exits_with_1(
    regnas_command: Run, tmp_path: Path, flags: tuple[str, ...], says: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    (tmp_path / "garbage").write_bytes(b"not a database\n" * 100)
    _refused(regnas_command(*SEARCH, *flags), 1, *says)


def test_a_plug_in_that_raises_on_import_is_named_and_harms_no_other(regnas_command: Run, fast: object) -> None:
    for kind in ("--space", "--strategy", "--evaluator", "--data"):
        _refused(regnas_command(*SEARCH, kind, "raising"), 1, "raising", "regnas-fast", "libmissing.so")
    code, output, _ = regnas_command("list", "spaces")
    assert code == 0 and "raising  (regnas-fast)" in output and "regnetx" in output
    assert regnas_command("describe", "--preset", "regnetx-200mf")[0] == 0


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ({key: value for key, value in POINT.items() if key != "wa"}, ("wa",)),
        ({**POINT, "width": 8}, ("width", "group_width")),
        ({**POINT, "w0": 25}, ("25", "multiple of 8")),
        ({**POINT, "wm": 1}, ("wm", "1")),
        ({**POINT, "wa": -1}, ("wa", "-1")),
        ({**POINT, "depth": 0}, ("depth", "0")),
        ({**POINT, "depth": "deep"}, ("depth", "deep")),
        ({**POINT, "group_width": 0}, ("group_width", "0")),
        ({**POINT, "bottleneck_ratio": 0.3}, ("bottleneck_ratio", "0.3")),
        ({**POINT, "depth": True}, ("depth", "True")),
        ([1, 2], ("JSON object",)),
    ],
)
def test_a_point_that_is_no_network_exits_with_2(regnas_command: Run, point: object, says: tuple[str, ...]) -> None:
    _refused(regnas_command("describe", "--space", "regnetx", "--params", json.dumps(point)), 2, *says)


def test_a_point_that_is_not_json_exits_with_2(regnas_command: Run) -> None:
    _refused(regnas_command("describe", "--space", "regnetx", "--params", "{depth: 22}"), 2, "{depth: 22}")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (None, 1, "network.json"),
        ("{half", 1, "no JSON"),
        ("[]", 2, "kind"),
        ('{"kind": "stagged"}', 2, "did you mean staged"),
        ('{"kind": "staged", "depths": [1]}', 2, "strides, widths"),
        ('{"kind": "staged", "depths": [1], "widths": [7], "strides": [1], "group_widths": [2]}', 2, "group"),
        ('{"kind": "staged", "depths": [1], "widths": [8], "strides": [1], "schema": 9}', 2, "schema"),
    ],
)
def test_an_architecture_file_that_is_none_is_refused(
    regnas_command: Run, tmp_path: Path, text: str | None, code: int, says: str
) -> None:
    if text is not None:
        (tmp_path / "network.json").write_text(text)
    _refused(regnas_command("describe", "--architecture", "network.json"), code, says)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("describe",), 2, "--preset"),
        (("describe", "--preset", "regnetx-500mf"), 2, "regnetx-400mf"),
        (("describe", "--preset", "regnetx-400mf", "--space", "regnety"), 2, "give one of"),
        (("describe", "--preset", "regnetx-400mf", "--flops", ":5M"), 2, "give one of"),
        (("describe", "--preset", "regnetx-400mf", "--resolution", "0"), 2, "--resolution is a whole number from 1"),
        (("describe", "--preset", "regnetx-400mf", "--plot", "picture.xyz"), 2, "xyz"),
        (("describe", "--preset", "regnetx-400mf", "--plot", "nowhere/picture.png"), 1, "nowhere/picture.png"),
        (("sample", "--count", "0", "--output", "s.csv"), 2, "--count"),
        (("sample", "--count", "9" * 20, "--output", "s.csv"), 2, "--count is a whole number from 1 to 10,000,000"),
        (("sample", "--output", "s.txt"), 2, "s.txt"),
        (("sample", "--flops", "1:2", "--output", "s.csv"), 1, "attainable"),
        (("train", "nowhere"), 1, "nowhere"),
        (("train", "."), 1, "best.json"),
        (("serach",), 2, "serach"),
    ],
)
def test_every_command_says_what_is_wrong(regnas_command: Run, words: tuple[str, ...], code: int, says: str) -> None:
    _refused(regnas_command(*words), code, says)


def test_a_sample_that_fails_leaves_no_file(regnas_command: Run, tmp_path: Path) -> None:
    regnas_command("sample", "--flops", "1:2", "--output", "s.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_refused(regnas_command: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("create table studies (name text)")
    _refused(regnas_command(*SEARCH, "--storage", "sqlite:///other.db"), 1, "other.db")


def test_debug_shows_where_it_happened() -> None:
    from regnas.cli.main import main

    with pytest.raises(UsageError, match="400Q"):
        main([*SEARCH, "--flops", "400Q", "--debug"])


def test_a_seed_that_no_generator_takes_is_refused(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"kind": "staged", "depths": [1], "widths": [8], "strides": [2], "classes": 4}')
    words = ("train", "x.json", "--data", "fake", "--resolution", "16", "--seed", "9" * 30)
    _refused(regnas_command(*words), 2, "--seed is a whole number of 64 bits")
