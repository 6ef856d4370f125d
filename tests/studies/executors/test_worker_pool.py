"""Workers: processes that are leased devices, replaced when they die, and ended with the pool."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import regnas
from regnas.errors import UsageError
from regnas.evaluator import Task
from regnas.executor import Event, WorkerSpec
from regnas.messages import Broken, EvaluateJob, from_line
from regnas.studies.executors.local.in_process import InProcess
from regnas.studies.executors.local.process import Child
from regnas.studies.executors.make import make_engine, start
from regnas.studies.executors.worker import read_result
from regnas.studies.executors.worker_pool import Fleet
from regnas.studies.search.search import plan
from regnas.system.processes import start as start_module

TASK = Task(data="fake")


@pytest.fixture
def job(tmp_path: Path) -> Callable[[int], EvaluateJob]:
    """Job ``index`` of a search, as the driver writes it."""
    architectures = [one.architecture for one in regnas.space("regnetx", flops="200M:400M").sample(3)]

    def made(index: int) -> EvaluateJob:
        return EvaluateJob(
            index=index,
            seed=7,
            architecture=architectures[index].to_json(),
            folder=str(tmp_path / "checkpoints" / str(index)),
            result=str(tmp_path / f"{index}.json"),
        )

    return made


@pytest.fixture
def processes(fast: Any, tmp_path: Path) -> Iterator[Fleet]:
    pool = fleet(spec_of(tmp_path, "fast[epochs=2,kill_once=1]", count=3, devices=("cuda:0", "cuda:1")))
    all_ready(pool, 3)
    yield pool
    pool.close()


def spec_of(folder: Path, evaluator: str = "fast", **changes: Any) -> WorkerSpec:
    usual: dict[str, Any] = {"task": TASK, "devices": ("cpu",), "count": 1, "logs": folder / "logs", "folder": folder}
    return WorkerSpec(evaluator=evaluator, **{**usual, **changes})


def fleet(one: WorkerSpec) -> Fleet:
    """Worker processes."""
    made = start(make_engine("process"), one)
    assert isinstance(made, Fleet)
    return made


def child(pool: Fleet, place: int) -> Child:
    """The process of a worker."""
    link = pool.workers[place].link
    assert isinstance(link, Child)
    return link


def all_ready(pool: Any, count: int) -> None:
    """Wait until so many workers can be given jobs."""
    end = time.monotonic() + 60
    while pool.free() < count:
        assert time.monotonic() < end and pool.events(0.05) == []


def heard(pool: Any, ends: int) -> list[Event]:
    """Events until so many jobs have ended."""
    found: list[Event] = []
    end = time.monotonic() + 60
    while sum(event.kind != "epoch" for event in found) < ends:
        assert time.monotonic() < end, found
        found += pool.events(0.1)
    return found


def test_devices_are_leased_in_turn_and_a_replaced_worker_keeps_its_own(
    processes: Fleet, job: Callable[[int], EvaluateJob], tmp_path: Path
) -> None:
    for index in range(3):
        assert processes.free() == 3 - index
        processes.submit(job(index))
    assert processes.free() == 0
    events = heard(processes, 3)
    ends = {event.index: event for event in events if event.kind != "epoch"}
    assert [ends[index].kind for index in range(3)] == ["done", "failed", "done"]
    assert ends[1].message == "its worker was killed by SIGKILL (out of memory?)"
    all_ready(processes, 3)
    assert [worker.number for worker in processes.workers] == [0, 1, 2]
    assert [processes._spec.device(number) for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    epochs = [(event.epoch, event.error) for event in events if event.kind == "epoch" and event.index == 0]
    result = read_result(tmp_path / "0.json", regnas_key(job(0)), 7)
    assert result is not None and epochs == list(enumerate(result.errors, 1))


def regnas_key(job: EvaluateJob) -> str:
    from regnas.architecture import from_json

    return from_json(job.architecture).key()


def test_a_worker_that_dies_while_it_has_no_work_is_replaced_and_nothing_failed(
    processes: Fleet, job: Callable[[int], EvaluateJob]
) -> None:
    processes.submit(job(0))
    heard(processes, 1)
    all_ready(processes, 3)
    victim = child(processes, 0).process
    os.kill(victim.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while child(processes, 0).process is victim:
        assert time.monotonic() < end and processes.events(0.05) == []
    processes.submit(job(2))
    assert [event.kind for event in heard(processes, 1)] == ["epoch", "epoch", "done"]


def test_a_worker_that_says_what_is_no_message_is_ended_and_quoted(
    fast: Any, tmp_path: Path, job: Callable[[int], EvaluateJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    garbled = tmp_path / "garbled.py"
    garbled.write_text(
        "import sys, time\n"
        "sys.stdin.readline()\n"
        'print(\'{"event": "ready"}\', flush=True)\n'
        "sys.stdin.readline()\n"
        "print('epoch 1 of 9', flush=True)\n"
        "time.sleep(600)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    monkeypatch.setattr(
        "regnas.studies.executors.local.process.start", lambda _, log, before: start_module("garbled", log)
    )
    pool = fleet(spec_of(tmp_path))
    try:
        all_ready(pool, 1)
        pool.submit(job(0))
        (failed,) = heard(pool, 1)
    finally:
        pool.close()
    assert failed.kind == "failed" and "its worker was ended because of what came from it" in failed.message
    assert "got 'epoch 1 of 9" in failed.message


def test_a_worker_that_hears_what_is_no_message_says_so_and_ends(fast: Any, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        process = start_module("regnas.studies.executors.worker", log)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("walk the dog\n")
        process.stdin.flush()
        broken = from_line(process.stdout.readline())
        process.communicate(timeout=60)
    assert (
        isinstance(broken, Broken) and "a message is a line of JSON" in broken.error and "walk the dog" in broken.error
    )
    assert "MessageError" in (tmp_path / "log").read_text()


def test_closing_ends_every_worker(processes: Fleet) -> None:
    workers = [child(processes, place).process for place in range(3)]
    processes.close()
    assert all(process.poll() == -signal.SIGKILL for process in workers)


def test_workers_compute_with_one_thread_each(fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    pool = fleet(spec_of(tmp_path))
    told = Path(f"/proc/{child(pool, 0).process.pid}/environ")
    while not (environment := told.read_bytes().decode().split("\0"))[0]:  # it is not there yet
        time.sleep(0.01)
    pool.close()
    assert {"OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"} <= set(environment)


def test_no_worker_is_this_process(fast: Any, tmp_path: Path, job: Callable[[int], EvaluateJob]) -> None:
    pool = start(make_engine("process"), spec_of(tmp_path, "fast[epochs=2,fail=1]", count=0))
    assert isinstance(pool, InProcess) and pool.free() == 1 and pool.events(0.0) == []
    pool.submit(job(0))
    assert pool.free() == 0
    assert [event.kind for event in pool.events(0.0)] == ["epoch", "epoch", "done"]
    pool.submit(job(1))
    assert pool.events(0.0)[-1] == Event("failed", 1, message="RuntimeError: candidate 1 was told to fail")
    assert {process for *_, process in fast.lines()} == {os.getpid()}


def test_there_is_one_worker_for_each_gpu_or_core_unless_said(
    fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"data": "fake", "evaluator": "fast", "out": tmp_path}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(5)))
    assert (plan(**options).workers, plan(**options).allocation.devices) == (3, ("cuda:0", "cuda:1", "cuda:2"))
    assert plan(**options, device="cuda:1").workers == 1
    assert plan(**options, device="cpu").workers == 5
    assert plan(**options, device="cpu", workers=2).workers == 2


def test_an_evaluator_s_options_are_checked_before_a_worker_starts(fast: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the evaluator fast has no option slep"):
        plan(data="fake", evaluator="fast[slep=3]", out=tmp_path)
