"""What was measured stays, in one file for a set-up on a machine, whoever else writes to it."""

from __future__ import annotations

import json
from pathlib import Path

from regnas.evaluators.latency.records import Reading, Records

MACHINE = {"runtime": "torch 2", "threads": 1, "processor": "a processor"}


def reading(key: str, seconds: float, probe: float = 0.1) -> Reading:
    return Reading(key, 32, seconds, 0.01, 70, 3, probe)


def test_a_reading_is_found_again_by_another_process(tmp_path: Path) -> None:
    first, second = Records(tmp_path, MACHINE), Records(tmp_path, MACHINE)
    assert second.find("a", 32) is None
    first.add(reading("a", 0.5))
    assert second.find("a", 32) == reading("a", 0.5)
    assert second.find("a", 64) is None, "another size of picture is another measurement"


def test_the_first_of_two_readings_counts_for_everybody(tmp_path: Path) -> None:
    first, second = Records(tmp_path, MACHINE), Records(tmp_path, MACHINE)
    assert first.add(reading("a", 0.5)).median == 0.5
    assert second.add(reading("a", 0.7)).median == 0.5
    assert first.find("a", 32) == second.find("a", 32) == Records(tmp_path, MACHINE).find("a", 32)


def test_a_line_that_a_kill_cut_off_is_nobodys_reading_and_the_next_one_is_whole(tmp_path: Path) -> None:
    one = Records(tmp_path, MACHINE)
    one.add(reading("a", 0.5))
    assert one.path is not None
    with one.path.open("a") as file:
        file.write('\n{"key": "b", "resolution": 32, "med')
    fresh = Records(tmp_path, MACHINE)
    assert fresh.find("b", 32) is None and fresh.find("a", 32) is not None
    fresh.add(reading("b", 0.6))
    assert Records(tmp_path, MACHINE).find("b", 32) == reading("b", 0.6)


def test_another_machine_or_version_has_its_own_file(tmp_path: Path) -> None:
    Records(tmp_path, MACHINE).add(reading("a", 0.5))
    assert Records(tmp_path, {**MACHINE, "runtime": "torch 3"}).find("a", 32) is None
    machines = [json.loads(file.read_text().split("\n")[1])["machine"] for file in tmp_path.glob("*.jsonl")]
    assert machines == [MACHINE]


def test_the_fixed_network_at_its_fastest_is_that_of_all_readings(tmp_path: Path) -> None:
    one = Records(tmp_path, MACHINE)
    assert one.fastest_probe() is None
    one.add(reading("a", 0.5, probe=0.3))
    Records(tmp_path, MACHINE).add(reading("b", 0.5, probe=0.2))
    assert one.fastest_probe() == 0.2
