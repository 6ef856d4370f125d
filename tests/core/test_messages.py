"""What drivers and workers say to each other arrives as it was meant, also between two releases."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import MessageError
from regnas.evaluator import Task
from regnas.messages import (
    Answer,
    Begun,
    Broken,
    Cancel,
    Crowded,
    Done,
    End,
    Epoch,
    EvaluateJob,
    Failed,
    FromWorker,
    Kill,
    Message,
    Note,
    Ready,
    Relayed,
    RunEnded,
    ScoreJob,
    Setup,
    Stopped,
    ToWorker,
    expected,
    from_json,
    from_line,
)

NETWORK = {"kind": "chain", "schema": 1, "width": 8}
# As the release before there were values for messages wrote them, by hand.
LINES: list[tuple[str, Message]] = [
    (
        '{"evaluator": "fast", "task": {"data": "fake", "data_root": null, "cache": null, "resolution": null, '
        '"epochs": 3, "download": false}, "device": "cpu"}',
        Setup(evaluator="fast", task=Task(data="fake", epochs=3), device="cpu"),
    ),
    (
        '{"index": 3, "seed": 7, "architecture": {"kind": "chain", "schema": 1, "width": 8}, "folder": "c/3", '
        '"result": "3.json", "resumable": true}',
        EvaluateJob(index=3, seed=7, architecture=NETWORK, folder="c/3", result="3.json", resumable=True),
    ),
    (
        '{"index": 3, "seed": 7, "architecture": {"kind": "chain", "schema": 1, "width": 8}, "folder": null, '
        '"result": "3.json"}',
        EvaluateJob(index=3, seed=7, architecture=NETWORK, result="3.json"),
    ),
    (
        '{"index": -1, "test": true, "architecture": {"kind": "chain", "schema": 1, "width": 8}, "folder": "c", '
        '"result": "test.json"}',
        ScoreJob(index=-1, architecture=NETWORK, folder="c", result="test.json"),
    ),
    ('{"go": false}', Answer(False)),
    ('{"kill": true}', Kill()),
    ('{"event": "ready"}', Ready()),
    ('{"event": "broken", "error": "UsageError: no option x"}', Broken("UsageError: no option x")),
    ('{"event": "note", "message": "words"}', Note("words")),
    ('{"event": "epoch", "index": 3, "epoch": 1, "error": 0.25}', Epoch(3, 1, 0.25)),
    ('{"event": "done", "index": 3}', Done(3)),
    ('{"event": "failed", "index": 3, "error": "RuntimeError: no"}', Failed(3, "RuntimeError: no")),
    ('{"event": "stopped", "index": 3, "seconds": 1.5}', Stopped(3, 1.5)),
    ('{"life": "a", "hello": true}', Begun("a")),
    ('{"life": "a", "run": 2, "ended": "killed by SIGKILL"}', RunEnded(2, "killed by SIGKILL", life="a")),
    ('{"life": "a", "run": 2, "message": {"event": "done", "index": 3}}', Relayed(2, Done(3), life="a")),
    ('{"life": "a", "run": 2, "message": {"kill": true}}', Relayed(2, Kill(), life="a")),
    ('{"run": 2, "message": {"go": true}}', Relayed(2, Answer(True))),
]


def _ids(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, Message) else ""


@pytest.mark.parametrize(("line", "message"), LINES, ids=_ids)
def test_lines_of_the_release_before_are_understood_and_understand(line: str, message: Message) -> None:
    assert from_line(line) == message
    before, now = json.loads(line), message.to_json()
    assert {**now, **before} == {**before, **now}  # where both say something, they say the same
    assert all(before.get(key) in (None, False) for key in before.keys() ^ now.keys() if key not in now)
    # What the release before passes over says what it does anyway: nothing, or one job at a time.
    assert all(now[key] is False or (key, now[key]) == ("lanes", 1) for key in now.keys() - before.keys())


texts = st.text(max_size=9)
numbers = st.integers(-1, 2**63)
fractions = st.floats(0, 1)
tasks = st.builds(Task, data=texts, resolution=st.none() | st.integers(1, 999), download=st.booleans())
plain = st.dictionaries(texts, st.integers() | texts | st.lists(st.integers(), max_size=3), max_size=3)
places = {"index": numbers, "architecture": plain, "result": texts, "folder": st.none() | texts}
told = st.one_of(
    st.builds(Setup, evaluator=texts, task=tasks, device=texts, lanes=st.integers(1, 64)),
    st.builds(EvaluateJob, seed=numbers, resumable=st.booleans(), shared=st.booleans(), **places),
    st.builds(ScoreJob, **places),
    st.builds(Answer, st.booleans(), st.none() | numbers),
    st.builds(Cancel, numbers),
)
said = st.one_of(
    st.builds(Epoch, numbers, st.integers(1, 99), fractions | st.integers(0, 1)),
    st.builds(Done, numbers),
    st.builds(Failed, numbers, texts),
    st.builds(Stopped, numbers, fractions),
    st.builds(Crowded, numbers, texts, fractions),
    st.builds(Broken, texts),
    st.builds(Note, texts),
)
runs = st.one_of(
    st.builds(Relayed, numbers, told | said, life=st.none() | texts),
    st.builds(RunEnded, numbers, texts, life=st.none() | texts),
    st.builds(Begun, texts),
)


@given(told | said | runs)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    line = message.to_line()
    assert "\n" not in line and from_line(line) == message


@given(told | said | runs)
def test_what_a_later_release_says_beside_is_passed_over(message: Message) -> None:
    assert from_json({**message.to_json(), "mood": {"event": "good"}}) == message


def test_an_error_that_is_no_number_arrives() -> None:
    found = from_line(Epoch(0, 1, math.nan).to_line())
    assert isinstance(found, Epoch) and math.isnan(found.error)


def test_contents_of_files_travel_by_value() -> None:
    job = EvaluateJob(index=3, seed=7, architecture={}, result="r", folder="f", files={"a/b": b"\x00\xff"})
    end = Done(3, files={}, result=b"{}")
    assert from_json(job.to_json()) == job and from_json(end.to_json()) == end
    assert from_json({"event": "failed", "index": 3, "error": "x", "files": {}}) == Failed(3, "x", files={})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("loading weights: 50 %", "a message is a line of JSON .*got 'loading weights: 50 %'"),
        ('{"event": "do', "a message is a line of JSON"),
        ("", "a message is a line of JSON .*got ''"),
        ("3", "no driver and no worker says this: 3"),
        ("{}", "no driver and no worker says this: {}"),
        ('{"event": "tired", "index": 3}', "says this: {'event': 'tired', 'index': 3}"),
        ('{"event": ["done"]}', "no driver and no worker says this"),
        ('{"event": "done"}', r"lacks something .*'index'.*: {'event': 'done'}"),
        ('{"event": "epoch", "index": "3", "epoch": 1, "error": 0.5}', "index of a message cannot be '3', got {"),
        ('{"event": "epoch", "index": 3, "epoch": true, "error": 0.5}', "epoch of a message cannot be True"),
        ('{"event": "epoch", "index": 3, "epoch": 1, "error": null}', "error of a message cannot be None"),
        ('{"go": 1}', "go of a message cannot be 1"),
        ('{"architecture": [], "index": 1, "seed": 1, "result": "r"}', r"architecture of a message cannot be \[\]"),
        ('{"evaluator": "fast", "task": {"data": "x", "mood": 1}, "device": "cpu"}', "knows no such task .*mood"),
        ('{"evaluator": "fast", "task": "x", "device": "cpu"}', "task of a message cannot be 'x'"),
        ('{"run": 1, "message": {"event": "done"}}', "lacks something"),
        ('{"run": 1, "message": "done"}', "no driver and no worker says this: 'done'"),
    ],
)
def test_what_is_no_message_is_an_error_that_shows_what_came(line: str, says: str) -> None:
    with pytest.raises(MessageError, match=says):
        from_line(line)


def test_an_error_shows_the_beginning_of_what_is_long() -> None:
    with pytest.raises(MessageError) as caught:
        from_line(json.dumps({"words": "x" * 10_000}))
    assert len(str(caught.value)) < 400 and "(10013 characters)" in str(caught.value)


@pytest.mark.parametrize(("message", "kind"), [(Done(3), ToWorker), (Kill(), FromWorker), (Ready(), End)])
def test_a_message_of_another_kind_than_expected_is_named(message: Message, kind: Any) -> None:
    with pytest.raises(MessageError, match=f"{kind.__name__} was expected, got {{"):
        expected(message, kind)
    assert expected(message, Message) is message
