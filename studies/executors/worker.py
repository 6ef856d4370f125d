"""A worker process: rebuilds the evaluator from its name, and evaluates what it is sent, one or several at a time.

Lines of JSON come in on standard input and go out on standard output; nothing is pickled. The end of standard input
means that the driver is gone: the worker then ends at once. A result is on disk, whole, before it is reported.
"""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from regnas.architecture import from_json
from regnas.errors import MessageError, PluginBroken, StudyError, UsageError
from regnas.evaluator import (
    Cancelled,
    Context,
    DeviceLost,
    Evaluator,
    OutOfMemory,
    Result,
    SupportsTest,
    Task,
    check_error,
    check_result,
    make_evaluator,
    named,
)
from regnas.messages import (
    Answer,
    Broken,
    Cancel,
    Crowded,
    Done,
    Epoch,
    EvaluateJob,
    Failed,
    FitJob,
    FromWorker,
    Job,
    Message,
    Ready,
    ScoreJob,
    Setup,
    Stopped,
    expected,
    from_line,
)
from regnas.studies.executors.fitting import do_fit
from regnas.system.files import append_json, write_json
from regnas.system.reading import fields_if_whole

Inbox = queue.SimpleQueue[Message | MessageError]
LOST = 70  # exit code of a worker whose device computes nothing any more


def result_name(index: int) -> str:
    """File name of a candidate's result."""
    return f"{index}.json"


def write_result(path: Path, key: str, seed: int, result: Result) -> None:
    """Put a result on disk, with what it is the result of: as a file, or as a line of a file ``*.jsonl``."""
    record = {"schema": 1, "key": key, "seed": seed, "result": result.to_json()}
    append_json(path, record) if path.suffix == ".jsonl" else write_json(path, record)


def read_result(path: Path, key: str, seed: int) -> Result | None:
    """The result on disk if it is of this architecture and seed, else None."""
    stored = fields_if_whole(path, key=str, seed=int, result=dict)
    if stored is None or (stored["key"], stored["seed"]) != (key, seed):
        return None
    try:
        return Result.from_json(stored["result"])
    except (ValueError, KeyError, TypeError):
        return None


def evaluate(
    evaluator: Evaluator,
    job: Job,
    device: str,
    report: Callable[[int, float], bool],
    cancelled: Callable[[], bool] = lambda: False,
    task: Task | None = None,
) -> float | None:
    """Do one job and put its result on disk.

    Args:
        task: what the evaluator was made for; a fit takes its images from it.

    Returns:
        None; of an evaluation that was told to stop and did, and so has no result, its seconds.

    Raises:
        PluginBroken: the evaluator returned no result, or ended the process.
        UsageError: the result holds what its evaluator does not declare.
        ValueError: an error that is no fraction.
        TypeError: it is to score weights, and the evaluator cannot.
    """
    if isinstance(job, FitJob):
        return do_fit(evaluator, job, task, device, report)
    architecture = from_json(job.architecture)
    folder = Path(job.folder) if job.folder else None
    if isinstance(job, ScoreJob):
        if not isinstance(evaluator, SupportsTest):
            raise TypeError("this evaluator cannot test weights")
        context = Context(device=device, threads=1, folder=folder)
        error = evaluator.test(architecture, context=context)
        write_json(Path(job.result), {"test_error": None if error is None else check_error(error)})
        return None
    wanted, going = expected(job, EvaluateJob), True

    def answered(epoch: int, error: float) -> bool:
        nonlocal going
        going = report(int(epoch), check_error(error))
        return going

    context = Context(
        device=device,
        threads=1,
        folder=folder,
        report=answered,
        resumable=wanted.resumable,
        shared=wanted.shared,
        cancelled=cancelled,
        fitted=Path(wanted.fitted) if wanted.fitted else None,
    )
    try:
        result = evaluator(architecture, seed=wanted.seed, context=context)
    except SystemExit as end:
        raise PluginBroken(f"the evaluator {named(evaluator)} ended the process ({end.code}); raise an error") from end
    check_result(evaluator, result)
    if not going:
        return result.seconds
    write_result(Path(job.result), architecture.key(), wanted.seed, result)
    return None


def describe(error: BaseException) -> str:
    """One line: the kind of an exception and the first line of what it says."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" for {error.filename}" if error.filename else ""
        return f"the disk is full: no space left{where}; free some, and the same command goes on"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def may_succeed(error: Exception) -> bool:
    """Whether what raised could do otherwise when it is tried again: not where a plug-in gives what it may not,
    a study cannot go on, or the error says itself, by ``again``, that it is of the network.
    """
    lasting = getattr(error, "again", True) is False
    return not lasting and not isinstance(error, PluginBroken | UsageError | StudyError)


def perform(
    evaluator: Evaluator,
    job: Job,
    device: str,
    send: Callable[[FromWorker], None],
    answer: Callable[[], bool],
    cancelled: Callable[[], bool] = lambda: False,
    task: Task | None = None,
) -> None:
    """Do one job, and say how it goes and ends.

    Args:
        answer: waits for whether an evaluation goes on after the epoch that was said last.

    Raises:
        DeviceLost: nothing is said of the job: this process can do none.
    """
    began = time.perf_counter()

    def report(epoch: int, error: float) -> bool:
        send(Epoch(job.index, epoch, error))
        return answer()

    try:
        stopped = evaluate(evaluator, job, device, report, cancelled, task)
    except DeviceLost:
        raise
    except Cancelled:
        send(Failed(job.index, "it was cancelled", again=False))
    except Exception as error:
        traceback.print_exc()
        if isinstance(error, OutOfMemory) and isinstance(job, EvaluateJob) and job.shared:
            send(Crowded(job.index, describe(error), time.perf_counter() - began))
        else:
            send(Failed(job.index, describe(error), again=None if may_succeed(error) else False))
    else:
        send(Done(job.index) if stopped is None else Stopped(job.index, stopped))


@dataclass(frozen=True, eq=False)
class Lane:
    """One of several jobs at a time, in a thread of its own."""

    answers: queue.SimpleQueue[bool] = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)


def serve_lanes(
    inbox: Inbox,
    evaluator: Evaluator,
    device: str,
    send: Callable[[FromWorker], None],
    count: int,
    task: Task | None = None,
) -> None:
    """Do every job that comes at once, beside those that are not done, ``count`` at a time at most."""
    lanes: dict[int, Lane] = {}
    threads = ThreadPoolExecutor(count)  # that stay: libraries keep what they prepare for each

    def run(job: Job, lane: Lane) -> None:
        try:
            perform(evaluator, job, device, send, lane.answers.get, lane.cancelled.is_set, task)
        except DeviceLost:
            _end_lost()

    while True:
        message = _next(inbox)
        if isinstance(message, Job):
            lanes[message.index] = Lane()
            threads.submit(run, message, lanes[message.index])
        elif isinstance(message, Answer) and message.index in lanes:
            lanes[message.index].answers.put(message.go)
        elif isinstance(message, Cancel) and message.index in lanes:
            lanes[message.index].cancelled.set()


def main() -> None:
    """Serve until standard input ends. The first line names evaluator, task and device."""
    channel, writing = os.fdopen(os.dup(1), "w", buffering=1), threading.Lock()
    os.dup2(2, 1)  # what libraries print goes to the log
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()

    def send(message: FromWorker) -> None:
        with writing:
            channel.write(message.to_line() + "\n")

    try:
        setup = expected(_next(inbox), Setup)
        if setup.lanes > 1:  # read when CUDA starts: with 8, the usual number, more lanes wait for each other
            os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
        evaluator = make_evaluator(setup.evaluator, setup.task)
        device = _found(setup.device)
    except BaseException as error:
        traceback.print_exc()
        send(Broken(describe(error)))
        return
    send(Ready())
    if setup.lanes > 1:
        serve_lanes(inbox, evaluator, device, send, setup.lanes, setup.task)

    def answer() -> bool:
        return expected(_next(inbox), Answer).go

    while True:
        try:
            perform(evaluator, expected(_next(inbox), Job), device, send, answer, task=setup.task)
        except DeviceLost:
            _end_lost()


def _end_lost() -> None:
    traceback.print_exc()
    os._exit(LOST)


def _found(device: str) -> str:
    """The device itself where the driver, on another machine, could only say ``auto`` or ``cuda``."""
    if device not in ("auto", "cuda"):
        return device
    from regnas.evaluators.training.devices import devices

    return devices(device)[0]


def _read(inbox: Inbox) -> None:
    for line in sys.stdin:
        try:
            inbox.put(from_line(line))
        except MessageError as error:
            inbox.put(error)
    os._exit(0)  # the driver is gone


def _next(inbox: Inbox) -> Message:
    found = inbox.get()
    if isinstance(found, MessageError):
        raise found
    return found


if __name__ == "__main__":
    main()
