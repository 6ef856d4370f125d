"""Evaluation in this process, one job at a time: for fast evaluators and for debugging."""

from __future__ import annotations

from regnas.evaluator import make_evaluator
from regnas.executor import Event, Judge, WorkerSpec
from regnas.messages import Job
from regnas.studies.executors import worker


class InProcess:
    """No workers: a job is evaluated inside `events`."""

    in_driver = True  # its results are lines of one file

    def __init__(self, spec: WorkerSpec) -> None:
        self._evaluator = make_evaluator(spec.evaluator, spec.task)
        self._device, self._task = spec.device(0), spec.task
        self._job: Job | None = None
        self._judge: Judge | None = None

    def free(self) -> int:
        return 0 if self._job else 1

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        self._job, self._judge = job, judge

    def events(self, timeout: float) -> list[Event]:
        job, self._job = self._job, None
        if job is None:
            return []
        index = job.index
        epochs: list[Event] = []

        def report(epoch: int, error: float) -> bool:
            epochs.append(Event("epoch", index, epoch, error))
            return self._judge is None or self._judge(epoch, error)

        try:
            stopped = worker.evaluate(self._evaluator, job, self._device, report, task=self._task)
        except Exception as error:
            again = worker.may_succeed(error)
            return [*epochs, Event("failed", index, message=worker.describe(error), again=again)]
        return [*epochs, Event("done", index) if stopped is None else Event("stopped", index, seconds=stopped)]

    def close(self) -> None:
        self._job = None
