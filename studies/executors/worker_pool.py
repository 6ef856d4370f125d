"""Workers wherever they are: which are ready, what each evaluates, and what follows when one dies.

An executor says only how a worker is started and reached (`Link`). What is said between the two is the same everywhere,
see `regnas.studies.executors.worker`.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from regnas.errors import MessageError, StudyError
from regnas.executor import Event, Judge, WorkerSpec
from regnas.messages import (
    Answer,
    Broken,
    Cancel,
    Crowded,
    End,
    Epoch,
    EvaluateJob,
    Failed,
    FitJob,
    FromWorker,
    Job,
    Note,
    Ready,
    Stopped,
    ToWorker,
)

DEATHS = 3  # in a row, without work and without a finished evaluation, after which a worker is given up
_GRACE = 20.0  # seconds in which a job ends that was told to, beside others
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
class Running:
    """A job of a worker.

    Attributes:
        late: when it was told to end, as its time was over.
        stopping: it was told to stop after an epoch, and will not be asked for again at once.
        timed: the time of an evaluation limits it.
    """

    judge: Judge | None
    began: float
    late: float | None = None
    stopping: bool = False
    timed: bool = True


@dataclass(eq=False)
class Worker:
    """One of the workers, from a start to its end.

    Attributes:
        lanes: jobs at a time that its process is made for.
        ended: it was killed, and gets no other job.
    """

    number: int
    lanes: int
    link: Link | None = None
    jobs: dict[int, Running] = field(default_factory=dict)
    ready: bool = False
    ended: bool = False


class Fleet:
    """The workers of an executor, restarted when they die.

    What a worker dies of while it has several jobs, or what runs out of memory beside others, may be any of them: they
    are evaluated again one at a time, before several are again, half as many.

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
        self._vain = [0] * spec.workers  # deaths in a row of each worker without work
        # Jobs at a time of each worker, fewer after memory or a worker was lost.
        self._lanes = [spec.lanes_of(number) for number in range(spec.workers)]
        self._suspects: set[int] = set()  # jobs that are to be evaluated alone
        self._since = time.monotonic()
        spec.logs.mkdir(parents=True, exist_ok=True)
        self.workers: list[Worker] = []
        self._closed = False
        try:
            for number in range(spec.workers):
                self.workers.append(self._start(number))
        except BaseException:
            self.close()
            raise

    def _start(self, number: int) -> Worker:
        one = Worker(number, self._spec.lanes_of(number))
        one.link = self._launch(number, lambda message: self._inbox.put((one, message)))
        one.link.send(self._spec.setup(number, self._device(number)))
        return one

    def free(self) -> int:
        return sum(self._room(one) for one in self.workers)

    def _room(self, one: Worker) -> int:
        """Further jobs that a worker can take."""
        if not one.ready or one.ended:
            return 0
        return max(0, (1 if self._suspects else self._lanes[one.number]) - len(one.jobs))

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        one = min((one for one in self.workers if self._room(one)), key=lambda one: len(one.jobs))
        if job.index not in self._suspects and not any(self._suspects & one.jobs.keys() for one in self.workers):
            self._suspects.clear()  # what is evaluated again comes first: these never will be
        one.jobs[job.index] = Running(judge, time.monotonic(), timed=not isinstance(job, FitJob))
        if isinstance(job, EvaluateJob) and self._lanes[one.number] > 1 and not self._suspects:
            job = replace(job, shared=True)
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
        elif isinstance(message, Epoch) and message.index in one.jobs:
            judge = one.jobs[message.index].judge
            go = judge is None or judge(message.epoch, message.error)
            one.jobs[message.index].stopping = not go
            self._send(one, Answer(go, message.index if one.lanes > 1 else None))
            return [Event("epoch", message.index, message.epoch, message.error)]
        elif isinstance(message, End) and message.index in one.jobs:
            return self._done(one, message)
        return []  # also what is said of a job that was answered already

    def _done(self, one: Worker, end: End) -> list[Event]:
        """What becomes of a job whose worker says that it is over."""
        running, self._vain[one.number] = one.jobs.pop(end.index), 0
        if running.late is not None and isinstance(end, Failed | Crowded):
            self._suspects.discard(end.index)
            return [self._too_late(end.index)]
        if isinstance(end, Crowded):
            self._suspect(one, {end.index})
            note = f"candidate {end.index} is evaluated again, alone: memory ran out beside others ({end.error})"
            return [Event("note", -1, message=note), Event("stopped", end.index, seconds=end.seconds)]
        self._suspects.discard(end.index)
        return [event_of(end)]

    def _suspect(self, one: Worker, jobs: Collection[int]) -> None:
        """Jobs are to be evaluated alone, and others then fewer at a time: once for all that are suspected by then."""
        if not self._suspects:
            self._lanes[one.number] = max(1, self._lanes[one.number] // 2)
        self._suspects.update(jobs)

    def _died(self, one: Worker, end: Ended) -> list[Event]:
        if one not in self.workers:
            return []
        idle = not one.jobs
        found = self._dropped(one, end)
        if idle and not end.blameless:
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
        """What becomes of the jobs of a worker that died."""
        jobs, one.jobs = one.jobs, {}
        late = [index for index, running in jobs.items() if running.late is not None]
        left = {index: running for index, running in jobs.items() if running.late is None}
        found = [self._too_late(index) for index in late]
        self._suspects.difference_update(late)
        if len(left) == 1 and not late and not end.blameless:
            (index,) = left
            self._suspects.discard(index)
            return [*found, Event("failed", index, message=f"its worker was {end.cause}")]
        if left and not late and not end.blameless:
            self._suspect(one, {index for index, running in left.items() if not running.stopping})
        if left:
            found.append(Event("note", -1, message=_again(left, end, alone=not late and not end.blameless)))
        now = time.monotonic()  # stops without a verdict: they wait for the next worker
        return found + [Event("stopped", index, seconds=now - running.began) for index, running in left.items()]

    def _too_late(self, index: int) -> Event:
        why = f"it took longer than {self._spec.timeout:g} s (--timeout) and was stopped"
        return Event("failed", index, message=why, again=False)

    def _stop_late(self) -> None:
        """Tell jobs to end whose time is over; where one does not, its worker ends."""
        if self._spec.timeout is None:
            return
        now = time.monotonic()
        for one in self.workers:
            for index, running in one.jobs.items():
                if running.timed and running.late is None and now - running.began > self._spec.timeout:
                    running.late = now
                    if one.lanes > 1:
                        self._send(one, Cancel(index))
                if running.late is not None and (one.lanes == 1 or now - running.late > _GRACE) and not one.ended:
                    one.ended = True
                    if one.link is not None:
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


def _again(jobs: Collection[int], end: Ended, *, alone: bool) -> str:
    """What is said where nothing follows of some jobs from the end of their worker."""
    if len(jobs) == 1:
        return f"candidate {min(jobs)} is evaluated again: its worker was {end.cause}"
    named = ", ".join(map(str, sorted(jobs)))
    return f"candidates {named} are evaluated again{', one at a time' * alone}: their worker was {end.cause}"


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
