"""Files that may be anything: what is asked, or a sentence; and files that are replaced whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import DataError, UsageError
from regnas.system.files import remove_leftovers, replacing, write_json, write_text
from regnas.system.reading import fields, fields_if_whole, read_bytes, read_fields, read_json, read_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no JSON: it is empty"),
        (b" \n", "it is empty"),
        (b'{"name": ', "truncated or damaged"),
        (b"\xff\xfe{", "is no text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 5_000, "is no JSON"),
        (b"null", "is no JSON object"),
        (b'[{"name": "a"}]', "is no JSON object"),
        (b'{"name": 5}', "says no usable name"),
        (b'{"name": true}', "says no usable name"),
        (b"{}", "says no usable name"),
    ],
    ids=lambda value: value[:12].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_what_is_no_such_object_is_refused_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"file.json.* {says}") as caught:
        read_fields(path, name=str)
    assert "\n" not in str(caught.value) and "Error" not in str(caught.value)
    assert fields_if_whole(path, name=str) is None


def test_the_types_of_fields_are_those_of_json() -> None:
    kinds: dict[str, Any] = {"whole": int, "share": float, "known": float | None, "on": bool, "any": object}
    value = {"whole": 1, "share": 2, "on": True, "any": [1]}
    assert fields(value, "it", **kinds) == {**value, "known": None}
    for name, wrong in (("whole", 1.0), ("whole", True), ("share", "2"), ("known", "no"), ("on", 1)):
        with pytest.raises(UsageError, match=f"it says no usable {name}"):
            fields({**value, name: wrong}, "it", UsageError, **kinds)


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(b'\xef\xbb\xbf{"name": "a"}')
    assert read_fields(tmp_path / "file.json", name=str) == {"name": "a"}


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path / "link", "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(DataError, match=f"cannot read {path}: it is {kind}, and a file is asked"):
            read_text(path)
    with pytest.raises(DataError, match="cannot read /dev/zero: it is a device"):
        read_bytes("/dev/zero")
    for missing in (tmp_path / "none", tmp_path / ("x" * 300), "zero\0byte"):
        with pytest.raises(DataError, match="cannot read "):
            read_bytes(missing)


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match="and a file is to be written"):
            write_text(path, "text")
    assert (tmp_path / "pipe").is_fifo() and [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / ("x" * 255)
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "below").mkdir()
    gone = [tmp_path / f".study.json.{ended.pid}.part", tmp_path / "below" / f".1.json.{ended.pid}.part"]
    old = tmp_path / f".best.json.{os.getppid()}.part"
    stays = [tmp_path / f".best.json.{os.getpid()}.part", tmp_path / "film.part", tmp_path / f"a.{ended.pid}.part"]
    for path in (*gone, old, *stays):
        path.write_text("half")
    os.utime(old, (0, 0))
    remove_leftovers(tmp_path, "below")
    assert [path.exists() for path in (*gone, old)] == [False, False, False]
    assert all(path.exists() for path in stays)


def test_a_result_cannot_hold_what_is_no_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
