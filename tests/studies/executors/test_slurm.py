"""Workers as jobs of a cluster, in submitit's local mode: files, preemption, jobs that die or fall silent."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.errors import RegnasError, UsageError
from regnas.evaluator import Task
from regnas.executor import Event, WorkerSpec
from regnas.messages import EvaluateJob
from regnas.studies.executors.resources import Resources, allocate
from regnas.studies.executors.slurm.driver_side import Desk
from regnas.studies.executors.slurm.mailbox import Beat, Inbox, Outbox, Pulse
from regnas.studies.executors.worker_pool import Fleet
from regnas.studies.search.search import SearchResult

pytest.importorskip("submitit")

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]
LOCAL = "submitit[local=true,patience=3]"


def spec_of(folder: Path, evaluator: str = "fast", count: int = 1) -> WorkerSpec:
    task = Task(data="fake")
    return WorkerSpec(
        evaluator=evaluator, task=task, devices=("cpu",), count=count, logs=folder / "logs", folder=folder / "study"
    )


def job(folder: Path, index: int = 0) -> EvaluateJob:
    (network,) = (one.architecture for one in regnas.space("regnetx", flops="200M:400M").sample(1))
    kept, result = str(folder / "checkpoints" / str(index)), str(folder / f"{index}.json")
    return EvaluateJob(index=index, seed=7, architecture=network.to_json(), folder=kept, result=result)


@contextmanager
def started(one: WorkerSpec) -> Iterator[Fleet]:
    from regnas.studies.executors.make import make_engine

    fleet = make_engine(LOCAL).start(one)
    assert isinstance(fleet, Fleet)
    try:
        yield fleet
    finally:
        fleet.close()


def until(fleet: Fleet, true: Callable[[list[Event]], bool], seconds: float = 60) -> list[Event]:
    """Events until something is true of them."""
    found: list[Event] = []
    end = time.monotonic() + seconds
    while not true(found):
        assert time.monotonic() < end, found
        found += fleet.events(0.05)
    return found


def ready(fleet: Fleet) -> list[Event]:
    return until(fleet, lambda _: fleet.free() == len(fleet.workers))


def ended(events: list[Event]) -> list[Event]:
    return [event for event in events if event.ends]


# --- the files ------------------------------------------------------------------------------------------------


def test_lines_arrive_whole_and_once(tmp_path: Path) -> None:
    outbox, inbox = Outbox(tmp_path / "mail"), Inbox(tmp_path / "mail")
    assert inbox.take() == []
    outbox.put("one")
    outbox.put("two é")
    assert inbox.take() == ["one", "two é"] and inbox.take() == []
    with (tmp_path / "mail").open("ab") as file:
        file.write("thr\u00e9".encode()[:-1])
        file.flush()
        assert inbox.take() == []
        file.write("\u00e9".encode()[-1:] + b"e\n")
    assert inbox.take() == ["thr\u00e9e"]


def test_a_pulse_goes_by_changes_and_by_its_own_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pulse = Pulse(tmp_path / "beat")
    now[0] += 5
    assert pulse.silent() == 5  # never seen at all
    beat = Beat(tmp_path / "beat", every=1.0)
    beat.beat()
    os.utime(tmp_path / "beat", (0, 0))  # another machine's clock
    assert pulse.silent() == 0
    now[0] += 0.5
    beat.beat()  # not yet time
    assert pulse.silent() == 0.5
    now[0] += 0.6
    beat.beat()
    assert pulse.silent() == 0
    (tmp_path / "beat").unlink()
    now[0] += 2
    assert pulse.silent() == 2


# --- searches -------------------------------------------------------------------------------------------------


def test_a_search_in_jobs_is_the_search_in_processes(fast_search: Search, tmp_path: Path) -> None:
    one = fast_search(5, executor=LOCAL, workers=2, device="cpu")
    other = fast_search(5, out="other", workers=2)
    assert [row["error"] for row in one.rows] == [row["error"] for row in other.rows]
    assert not (one.folder / "executor").exists()
    assert list((one.folder / "logs" / "submitit").glob("*"))


def test_a_candidate_that_kills_its_process_leaves_the_job_alone(
    regnas_command: Run, fast: Any, tmp_path: Path
) -> None:
    words = ("--data", "fake", "--evaluator", "fast[kill=1]", "--workers", 1, "--device", "cpu", "--budget", 3)
    code, printed, error = regnas_command("search", *words, "--executor", LOCAL)
    assert (code, error) == (0, "")
    assert "candidate 1 failed (3 of 3): its worker was killed by SIGKILL (out of memory?)" in printed
    assert sorted(fast.evaluated()) == [0, 1, 1, 1, 2, 3]
    jobs = {path.name.split("_")[0] for path in (tmp_path / "regnas-runs").rglob("*_submitted.pkl")}
    assert len(jobs) == 1


def test_a_pruner_stops_trainings_in_jobs_as_in_processes(fast_search: Search) -> None:
    options: dict[str, Any] = {"evaluator": "curve", "pruner": "asha", "workers": 1, "baselines": False}
    one = fast_search(9, executor=LOCAL, device="cpu", **options)
    other = fast_search(9, out="other", **options)
    assert "PRUNED" in {row["state"] for row in one.rows}
    assert [row["state"] for row in one.rows] == [row["state"] for row in other.rows]


# --- jobs that are preempted, die, fall silent, or never begin ----------------------------------------------


def test_a_preempted_job_is_queued_again_and_its_candidates_are_blameless(fast: Any, tmp_path: Path) -> None:
    both = replace(spec_of(tmp_path, "fast[hang_once=0|1]", count=2), lanes=2, per_device=2)
    with started(both) as fleet:
        until(fleet, lambda _: fleet.free() == 2)
        for index in (0, 1):
            fleet.submit(job(tmp_path, index))
        until(fleet, lambda _: len(fast.lines()) == 2)
        box = fleet.workers[0].link.box  # type: ignore[union-attr]
        first = box.life
        os.kill(_tasks(box.job.job_id)[0], signal.SIGUSR2)
        found = until(fleet, lambda events: len(ended(events)) == 2)
        assert [event.kind for event in found] == ["note", "stopped", "stopped"]
        assert "candidates 0, 1 are evaluated again: their worker was preempted" in found[0].message
        until(fleet, lambda _: fleet.free() == 2)
        assert box.life != first
        for index in (0, 1):
            fleet.submit(job(tmp_path, index))
        found = ended(until(fleet, lambda events: len(ended(events)) == 2))
        assert {event.index: event.kind for event in found} == {0: "done", 1: "done"}
    assert json.loads((tmp_path / "0.json").read_text())["seed"] == 7
    assert sorted(fast.evaluated()) == [0, 0, 1, 1] and len({process for *_, process in fast.lines()}) == 2


def _tasks(controller: str) -> list[int]:
    """The processes that a local job has started."""
    return [int(text) for text in Path(f"/proc/{controller}/task/{controller}/children").read_text().split()]


def test_a_job_that_dies_is_submitted_again_and_its_candidate_has_failed(fast: Any, tmp_path: Path) -> None:
    with started(spec_of(tmp_path, "fast[hang_once=0]")) as fleet:
        ready(fleet)
        fleet.submit(job(tmp_path))
        until(fleet, lambda _: bool(fast.lines()))
        before = fleet.workers[0].link.box.job.job_id  # type: ignore[union-attr]
        for process in [*_tasks(before), int(before)]:
            os.kill(process, signal.SIGKILL)
        (failed,) = ended(until(fleet, lambda events: bool(ended(events))))
        assert failed.kind == "failed" and failed.message.startswith(
            f"its worker was lost with job {before} (INTERRUPTED"
        )
        ready(fleet)
        assert fleet.workers[0].link.box.job.job_id != before  # type: ignore[union-attr]
        fleet.submit(job(tmp_path))
        assert [event.kind for event in ended(until(fleet, lambda events: bool(ended(events))))] == ["done"]


def test_a_job_that_falls_silent_is_given_up_and_submitted_again(fast: Any, tmp_path: Path) -> None:
    with started(spec_of(tmp_path)) as fleet:
        ready(fleet)
        stopped = _tasks(fleet.workers[0].link.box.job.job_id)[0]  # type: ignore[union-attr]
        os.kill(stopped, signal.SIGSTOP)
        try:
            until(fleet, lambda _: fleet.free() == 0)
            ready(fleet)
            fleet.submit(job(tmp_path))
            assert [event.kind for event in ended(until(fleet, lambda events: bool(ended(events))))] == ["done"]
        finally:
            with suppress(ProcessLookupError):  # on a busy machine its job has had the time to end it
                os.kill(stopped, signal.SIGCONT)


class Queue:
    """A cluster that never begins a job."""

    submitted = cancelled = 0
    job_id, state = "17", "PENDING"

    @contextmanager
    def batch(self) -> Iterator[None]:
        yield

    def submit(self, serve: Any) -> Queue:
        self.submitted += 1
        return self

    def done(self) -> bool:
        return False

    def cancel(self) -> None:
        self.cancelled += 1


def test_a_long_queue_is_no_failure_and_nothing_is_given_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnas.studies.executors.worker_pool._WAITING", 0.3)
    queue = Queue()
    desk = Desk(spec_of(tmp_path, count=3), queue, patience=0.1)
    fleet = Fleet(spec_of(tmp_path, count=3), desk.launch, ended=desk.close, waiting="no job has begun yet")
    found = [event for _ in range(20) for event in fleet.events(0.05)]
    fleet.close()
    assert [(event.kind, event.message) for event in found] == [("note", "no job has begun yet")]
    assert (queue.submitted, queue.cancelled) == (3, 3)


def test_a_cluster_that_refuses_is_quoted(tmp_path: Path) -> None:
    class Refusing(Queue):
        def submit(self, serve: Any) -> Queue:
            raise RuntimeError("sbatch: error: invalid partition specified: gpuu\nmore")

    with pytest.raises(RegnasError, match="the cluster refuses the jobs: sbatch: error: invalid partition .* gpuu$"):
        Desk(spec_of(tmp_path), Refusing(), patience=1)
    assert not (tmp_path / "study" / "executor").exists()


# --- what can be asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("submitit[nodes=2]", "the executor submitit has no option nodes; it has time, gpus"),
        ("submitit[gpus=many]", "gpus of submitit is a number from 0, got 'many'"),
        ("submitit[local=1]", "local of submitit is true or false, got 1"),
        ("submitit[time=0]", "time and patience of submitit are above 0"),
        ("submitit[partition=3]", "partition of submitit is a word, got 3"),
        ("submitit", "needs --workers"),
    ],
)
def test_what_makes_no_sense_is_refused(fast_search: Search, spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        fast_search(2, executor=spec, workers=None)


def test_without_slurm_the_way_out_is_named(fast_search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RegnasError, match=r"there is no SLURM here .*submitit\[local=true\]"):
        fast_search(2, executor="submitit", workers=1)


def test_a_device_of_this_machine_cannot_be_named_for_others(fast_search: Search) -> None:
    with pytest.raises(UsageError, match="--device cuda:1 is a GPU of this machine"):
        fast_search(2, executor="submitit", workers=1, device="cuda:1")
    with pytest.raises(UsageError, match="--per-device 2 needs --device cuda"):
        fast_search(2, executor="submitit", workers=1, per_device=2)


class InLanes:
    """An evaluator that trains eight candidates in a process with a GPU."""

    def lanes(self, device: str) -> int:
        return 8 if device.startswith("cuda") else 1


@pytest.mark.parametrize(
    ("further", "lanes"), [({}, [1] * 8), ({"per_device": 4}, [4, 4]), ({"per_device": 5}, [4, 4])]
)
def test_a_job_has_several_candidates_on_its_gpu_where_that_is_asked_for(
    further: dict[str, Any], lanes: list[int], tmp_path: Path
) -> None:
    asked = Resources(executor="submitit[gpus=1]", device="cuda", workers=8, **further)
    found = allocate(InLanes(), asked)  # type: ignore[arg-type]
    spec = replace(spec_of(tmp_path, count=found.count), per_device=found.per_device, lanes=found.lanes)
    assert [spec.lanes_of(number) for number in range(spec.workers)] == lanes


@pytest.mark.parametrize(("share", "says"), [(64, "at most 32 with --executor submitit"), ("auto", "give .* a number")])
def test_lanes_of_a_job_are_a_number_that_a_process_can_have(share: int | str, says: str) -> None:
    asked = Resources(executor="submitit", device="cuda", workers=64, per_device=share)
    with pytest.raises(UsageError, match=f"--per-device .*{says}"):
        allocate(InLanes(), asked)  # type: ignore[arg-type]
