"""Tables and JSON files that a reader never sees half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from regnas.system.files import COLUMNS, record, write_csv, write_json, write_text

ROW = {
    "space": "regnetx",
    "index": 3,
    "error": 0.25,
    "architecture": {"kind": "staged", "depths": [1, 2]},
    "errors": [0.5, 0.25],
    "params_by_name": {"depth": 3, "wm": 2.5},
}


def test_a_record_is_flat_and_has_every_column() -> None:
    flat = record(ROW)
    assert list(flat)[: len(COLUMNS)] == list(COLUMNS)
    assert flat["schema"] == 1
    assert flat["architecture"] == '{"depths":[1,2],"kind":"staged"}'
    assert (flat["epoch_1"], flat["epoch_2"]) == (0.5, 0.25)
    assert (flat["param.depth"], flat["param.wm"]) == (3, 2.5)
    assert flat["seconds"] == ""


def test_columns_that_only_some_rows_have_stay_empty_in_the_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trials.csv"
    write_csv(path, [ROW, {"space": "regnetx", "index": 4, "errors": [0.5] * 11}])
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert list(first)[len(COLUMNS) :] == [*(f"epoch_{n}" for n in range(1, 12)), "param.depth", "param.wm"]
    assert json.loads(first["architecture"]) == ROW["architecture"]
    assert first["epoch_11"] == "" and second["epoch_11"] == "0.5"
    assert second["param.depth"] == "" and second["index"] == "4"


def test_a_table_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "trials.csv", [])
    assert (tmp_path / "trials.csv").read_text().strip() == ",".join(COLUMNS)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    write_json(path, {"best": 1})
    write_json(path, {"best": 2})
    assert json.loads(path.read_text()) == {"best": 2}
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_what_is_no_json_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_text(path, "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"error": float("nan")})
    assert path.read_text() == "old"
