"""Workers wherever they are: which are ready, what each evaluates, and what follows when one dies.

An executor says only how a worker is started and reached (`Link`). What is said between the two is the same everywhere,
see `regnas.studies.executors.worker`.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from regnas.errors import MessageError, StudyError
from regnas.executor import Event, Judge, WorkerSpec
from regnas.messages import Answer, Broken, End, Epoch, Failed, FromWorker, Job, Note, Ready, Stopped, ToWorker

DEATHS = 3  # in a row, without work and without a finished evaluation, after which a worker is given up
_WAITING = 20.0  # seconds without any worker after which the user is told


@dataclass(frozen=True)
class Ended:
    """The end of a worker.

    Attributes:
        cause: words that follow "its worker was".
        blameless: what it evaluated had no part in it, such as a preemption: that is no failure.
    """

    cause: str
    blameless: bool = False


Tell = Callable[[FromWorker | Ended], None]


class Link(Protocol):
    """The way to one worker."""

    @property
    def log(self) -> str:
        """Where to read what it printed."""

    def send(self, message: ToWorker) -> None:
        """Send a message; to a worker that is dead, nothing happens."""

    def kill(self) -> None:
        """End the worker at once; its end is told like any other."""

    def close(self) -> None:
        """End the worker at once and for good; nothing is told."""


Launch = Callable[[int, Tell], Link]  # starts worker NUMBER, or starts it again


@dataclass(eq=False)
class Worker:
    """One of the workers, from a start to its end."""

    number: int
    link: Link | None = None
    job: int | None = None
    judge: Judge | None = None
    began: float = 0.0
    late: bool = False
    ready: bool = False


class Fleet:
    """The workers of an executor, restarted when they die.

    Args:
        launch: starts one.
        ended: called at the end, after all links are closed.
        waiting: what to say while no worker is ready.
        notes: lines that the user should read first.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        launch: Launch,
        *,
        device: Callable[[int], str] | None = None,
        ended: Callable[[], None] = lambda: None,
        waiting: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        self._spec = spec
        self._launch = launch
        self._device = device or spec.device
        self._ended = ended
        self._waiting = waiting
        self._notes = list(notes)
        self._inbox: queue.SimpleQueue[tuple[Worker, FromWorker | Ended]] = queue.SimpleQueue()
        self._vain = [0] * spec.count  # deaths in a row of each worker without work
        self._since = time.monotonic()
        spec.logs.mkdir(parents=True, exist_ok=True)
        self.workers: list[Worker] = []
        self._closed = False
        try:
            for number in range(spec.count):
                self.workers.append(self._start(number))
        except BaseException:
            self.close()
            raise

    def _start(self, number: int) -> Worker:
        one = Worker(number)
        one.link = self._launch(number, lambda message: self._inbox.put((one, message)))
        one.link.send(self._spec.setup(self._device(number)))
        return one

    def free(self) -> int:
        return sum(one.ready and one.job is None for one in self.workers)

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        one = next(one for one in self.workers if one.ready and one.job is None)
        one.job, one.judge, one.began = job.index, judge, time.monotonic()
        self._send(one, job)

    def _send(self, one: Worker, message: ToWorker) -> None:
        if one.link is not None:
            one.link.send(message)

    def events(self, timeout: float) -> list[Event]:
        found = [Event("note", -1, message=note) for note in self._notes]
        self._notes = []
        for one, message in self._messages(timeout):
            found += self._died(one, message) if isinstance(message, Ended) else self._said(one, message)
        self._stop_late()
        return found + self._patience()

    def _messages(self, timeout: float) -> Iterator[tuple[Worker, FromWorker | Ended]]:
        try:
            yield self._inbox.get(timeout=timeout)
            while True:
                yield self._inbox.get_nowait()
        except queue.Empty:
            return

    def _said(self, one: Worker, message: FromWorker) -> list[Event]:
        if isinstance(message, Ready):
            one.ready = True
        elif isinstance(message, Broken):
            raise StudyError(f"a worker cannot make the evaluator: {message.error} (log: {_log(one)})")
        elif isinstance(message, Note):
            return [Event("note", -1, message=message.message)]
        elif isinstance(message, Epoch) and message.index == one.job:
            go = one.judge is None or one.judge(message.epoch, message.error)
            self._send(one, Answer(go))
            return [Event("epoch", message.index, message.epoch, message.error)]
        elif isinstance(message, End) and message.index == one.job:
            one.job, self._vain[one.number] = None, 0
            one.ready = not one.late  # told to end a moment too late: it gets no other job
            return [event_of(message)]
        return []  # also what is said of a job that was answered already

    def _died(self, one: Worker, end: Ended) -> list[Event]:
        if one not in self.workers:
            return []
        found = self._dropped(one, end)
        if one.job is None and not end.blameless:
            self._vain[one.number] += 1
        started, one.ready = one.ready, False
        place = self.workers.index(one)
        if self._vain[one.number] < DEATHS:
            self.workers[place] = self._start(one.number)
            return found
        del self.workers[place]
        if one.link is not None:
            one.link.close()
        if not self.workers:
            when = "without any work" if started else "before they start"
            raise StudyError(f"workers die {when} ({end.cause}); see {_log(one)}")
        why = f"worker {one.number} is given up: it died {DEATHS} times without work ({end.cause}); see {_log(one)}"
        return [*found, Event("note", -1, message=why)]

    def _dropped(self, one: Worker, end: Ended) -> list[Event]:
        """What becomes of the job of a worker that died."""
        if one.job is None:
            return []
        if end.blameless and not one.late:  # a stop without a verdict: it waits for the next worker
            note = f"candidate {one.job} is evaluated again: its worker was {end.cause}"
            return [Event("note", -1, message=note), Event("stopped", one.job, seconds=time.monotonic() - one.began)]
        return [Event("failed", one.job, message=self._why(one, end), again=not one.late)]

    def _why(self, one: Worker, end: Ended) -> str:
        if one.late:
            return f"it took longer than {self._spec.timeout:g} s (--timeout) and was stopped"
        return f"its worker was {end.cause}"

    def _stop_late(self) -> None:
        if self._spec.timeout is None:
            return
        now = time.monotonic()
        for one in self.workers:
            if one.job is not None and not one.late and now - one.began > self._spec.timeout and one.link is not None:
                one.late = True
                one.link.kill()

    def _patience(self) -> list[Event]:
        """Say once that no worker is there yet: a queue that is long is no failure."""
        if not self._waiting or any(one.ready for one in self.workers):
            self._since = time.monotonic()
            return []
        if time.monotonic() - self._since < _WAITING:
            return []
        text, self._waiting = self._waiting, ""
        return [Event("note", -1, message=text)]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for one in self.workers:
            if one.link is not None:
                one.link.close()
        self._ended()


def event_of(end: End) -> Event:
    """What the driver hears of the end of a job."""
    if isinstance(end, Stopped):
        return Event("stopped", end.index, seconds=end.seconds)
    if isinstance(end, Failed):
        return Event("failed", end.index, message=end.error, again=end.again is not False)
    return Event("done", end.index)


def not_understood(error: MessageError) -> str:
    """The cause of a worker's end that said what is no message."""
    return f"ended because of what came from it: {error}"


def _log(one: Worker) -> str:
    return one.link.log if one.link is not None else "nothing was printed"
