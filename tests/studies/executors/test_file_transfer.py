"""Files that travel by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from regnas.errors import RegnasError
from regnas.messages import Done, EvaluateJob, ScoreJob
from regnas.studies.executors import file_transfer


def test_a_folder_arrives_as_it_left(tmp_path: Path) -> None:
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "weights").write_bytes(b"\x00\xff")
    (tmp_path / "a" / "deep" / "note").write_text("n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "paused").write_text("old")
    file_transfer.write(tmp_path / "b", file_transfer.read(tmp_path / "a"))
    assert file_transfer.read(tmp_path / "b") == {"weights": b"\x00\xff", "deep/note": b"n"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_no_files_are_no_folder(tmp_path: Path) -> None:
    assert file_transfer.read(tmp_path / "absent") == {}
    (tmp_path / "b").mkdir()
    file_transfer.write(tmp_path / "b", {})
    assert not (tmp_path / "b").exists()


def test_what_is_too_large_does_not_travel(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"0" * 11)
    assert file_transfer.read(tmp_path, limit=11)
    with pytest.raises(RegnasError, match="it left .* of files"):
        file_transfer.read(tmp_path, limit=10)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_no_file_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegnasError, match="would lie outside"):
        file_transfer.write(tmp_path / "b", {name: b""})


def test_the_end_of_a_job_replaces_its_files_and_brings_its_result(tmp_path: Path) -> None:
    folder, result = str(tmp_path / "c"), str(tmp_path / "results" / "3.json")
    job = EvaluateJob(index=3, seed=7, architecture={}, folder=folder, result=result)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "paused.pt").write_text("half")
    assert file_transfer.outgoing(job).files == {"paused.pt": b"half"}
    file_transfer.incoming(job, Done(3, files={"weights": b"w"}, result=b"{}"))
    assert file_transfer.read(tmp_path / "c") == {"weights": b"w"}
    assert (tmp_path / "results" / "3.json").read_bytes() == b"{}"


def test_testing_weights_leaves_them_alone(tmp_path: Path) -> None:
    job = ScoreJob(index=-1, architecture={}, folder=str(tmp_path / "c"), result=str(tmp_path / "test.json"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "weights").write_text("w")
    file_transfer.incoming(job, Done(-1, files={}, result=b"{}"))
    assert (tmp_path / "c" / "weights").read_text() == "w"
