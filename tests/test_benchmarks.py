"""The benchmarks measure both ways in turn, keep what they measured, and say whether an aim is reached."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType, ModuleType]]:
    """The modules ``comparison``, ``record`` and ``table``: they are in the repository, not in what is installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import comparison, record, table

    yield comparison, record, table


Modules = tuple[ModuleType, ModuleType, ModuleType]


def test_both_arms_run_in_turn_after_a_warm_up(benchmarks: Modules) -> None:
    comparison, _, _ = benchmarks
    order: list[str] = []

    def arm(name: str) -> object:
        def run() -> float:
            order.append(name)
            return 1.0

        return comparison.Arm(name, run)

    found = comparison.compare("x", arm("a"), arm("b"), unit="things", rounds=3, clock="wall")
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert len(found.ours) == len(found.theirs) == 3


def test_the_median_of_the_ratios_of_each_round_counts(benchmarks: Modules) -> None:
    comparison, _, table = benchmarks
    rates = {"ours": (2.0, 30.0, 4.0), "theirs": (1.0, 1.0, 4.0)}
    names = {"what": "w", "unit": "u", "clock": "cpu", "ours_name": "o", "peer_name": "p"}
    found = comparison.Comparison(**names, **rates, aim=2.0)
    assert found.ratios == (2.0, 30.0, 1.0) and found.ratio == 2.0
    assert table.verdict(found) == "2, reached"
    short = comparison.Comparison(**names, **rates, aim=2.5)
    assert table.verdict(short) == "2.5, **not reached**" and "(aim 2.5, not reached)" in table.line(short)
    assert table.verdict(comparison.Comparison(**names, **rates)) == ""


def test_a_part_that_is_measured_again_takes_the_place_of_its_old_figures(benchmarks: Modules, tmp_path: Path) -> None:
    comparison, record, _ = benchmarks
    path = tmp_path / "comparisons.json"

    def one(what: str) -> object:
        return comparison.Comparison(
            what=what, unit="u", clock="cpu", ours_name="o", peer_name="p", ours=(1.0,), theirs=(2.0,)
        )

    record.add("a", [one("first")], "machine", 0.1, path)
    record.add("b", [one("other")], "machine", 0.1, path)
    record.add("a", [one("second")], "machine", 0.2, path)
    parts = record.read(path)
    assert record.comparisons_of(parts["a"]) == [one("second")]
    assert record.comparisons_of(parts["b"]) == [one("other")]


def test_table_and_figure_take_the_place_between_the_marks(
    benchmarks: Modules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison, _, table = benchmarks
    (tmp_path / "images").mkdir()
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.setattr(table, "DOCS", tmp_path)
    found = comparison.Comparison(
        what="work", unit="u", clock="cpu", ours_name="o", peer_name="p", ours=(3.0,), theirs=(2.0,), aim=1.0
    )
    table.write([("part", "a machine", [found])])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "a machine" in text and "**1.5**" in text and (tmp_path / "images" / "benchmarks.png").exists()


def test_another_clock_is_refused(benchmarks: Modules) -> None:
    comparison, _, _ = benchmarks
    arm = comparison.Arm("a", lambda: 1.0)
    with pytest.raises(ValueError, match="cpu, wall, got 'sun'"):
        comparison.compare("x", arm, arm, unit="u", rounds=1, clock="sun")


@pytest.mark.slow
def test_what_is_measured_on_a_gpu_works_on_a_processor(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--out", str(tmp_path / "found.json")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["what"]: row["value"] for row in json.loads((tmp_path / "found.json").read_text())["rows"]}
    assert rows["lanes equal trainings alone, bit for bit, twice"] == "8 of 8"
    assert rows["after kill -9 and the same command"] == "3 of 3 candidates ended"
    assert rows["2 lanes"] > 0


def test_the_referee_adds_runs_to_what_it_knows_and_measures_gains_under_equal_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import referee
    from regnas.studies.bench.running.runs import Run

    def run(seed: int, error: float, **origins: int) -> Run:
        n = referee.BUDGET
        falling, flat = np.linspace(error + 0.1, error, n), np.zeros(n)
        networks = tuple(map(str, range(n)))
        times: dict[str, Any] = {"started": flat, "ended": flat, "epochs": flat.astype(int), "whole": flat == 0}
        found: dict[str, Any] = {"proposal_seconds": seed + 1.0, "refused": 2 * seed, "origins": origins}
        return Run(strategy="a", seed=seed, networks=networks, signal=falling, score=falling, **times, **found)

    rows: dict[str, Any] = {
        "random": {"name": "random", "versions": {}},
        "ext:a": {"name": "ext:a", "versions": {"a": "1.0"}},
    }
    assert list(referee.missing(rows, {"random": 2, "ext:a": 1})) == [("random", 0), ("ext:a", 0), ("random", 1)]
    for seed, error in enumerate((0.3, 0.5)):
        rows["random"] = referee.with_run(rows["random"], run(seed, error))
        rows["ext:a"] = referee.with_run(rows["ext:a"], run(seed, error - 0.1, own=100 - 50 * seed))
    assert not list(referee.missing(rows, {"random": 2, "ext:a": 2}))
    lines = referee.table([rows["random"], rows["ext:a"]]).splitlines()[2:]
    early = " | ".join(f"{30 + 10 * (99 - n) / 99:.2f}" for n in (24, 49))  # of the mean of two straight lines
    assert lines[0] == f"| `ext:a` 1.0 | 2 | {early} | 30.00 | +10.00 [+10.00, +10.00] | 15 | 75 / 0 / 0 / 0 | 1 |"
    assert lines[1].startswith("| `random`  | 2 |") and " | 40.00 |  | 15 |  | 1 |" in lines[1]
    assert list(referee.pairs(rows.values(), least=2)) == ["ext:a ahead of random: 10.00 [10.00, 10.00]"]
    assert not list(referee.pairs(rows.values(), least=3))


def test_finds_stand_beside_textbook_networks_that_trained_as_long_by_either_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import finding, lines, textbook

    for name in ("FINDS", "LATENCIES"):
        monkeypatch.setattr(finding, name, tmp_path / name)
    monkeypatch.setattr(textbook, "FOLDER", tmp_path)
    cost = {"flops": 4_800_000}
    for seed, (error, processor) in enumerate(((0.30, 95), (0.34, 105))):
        told = {"processor_seconds": processor, "wall_seconds": 220, "candidates": 3, "returned": "candidate 1"}
        row = {"who": "find", "seed": seed, "asked": 205.0, "test_error": error, "cost": cost, **told}
        lines.add(finding.FINDS, row)
    for who, asked in (("resnet18", 205.0), ("resnet18", 100.0), ("resnet18", 400.0), ("search", 205.0)):
        for error in (0.36, 0.38):
            lines.add(textbook.file_of("jpeg-cifar10"), {"who": who, "asked": asked, "test_error": error})
    for network, milliseconds in (("find 205 0", 0.1), ("find 205 1", 0.3), ("resnet18", 0.2)):
        lines.add(finding.LATENCIES, {"network": network, "milliseconds": milliseconds})
    found = list(finding.report())
    assert found[0] == "`--time 205s` took 220 s, and 100 of a processor"
    assert "| find | 100 | 32.00% (2) | | | | |" in found
    # Welch: means 5 points apart with variances 8 and 2 of two each, 13.84 = 6.19 sqrt(8 / 2 + 2 / 2).
    theirs = "37.00% (2) | -5.00, -18.84 to +8.84 |  | 0.200 | 1 of 2 |"
    assert [line for line in found if "resnet18" in line] == [f"| resnet18 | {s} | {theirs}" for s in (100, 205)]
    assert not any("search" in line for line in found)
