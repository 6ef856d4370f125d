"""The rules of executors."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from regnas.errors import RegnasError
from regnas.evaluator import Result, Task
from regnas.executor import Event, Executor, Judge, WorkerSpec
from regnas.messages import EvaluateJob, Job, ScoreJob
from regnas.tables.point import Point
from regnas.testing import scripted

_DISTRIBUTION = "Metadata-Version: 2.1\nName: regnas-scripted\nVersion: 1.0\n"
_ENTRY_POINT = "[regnas.evaluators]\nscripted = regnas_scripted:make\n"


class ExecutorRules:
    """Subclass, and override `make`. Workers have to find what is on PYTHONPATH when they start.

    Attributes:
        isolated: whether an evaluation that ends its process ends nothing else; not so in the driver's own process.
        devices: of the workers.
        lanes: whether a worker takes several jobs at a time, see `regnas.executor.SupportsLanes`.
        patience: seconds in which a worker is ready, or a short job is over.
    """

    isolated = True
    lanes = False
    devices: tuple[str, ...] = ("cpu",)
    patience = 120.0

    def make(self, spec: WorkerSpec) -> Executor:
        """A started executor of these workers: usually ``make({}).start(spec)`` of your entry point."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.install(tmp_path, monkeypatch)

    def install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let workers find the evaluator ``scripted``, and give the test a folder of its own."""
        site = tmp_path / "site"
        (site / "regnas_scripted-1.0.dist-info").mkdir(parents=True)
        (site / "regnas_scripted-1.0.dist-info" / "METADATA").write_text(_DISTRIBUTION)
        (site / "regnas_scripted-1.0.dist-info" / "entry_points.txt").write_text(_ENTRY_POINT)
        (site / "regnas_scripted.py").write_text(Path(scripted.__file__).read_text())
        monkeypatch.syspath_prepend(site)
        known = filter(None, [str(site), os.environ.get("PYTHONPATH")])
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(known))
        self._folder = tmp_path

    def test_the_result_and_the_files_of_a_job_lie_where_it_asked(self) -> None:
        with self._started() as executor:
            end = self._done(executor, self._job(3))[-1]
            assert (end.kind, end.index, end.message) == ("done", 3, "")
            result = self._result(3)
            assert result is not None and result.errors == _errors(2)
            assert (self._kept(3) / "epochs").is_file(), "what the job left in its folder is not there"

    def test_epochs_are_reported_in_order_before_the_end(self) -> None:
        with self._started() as executor:
            *epochs, end = self._done(executor, self._job(0, epochs=4))
            assert [event.kind for event in epochs] == ["epoch"] * 4 and end.kind == "done"
            assert [(event.epoch, event.error) for event in epochs] == list(enumerate(_errors(4), 1))

    def test_a_job_stops_when_its_judge_says_so_and_goes_on_when_it_is_asked_again(self) -> None:
        asked: list[tuple[int, float]] = []

        def judge(epoch: int, error: float) -> bool:
            asked.append((epoch, error))
            return epoch < 2

        with self._started() as executor:
            *epochs, end = self._done(executor, self._job(0, epochs=4, resumable=True), judge)
            assert end.kind == "stopped" and end.seconds >= 0
            assert [event.epoch for event in epochs] == [1, 2] and asked == list(enumerate(_errors(2), 1))
            assert self._result(0) is None, "a stopped evaluation left a result"
            *epochs, end = self._done(executor, self._job(0, epochs=4, resumable=True), lambda epoch, error: True)
            assert end.kind == "done" and [event.epoch for event in epochs] == [3, 4]
            result = self._result(0)
            assert result is not None and result.errors == _errors(4)

    def test_a_job_that_raises_has_failed_and_says_why_in_one_line(self) -> None:
        with self._started() as executor:
            end = self._done(executor, self._job(0, then="raise"))[-1]
            assert end.kind == "failed" and "told to raise" in end.message and "\n" not in end.message
            assert self._result(0) is None
            assert self._done(executor, self._job(1))[-1].kind == "done"

    def test_a_worker_that_dies_is_replaced(self) -> None:
        if not self.isolated:
            pytest.skip("an evaluation in this process cannot be let die")
        with self._started() as executor:
            end = self._done(executor, self._job(0, then="die"))[-1]
            assert end.kind == "stopped" or (end.kind == "failed" and end.message and "\n" not in end.message)
            assert self._result(0) is None
            assert self._done(executor, self._job(0))[-1].kind == "done"
            assert self._result(0) is not None

    def test_several_workers_evaluate_at_a_time(self) -> None:
        if not self.isolated:
            pytest.skip("this process evaluates one job at a time")
        with self._started(count=2) as executor:
            self._until(executor, lambda _: executor.free() == 2)
            for index in (0, 1):
                executor.submit(self._job(index))
            assert executor.free() == 0
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            assert {event.index: event.kind for event in found if event.ends} == {0: "done", 1: "done"}

    def test_a_worker_with_lanes_evaluates_several_jobs_at_a_time(self) -> None:
        with self._in_lanes(3) as executor:
            for index, then in enumerate(("wait", "end", "end")):
                executor.submit(self._job(index, then=then))
            assert executor.free() == 0
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            assert {event.index: event.kind for event in found if event.ends} == {1: "done", 2: "done"}
            one, other = self._result(1), self._result(2)
            assert one is not None and other is not None
            assert one.notes == other.notes, "they were not in one process"
            assert executor.free() == 2

    def test_verdicts_reach_the_lane_that_asked(self) -> None:
        with self._in_lanes(2) as executor:
            executor.submit(self._job(0, epochs=3), lambda epoch, error: True)
            executor.submit(self._job(1, epochs=3, resumable=True), lambda epoch, error: epoch < 2)
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            assert {event.index: event.kind for event in found if event.ends} == {0: "done", 1: "stopped"}
            assert [event.epoch for event in found if event.kind == "epoch" and event.index == 1] == [1, 2]

    def test_a_lane_that_raises_harms_no_other(self) -> None:
        with self._in_lanes(2) as executor:
            executor.submit(self._job(0, then="raise"))
            executor.submit(self._job(1, epochs=4))
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            assert {event.index: event.kind for event in found if event.ends} == {0: "failed", 1: "done"}

    def test_jobs_of_a_worker_that_died_are_evaluated_alone_and_only_the_cause_has_failed(self) -> None:
        with self._in_lanes(3) as executor:
            jobs = {index: self._job(index, then=then) for index, then in enumerate(("die", "wait", "wait"))}
            for job in jobs.values():
                executor.submit(job)
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 3)
            assert {event.kind for event in found if event.ends} == {"stopped"}
            assert any("candidates 0, 1, 2 are evaluated again, one at a time" in event.message for event in found)
            self._until(executor, lambda _: executor.free() > 0)
            assert executor.free() == 1
            assert self._done(executor, jobs[0])[-1].kind == "failed"
            for index in (1, 2):
                assert self._done(executor, self._job(index))[-1].kind == "done"
            self._until(executor, lambda _: executor.free() > 0)

    def test_what_finds_no_memory_beside_others_is_evaluated_alone(self) -> None:
        with self._in_lanes(2) as executor:
            jobs = [self._job(0, then="crowd"), self._job(1)]
            for job in jobs:
                executor.submit(job)
            found = self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            assert {event.index: event.kind for event in found if event.ends} == {0: "stopped", 1: "done"}
            assert any("candidate 0 is evaluated again, alone: memory ran out" in event.message for event in found)
            assert self._done(executor, jobs[0])[-1].kind == "done"

    def test_several_that_find_no_memory_halve_the_lanes_once(self) -> None:
        with self._in_lanes(4) as executor:
            jobs = [self._job(index, then="crowd") for index in range(3)]
            for job in jobs:
                executor.submit(job)
            self._until(executor, lambda events: sum(event.kind == "stopped" for event in events) == 3)
            for job in jobs:
                assert self._done(executor, job)[-1].kind == "done"
            assert executor.free() == 2

    def test_what_is_not_asked_for_again_holds_up_no_other_job(self) -> None:
        """A driver may need the result of a job no more whose worker died."""
        with self._in_lanes(4) as executor:
            for index, then in enumerate(("die", "wait", "wait")):
                executor.submit(self._job(index, then=then))
            self._until(executor, lambda events: sum(event.kind == "stopped" for event in events) == 3)
            self._until(executor, lambda _: executor.free() > 0)
            executor.submit(self._job(3, then="wait"))
            assert executor.free() == 1

    def test_a_lane_that_takes_too_long_has_failed_and_harms_no_other(self) -> None:
        with self._in_lanes(2, timeout=2.0) as executor:
            executor.submit(self._job(0, then="wait"))
            found = self._until(executor, lambda events: any(event.kind == "epoch" for event in events))
            executor.submit(self._job(1))
            found += self._until(executor, lambda events: sum(event.ends for event in events) == 2)
            ends = {event.index: event for event in found if event.ends}
            assert (ends[0].kind, ends[0].again, ends[1].kind) == ("failed", False, "done")
            assert "took longer than 2 s" in ends[0].message
            assert executor.free() == 2, "the worker was ended"

    def test_kept_weights_are_scored_and_left_alone(self) -> None:
        with self._started() as executor:
            self._done(executor, self._job(0))
            before = sorted(path.name for path in self._kept(0).iterdir())
            job = self._job(0)
            result = str(self._folder / "test.json")
            score = ScoreJob(index=-1, architecture=job.architecture, folder=job.folder, result=result)
            assert self._done(executor, score)[-1].kind == "done"
            assert json.loads(Path(result).read_text()) == {"test_error": 0.02}
            assert sorted(path.name for path in self._kept(0).iterdir()) == before

    def test_an_evaluator_that_cannot_be_made_is_an_error(self) -> None:
        with pytest.raises(RegnasError, match="no evaluator 'not-installed'"):
            with self._started(evaluator="not-installed") as executor:
                self._until(executor, lambda _: executor.free() > 0)

    def test_it_can_be_closed_twice_and_in_the_middle_of_a_job(self) -> None:
        executor = self.make(self._spec())
        self._until(executor, lambda _: executor.free() > 0)
        executor.submit(self._job(0))
        executor.close()
        executor.close()

    # --- helpers --------------------------------------------------------------------------------------------

    def _spec(self, *, evaluator: str = "scripted", count: int = 1, **further: Any) -> WorkerSpec:
        study = self._folder / "study"
        return WorkerSpec(
            evaluator=evaluator,
            task=Task(data="fake"),
            devices=self.devices,
            count=count,
            logs=study / "logs",
            folder=study,
            **further,
        )

    @contextmanager
    def _in_lanes(self, count: int, timeout: float | None = None) -> Iterator[Executor]:
        """One worker with so many lanes, when it is ready."""
        if not self.lanes:
            pytest.skip("a worker evaluates one job at a time")
        with self._started(count=count, lanes=count, per_device=count, timeout=timeout) as executor:
            self._until(executor, lambda _: executor.free() == count)
            yield executor

    @contextmanager
    def _started(self, *, evaluator: str = "scripted", count: int = 1, **further: Any) -> Iterator[Executor]:
        executor = self.make(self._spec(evaluator=evaluator, count=count, **further))
        try:
            yield executor
        finally:
            executor.close()

    def _kept(self, index: int) -> Path:
        return self._folder / "study" / "checkpoints" / str(index)

    def _job(self, index: int, *, epochs: int = 2, then: str = "end", resumable: bool = False) -> EvaluateJob:
        return EvaluateJob(
            index=index,
            seed=7,
            architecture=Point((("epochs", epochs), ("then", then))).to_json(),
            folder=str(self._kept(index)),
            result=str(self._folder / "results" / f"{index}.json"),
            resumable=resumable,
        )

    def _result(self, index: int) -> Result | None:
        path = self._folder / "results" / f"{index}.json"
        return Result.from_json(json.loads(path.read_text())["result"]) if path.exists() else None

    def _done(self, executor: Executor, job: Job, judge: Judge | None = None) -> list[Event]:
        """What is said of a job, up to its end."""
        self._until(executor, lambda _: executor.free() > 0)
        executor.submit(job, judge)
        found = self._until(executor, lambda events: any(event.ends for event in events))
        return [event for event in found if event.kind != "note"]

    def _until(self, executor: Executor, true: Callable[[list[Event]], bool]) -> list[Event]:
        """Events until something is true of them."""
        found: list[Event] = []
        end = time.monotonic() + self.patience
        while not true(found):
            assert time.monotonic() < end, f"nothing further in {self.patience:g} s, after {found}"
            found += executor.events(0.05)
        return found


def _errors(epochs: int) -> tuple[float, ...]:
    return tuple(scripted.error_after(epoch, 7) for epoch in range(1, epochs + 1))
