"""Populations, comparisons and benchmarks that an earlier commit wrote are read, and their numbers are the same."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.images import Images

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / "data"
COMMANDS: dict[str, dict[str, list[str]]] = json.loads((DATA / "commands.json").read_text())
SMALL = "anynetx-e[depth=1:2,stages=2,width=8:32]"
Run = Callable[..., tuple[int, str, str]]
Earlier = Callable[[str], Path]


# What was the default then, and is to be said now: a space has its own resolution and number of classes.
SAID_SINCE = {"nasbench201.csv": ("--resolution", "224", "--classes", "1000")}


# Groups of a table by number of trainings, and what limits a verdict.
SAID_OF_COMPARISONS_SINCE = ("/groups/", "/limits/")


def said_since(path: str) -> bool:
    """Whether the leaf at a path was added after the earlier comparisons were written."""
    return any(part in path for part in SAID_OF_COMPARISONS_SINCE)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a JSON value by their paths."""
    if not isinstance(value, dict | list):
        return {path: value}
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return {name: leaf for key, one in inner for name, leaf in flat(one, f"{path}/{key}").items()}


def check_equal(found: Any, before: Any) -> None:
    """The same numbers and verdicts; the last digits of a number are the machine's, a verdict's sentence is the
    release's, and what `SAID_OF_COMPARISONS_SINCE` names was not said then.
    """
    one, other = ({path: leaf for path, leaf in flat(it).items() if not said_since(path)} for it in (found, before))
    assert set(one) == set(other)
    other = {name: value for name, value in other.items() if not name.endswith("/sentence")}
    different = {
        name: (value, one[name])
        for name, value in other.items()
        if one[name] != (pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value)
    }
    assert not different


def seen_again(folder: Path) -> Any:
    """compare.json of a folder, but for what may be said anew: its versions, and what images ask of a space."""
    stored = json.loads((folder / "compare.json").read_text())
    conditions = {**stored["conditions"], "images": Images.from_json(stored["conditions"]["images"]).to_json()}
    return {name: value for name, value in {**stored, "conditions": conditions}.items() if name != "versions"}


@pytest.mark.parametrize("name", COMMANDS["sampled"])
def test_the_same_command_samples_the_same_file(regnas_command: Run, tmp_path: Path, name: str) -> None:
    code, _, err = regnas_command(*COMMANDS["sampled"][name], *SAID_SINCE.get(name, ()))
    assert code == 0, err
    assert (tmp_path / name).read_bytes() == (DATA / "sampled" / name).read_bytes()


@pytest.mark.parametrize("name", [pytest.param("small.csv", marks=pytest.mark.slow), "small.jsonl"])
def test_sampled_networks_are_evaluated_first(fast_search: Callable[..., Any], name: str) -> None:
    result = fast_search(11, space=SMALL, enqueue=DATA / "sampled" / name)
    networks = [one["architecture"] | {"classes": 4} for one in sampled(name)]
    assert len(networks) == 10
    shape = ("depths", "widths", "bottleneck_ratios", "group_widths")
    found = [[row["architecture"][key] for key in shape] for row in result.rows]
    assert found[:10] == [[one[key] for key in shape] for one in networks]


def sampled(name: str) -> list[dict[str, Any]]:
    """The rows of a sampled file, with their architectures."""
    import csv

    text = (DATA / "sampled" / name).read_text()
    if name.endswith(".csv"):
        return [{**row, "architecture": json.loads(row["architecture"])} for row in csv.DictReader(text.splitlines())]
    rows = [json.loads(line) for line in text.splitlines()]
    return [
        {**row, "architecture": one if isinstance(one := row["architecture"], dict) else json.loads(one)}
        for row in rows
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS["compared"])
def test_a_report_is_made_again_with_the_same_numbers(earlier: Earlier, regnas_command: Run, name: str) -> None:
    folder = earlier("compared") / "runs" / f"compare-{name}"
    before = seen_again(folder)
    code, _, err = regnas_command("report", f"runs/compare-{name}")
    assert code == 0, err
    check_equal(seen_again(folder), before)


def test_the_same_comparison_trains_nothing_and_says_the_same(earlier: Earlier, regnas_command: Run) -> None:
    folder = earlier("compared") / "runs"
    before = seen_again(folder / "compare-small")
    tables = {path: path.read_text() for path in folder.glob("*/trials.csv")}
    assert len(tables) == 4
    code, _, err = regnas_command(*COMMANDS["compared"]["small"])
    assert code == 0, err
    check_equal(seen_again(folder / "compare-small"), before)
    assert {path: path.read_text() for path in folder.glob("*/trials.csv")} == tables


@pytest.mark.slow
def test_populations_that_a_comparison_left_are_compared_as_they_were(earlier: Earlier, tmp_path: Path) -> None:
    folder = earlier("compared") / "runs"
    files = sorted((folder / "compare-recorded" / "populations").iterdir())
    assert len(files) == 2
    regnas.compare(populations=[str(file) for file in files], out=tmp_path / "again", name="again")
    found, before = seen_again(tmp_path / "again" / "compare-again"), seen_again(folder / "compare-recorded")
    check_equal(found["pairs"], before["pairs"])
    check_equal([one["errors"] for one in found["populations"]], [one["errors"] for one in before["populations"]])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS["benched"])
def test_the_same_benchmark_has_the_same_runs_and_numbers(earlier: Earlier, regnas_command: Run, name: str) -> None:
    folder = earlier("benched") / "runs" / f"bench-{name}"
    before = json.loads((folder / "bench.json").read_text())
    runs = {path: json.loads(path.read_text()) for path in folder.glob("runs/**/*.json")}
    versions = next(iter(runs.values()))["settings"]["versions"]
    same = all(importlib.metadata.version(package) == version for package, version in versions.items())
    code, out, err = regnas_command(*COMMANDS["benched"][name])
    assert code == 0, err
    if not same:
        pytest.skip(f"runs were recorded with {versions}")
    assert f"all {len(runs)} runs are there" in out
    assert {path: json.loads(path.read_text()) for path in folder.glob("runs/**/*.json")} == runs
    found = json.loads((folder / "bench.json").read_text())
    for part in ("rules", "spaces", "ranks"):
        check_equal(found[part], before[part])


@pytest.mark.parametrize("name", [pytest.param("cluster", marks=pytest.mark.slow), "halving"])
def test_a_benchmark_that_is_run_again_finds_the_same(earlier: Earlier, regnas_command: Run, name: str) -> None:
    """A run of every strategy is lost."""
    folder = earlier("benched") / "runs" / f"bench-{name}"
    runs = {path: json.loads(path.read_text()) for path in folder.glob("runs/*/1.json")}
    assert len(runs) >= 2
    for path in runs:
        path.unlink()
    code, _, err = regnas_command(*COMMANDS["benched"][name])
    assert code == 0, err
    versions = next(iter(runs.values()))["settings"]["versions"]
    if any(importlib.metadata.version(package) != version for package, version in versions.items()):
        pytest.skip(f"runs were recorded with {versions}")
    for path, before in runs.items():
        found = json.loads(path.read_text())
        for one in (found, before):
            del one["proposal_seconds"]
        check_equal(found, before)
