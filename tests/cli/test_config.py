"""``--config FILE`` and ``--print-config``: what a file says, what goes before it, and what is kept with a study."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.cli.main import commands

Run = Callable[..., tuple[int, str, str]]
_TABLE = "table:recorded:fashion-mnist/regnetx"


def _file(folder: Path, text: str) -> str:
    (folder / "run.toml").write_text(text)
    return "run.toml"


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_prints_its_flags_as_a_file_that_it_reads(name: str, regnas_command: Run, tmp_path: Path) -> None:
    needed = [
        word
        for one in commands.commands[name].params
        if one.required
        for word in ([] if one.param_type_name == "argument" else [one.opts[0]])
        + ["space" if one.name == "kind" else "x"]
    ]
    code, printed, _ = regnas_command(name, *needed, "--print-config")
    assert code == 0
    assert tomllib.loads(printed)
    again = regnas_command(name, "--config", _file(tmp_path, printed), "--print-config")
    assert again[:2] == (0, printed)


def test_a_search_by_file_is_the_search_by_flags(regnas_command: Run, tmp_path: Path) -> None:
    words = ("--space", _TABLE, "--evaluator", _TABLE, "--budget", "3", "--seed", "4", "--json")
    code, typed, _ = regnas_command("search", *words, "--out", "typed")
    assert code == 0
    text = f'space = "{_TABLE}"\nevaluator = "{_TABLE}"\nbudget = 3\nseed = 4\njson = true\nout = "file"\n'
    code, read, _ = regnas_command("search", "--config", _file(tmp_path, text))
    assert code == 0
    assert json.loads(read)["architecture"] == json.loads(typed)["architecture"]
    (kept,) = (tmp_path / "file").glob("*/command.toml")
    flags = tomllib.loads(kept.read_text())
    assert (flags["budget"], flags["seed"]) == (3, 4)
    code, resumed, _ = regnas_command("search", "--config", kept.relative_to(tmp_path))
    assert (code, resumed) == (0, read)


def test_what_is_typed_goes_before_the_file(regnas_command: Run, tmp_path: Path) -> None:
    file = _file(tmp_path, 'budget = 3\nflops = 400\npareto = ["flops", "params"]\nper_device = 2\nbaselines = false\n')
    code, printed, _ = regnas_command("search", "--config", file, "--budget", "7", "--print-config")
    found = tomllib.loads(printed)
    assert (code, found["budget"], found["flops"], found["pareto"]) == (0, 7, "400", ["flops", "params"])
    assert (found["per-device"], found["baselines"]) == ("2", False)


def test_a_flag_of_a_file_counts_as_said_but_for_its_default(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("error,flops\n" + "".join(f"0.{10 + row},{100 + row}\n" for row in range(12)))
    lines = 'population = ["few.csv", "few.csv"]\ncomplexity = "none"\nforce = true\n'
    usual = regnas_command("compare", "--config", _file(tmp_path, lines + "budget = 100\n"))
    assert "--budget" not in usual[2]
    code, _, error = regnas_command("compare", "--config", _file(tmp_path, lines + "budget = 90\n"))
    assert code == 2 and "--budget" in error


def test_no_password_is_printed_or_kept(regnas_command: Run) -> None:
    _, printed, _ = regnas_command("search", "--storage", "postgresql://me:secret@host/db", "--print-config")
    assert "secret" not in printed and "host/db" in printed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgte = 3", "has no flag 'budgte'; did you mean budget?"),
        ("budget = [3]", "budget is a text or a number"),
        ("budget = true", "budget is a text or a number"),
        ("quiet = 1", "quiet is true or false"),
        ("pareto = [[1]]", "pareto is a text or a number, or a list of these"),
        ("[search]\nbudget = 3", "has no flag 'search'"),
        ('budget = "three"', "'three' is not a valid integer"),
        ("budget: 3", "is no TOML"),
    ],
)
def test_a_file_that_says_what_no_flag_can_is_refused(
    text: str, said: str, regnas_command: Run, tmp_path: Path
) -> None:
    code, _, error = regnas_command("search", "--config", _file(tmp_path, text))
    assert code == 2 and said in error and "Traceback" not in error


def test_a_file_that_is_not_there_is_said(regnas_command: Run) -> None:
    code, _, error = regnas_command("search", "--config", "nobody.toml")
    assert code == 2 and "cannot read nobody.toml" in error
