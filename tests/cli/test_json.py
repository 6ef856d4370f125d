"""``--json``: every command has it, and prints JSON and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.cli.main import commands

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_prints_json_where_it_is_asked(name: str) -> None:
    assert any("--json" in one.opts for one in commands.commands[name].params)


def test_an_exported_text_is_part_of_the_json_and_in_its_file(regnas_command: Run, tmp_path: Path) -> None:
    words = ("export", "regnety-400mf", "--format", "pycls", "--json")
    code, output, error = regnas_command(*words)
    found = json.loads(output)
    assert (code, error) == (0, "") and "W0: 48" in found["text"]
    assert (found["format"], found["output"], found["weights"]) == ("pycls", None, None)
    code, output, _ = regnas_command(*words, "--output", "net.yaml")
    assert code == 0 and json.loads(output) == {**found, "output": "net.yaml"}
    assert (tmp_path / "net.yaml").read_text() == found["text"]


def test_an_imported_sweep_is_one_list(regnas_command: Run, tmp_path: Path) -> None:
    line = {"DEPTH": 13, "W0": 24, "WA": 36.44, "WM": 2.49}
    configs = [{"MODEL": {"TYPE": "regnet"}, "REGNET": {**line, "GROUP_W": group}} for group in (8, 16)]
    (tmp_path / "sweep.json").write_text(json.dumps([{"cfg": config} for config in configs]))
    lines = regnas_command("import", "sweep.json")[1].splitlines()
    code, output, _ = regnas_command("import", "sweep.json", "--json")
    assert code == 0 and json.loads(output) == [json.loads(one) for one in lines] and len(lines) == 2


def test_the_files_of_a_new_plugin_are_listed(regnas_command: Run, tmp_path: Path) -> None:
    code, output, _ = regnas_command("new-plugin", "strategy", "my-walk", "--json")
    found = json.loads(output)
    assert code == 0 and found["folder"] == "regnas-my-walk"
    files = [one for one in (tmp_path / "regnas-my-walk").rglob("*") if one.is_file()]
    assert {str(one.relative_to(tmp_path)) for one in files} == set(found["files"])


def test_a_search_tells_all_that_happens_in_lines_and_at_last_its_result(
    fast: object, regnas_command: Run, tmp_path: Path
) -> None:
    words = ("search", "--space", "regnetx", "--data", "fake", "--evaluator", "fast[epochs=2]", "--budget", 2)
    code, output, error = regnas_command(*words, "--workers", 0, "--study", "told", "--json-lines")
    lines = [json.loads(line) for line in output.splitlines()]
    assert (code, error) == (0, "")
    told = [(one["event"], one.get("candidate")) for one in lines if one["event"] not in ("says", "start")]
    assert told == [
        *[(event, index) for index in (0, 1) for event in ("began", "epoch", "epoch", "complete")],
        ("result", None),
    ]
    best = json.loads((tmp_path / "regnas-runs" / "told" / "best.json").read_text())
    assert lines[-1] == {"event": "result", "result": best}
    errors = [one["error"] for one in lines if one["event"] == "complete"]
    assert min(errors) == best["validation_error"]
    assert regnas_command(*words, "--json", "--json-lines")[0] == 2
