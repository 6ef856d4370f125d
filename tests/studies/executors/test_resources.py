"""Who evaluates: which executors, workers, devices and limits can be asked for, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import TrialState

from regnas.errors import PluginNotFound, StudyError, UsageError
from regnas.evaluator import Task
from regnas.executor import WorkerSpec
from regnas.studies.executors.resources import Allocation, Resources, allocate
from regnas.studies.search.search import SearchResult

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]


class Shared:
    """An evaluator that would have three candidates on a GPU."""

    def per_device(self, device: str) -> int:
        return 3


class InLanes(Shared):
    """One that trains several in a process."""

    def lanes(self, device: str) -> int:
        return 8 if device.startswith("cuda") else 1


def asked(**options: Any) -> Allocation:
    return allocate(Shared(), Resources(**options))  # type: ignore[arg-type]


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def spec_of(one: Allocation) -> WorkerSpec:
    return WorkerSpec(
        evaluator="fast",
        task=Task(data="fake"),
        devices=one.devices,
        count=one.count,
        logs=Path(),
        folder=Path(),
        per_device=one.per_device,
        lanes=one.lanes,
    )


def devices_of(one: Allocation) -> list[str]:
    spec = spec_of(one)
    return [spec.device(number) for number in range(spec.count)]


def test_several_candidates_share_a_gpu(two_gpus: None) -> None:
    assert devices_of(asked(per_device=2)) == ["cuda:0", "cuda:0", "cuda:1", "cuda:1"]
    assert devices_of(asked(per_device="2", workers=3)) == ["cuda:0", "cuda:0", "cuda:1"]
    assert devices_of(asked()) == ["cuda:0", "cuda:1"]
    assert asked(per_device="auto").count == 6  # the evaluator says three
    assert allocate(object(), Resources(per_device="auto")).count == 2  # type: ignore[arg-type]


def workers_of(one: Allocation) -> list[tuple[str, int]]:
    """Device and lanes of every worker process."""
    spec = spec_of(one)
    return [(spec.device(number), spec.lanes_of(number)) for number in range(spec.workers)]


@pytest.mark.parametrize(
    ("options", "most", "expected"),
    [
        ({}, None, [("cuda:0", 8), ("cuda:1", 8)]),
        ({}, 3, [("cuda:0", 1), ("cuda:1", 1)]),
        ({}, 8, [("cuda:0", 4), ("cuda:1", 4)]),
        ({"workers": 5}, None, [("cuda:0", 3), ("cuda:1", 2)]),
        ({"workers": 5, "device": "cuda:1"}, None, [("cuda:1", 5)]),
        ({"workers": 1}, None, [("cuda:0", 1)]),
        ({"per_device": 2}, 1, [("cuda:0", 2), ("cuda:1", 2)]),
        (
            {"per_device": 2, "workers": 7, "device": "cuda:0"},
            None,
            [("cuda:0", 2), ("cuda:0", 2), ("cuda:0", 2), ("cuda:0", 1)],
        ),
        ({"per_device": "auto"}, None, [("cuda:0", 3), ("cuda:1", 3)]),
        ({"per_device": 64, "device": "cuda:0"}, None, [("cuda:0", 32), ("cuda:0", 32)]),
    ],
)
def test_candidates_that_share_a_gpu_are_lanes_of_one_process(
    two_gpus: None, options: dict[str, Any], most: int | None, expected: list[tuple[str, int]]
) -> None:
    found = allocate(InLanes(), Resources(**options), most)  # type: ignore[arg-type]
    assert workers_of(found) == expected
    assert found.count == sum(lanes for _, lanes in expected)


def test_on_processors_every_candidate_has_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(3)))
    found = allocate(InLanes(), Resources(device="cpu"))  # type: ignore[arg-type]
    assert workers_of(found) == [("cpu", 1)] * 3


def test_auto_is_one_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(5)))
    assert asked(per_device="auto", device="cpu").count == 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": -1}, "--workers is at least 0 .*, got -1"),
        ({"timeout": 0.0}, "--timeout is a number of seconds above 0, got 0"),
        ({"timeout": float("nan")}, "--timeout is a number of seconds above 0, got nan"),
        ({"timeout": 5.0, "workers": 0}, "--workers 0 has none"),
        ({"per_device": 0}, "--per-device is a whole number from 1, or auto; got 0"),
        ({"per_device": "many"}, "--per-device is a whole number from 1, or auto; got 'many'"),
        ({"per_device": 2, "device": "cpu"}, "--per-device is for GPUs"),
        ({"executor": "process[cores=2]"}, "the executor process has no options, got cores"),
        ({"executor": "process:2"}, "options of an executor stand in brackets"),
        ({"ray_address": "10.0.0.1:6379"}, "--ray-address is for --executor ray, got --executor process"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(**options)


def test_an_executor_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PluginNotFound, match="no executor 'proces', installed: process.*did you mean process"):
        asked(executor="proces")


def test_more_workers_than_cores_are_allowed_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    assert asked(workers=2, device="cpu").notes == ()
    (note,) = asked(workers=64, device="cpu").notes
    assert "64 workers share 2 cores" in note and "slower" in note


def test_the_command_says_that_there_are_more_workers_than_cores(
    regnas_command: Run, fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    code, printed, _ = regnas_command("search", "--data", "fake", "--evaluator", "fast", "--budget", 2, "--workers", 2)
    assert code == 0 and "2 workers share 1 cores" in printed


def test_a_candidate_that_takes_too_long_is_given_up_at_once_and_the_rest_goes_on(
    regnas_command: Run, fast: Any
) -> None:
    """The same training takes as long again."""
    words = ("--data", "fake", "--evaluator", "fast[hang=1]", "--workers", 1, "--budget", 3, "--timeout", 1)
    code, printed, _ = regnas_command("search", *words)
    assert code == 0
    assert printed.count("candidate 1 failed: it took longer than 1 s (--timeout) and was stopped") == 1
    assert sorted(fast.evaluated()) == [0, 1, 2, 3]


def test_a_full_disk_is_named(fast_search: Search) -> None:
    study = fast_search(2, evaluator="fast[full=0]", workers=1).study
    (failed,) = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert failed.user_attrs["failure"] == (
        "the disk is full: no space left for /somewhere/weights.safetensors; free some, and the same command goes on"
    )


def test_who_evaluates_is_no_part_of_a_study(fast_search: Search, fast: Any) -> None:
    fast_search(2, workers=0)
    result = fast_search(4, workers=1, timeout=60.0, executor="process", per_device="auto")
    assert [row["state"] for row in result.rows] == ["COMPLETE"] * 4 and fast.evaluated() == [0, 1, 2, 3]


def test_a_worker_that_keeps_dying_without_work_is_not_restarted_for_ever(
    fast_search: Search, fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies as soon as it is ready; the evaluator is made in the driver, too, where it must live."""
    plugin = fast.folder / "sitecustomize.py"
    plugin.write_text(
        "import os, sys, threading\n"
        "if 'worker' in str(sys.orig_argv):\n"
        "    os.environ['REGNAS_FAST_LOG'] = os.devnull\n"
        "    threading.Timer(0.05, os._exit, (9,)).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{fast.folder}")
    try:
        with pytest.raises(StudyError, match=r"workers die .* \(ended with exit code 9\)"):
            fast_search(2, workers=2)
    finally:
        plugin.unlink()
