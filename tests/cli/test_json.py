"""``--json``: every command has it, and prints JSON and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


RUN = ("space", "evaluator", "strategy", "seed")


def test_a_benchmark_on_a_table_tells_of_every_run_and_at_last_its_result(
    bench: Run, recorded: Callable[[], dict[str, Any]]
) -> None:
    words = ("--budget", 20, "--repeats", 2, "--strategy", "random", "--jobs", 1, "--json-lines")
    code, output, error = bench(*words)
    lines = [json.loads(line) for line in output.splitlines()]
    assert (code, error) == (0, "")
    told = [one for one in lines if one["event"] != "says"]
    assert told[0] == {"event": "start", "complete": 0, "runs": 2}
    assert told[-1] == {"event": "result", "result": recorded()}
    runs = [one for one in told if one["event"] == "run"]
    assert [tuple(one[name] for name in RUN) for one in runs] == [
        ("table:made.csv", "table:made.csv", "random", seed) for seed in (0, 1)
    ]
    assert all(one["evaluations"] == 20 and one["failed"] == 0 and 0 < one["error"] < 1 for one in runs)
    again = [json.loads(line) for line in bench(*words)[1].splitlines()]
    assert [one for one in again if one["event"] not in ("says", "result")] == [
        {"event": "start", "complete": 2, "runs": 2}
    ]
    assert bench("--json", "--json-lines")[0] == 2


def test_a_benchmark_that_trains_tells_what_happens_in_every_run(fast: object, regnas_command: Run) -> None:
    words = ("bench", "--space", "regnetx", "--evaluator", "fast[epochs=2]", "--data", "fake", "--strategy", "random")
    code, output, error = regnas_command(*words, "--budget", 2, "--repeats", 1, "--json-lines")
    assert code == 0, error
    lines = [json.loads(line) for line in output.splitlines()]
    events = [one["event"] for one in lines if one["event"] != "says"]
    assert events[:2] == ["start", "start"] and events[-2:] == ["run", "result"]
    assert events.count("complete") == 2 and events.count("epoch") == 4
    (run,) = (one for one in lines if one["event"] == "run")
    of_it = [one for one in lines if one["event"] in ("began", "epoch", "complete")]
    assert all(one[name] == run[name] for one in of_it for name in RUN)
    assert run["error"] == min(one["error"] for one in lines if one["event"] == "complete")
