"""The driver's side of workers that are jobs of a cluster: what it writes to them, hears of them, submits again."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regnas.errors import MessageError, RegnasError
from regnas.executor import WorkerSpec
from regnas.messages import Begun, FromWorker, Kill, Message, OfRun, Relayed, RunEnded, ToWorker, expected, from_line
from regnas.studies.executors.slurm.job import DRIVER, Serve, beat_of, from_worker, pause, to_worker
from regnas.studies.executors.slurm.mailbox import Beat, Inbox, Outbox, Pulse
from regnas.studies.executors.worker_pool import Ended, Tell, not_understood

MAIL = "executor"  # in the study's folder
_JOBS = 1.0  # seconds between looks at the states of jobs
_HINTS = {
    "TIMEOUT": ": raise time=",
    "OUT_OF_MEMORY": ": raise mem=",
    "CANCELLED": ": somebody or an administrator ended it",
    "NODE_FAIL": ": its node failed",
}


@dataclass(eq=False)
class JobLink:
    """One run of a worker, as the fleet has it."""

    box: Box
    run: int
    tell: Tell
    dead: bool = False

    @property
    def log(self) -> str:
        return self.box.log

    def send(self, message: ToWorker) -> None:
        self.box.send(self, message)

    def kill(self) -> None:
        self.send(Kill())

    def close(self) -> None:
        self.dead = True


@dataclass(eq=False)
class Box:
    """A worker's number: its files, its job, and the run that is on."""

    folder: Path
    number: int
    log: str
    job: Any = None
    life: str | None = None  # of the job: another one each time that it begins
    link: JobLink | None = None
    runs: int = 0
    waiting: list[tuple[JobLink, ToWorker]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.inbox = Inbox(from_worker(self.folder, self.number))
        self.outbox = Outbox(to_worker(self.folder, self.number))
        self.pulse = Pulse(beat_of(self.folder, self.number))

    def send(self, link: JobLink, message: ToWorker) -> None:
        """Write to the worker, or keep it until its job has begun."""
        with self.lock:
            if link.dead:
                return
            if self.life is None:
                self.waiting.append((link, message))
            else:
                self.outbox.put(Relayed(link.run, message, life=self.life).to_line())

    def hear(self) -> bool:
        """Pass on what the worker said; whether that was anything."""
        heard = self.inbox.take()
        for line in heard:
            with self.lock:
                try:
                    self._said(from_line(line))
                except MessageError as error:
                    self.lost(Ended(not_understood(error)))
        return bool(heard)

    def _said(self, message: Message) -> None:
        if isinstance(message, Begun):
            self._begun(message.life)
            return
        of_run = expected(message, OfRun)
        if of_run.life != self.life or self.link is None or of_run.run != self.link.run:
            return  # of a worker that was there before
        if isinstance(of_run, RunEnded):
            self.lost(Ended(of_run.ended))
        else:
            self.link.tell(expected(expected(of_run, Relayed).message, FromWorker))

    def _begun(self, life: str) -> None:
        if self.life is not None:
            self.lost(Ended("preempted, and its job has begun again", blameless=True))
        self.life = life
        self.pulse = Pulse(beat_of(self.folder, self.number))
        waiting, self.waiting = self.waiting, []
        for link, message in waiting:
            self.send(link, message)

    def lost(self, end: Ended) -> None:
        """The run is over."""
        with self.lock:
            if self.link is not None and not self.link.dead:
                self.link.dead = True
                self.link.tell(end)


class Desk:
    """All workers.

    Args:
        submitter: a submitit executor.
        patience: seconds of a worker's silence after which it counts as gone.
        grace: seconds that jobs have to end of themselves before they are cancelled.
    """

    def __init__(self, spec: WorkerSpec, submitter: Any, patience: float, grace: float = 0.0) -> None:
        self._submitter = submitter
        self._patience = patience
        self._grace = grace
        mail = spec.folder.resolve() / MAIL
        _remove(mail)  # workers of an earlier driver that live still: they end
        self._folder = mail / uuid.uuid4().hex[:12]
        self._folder.mkdir(parents=True)
        self._logs = spec.logs.resolve()
        self._logs.mkdir(parents=True, exist_ok=True)
        self._closed = threading.Event()
        self._beat = Beat(self._folder / DRIVER)
        self._beat.beat()
        names = [str(self._logs / f"worker-{number}.log") for number in range(spec.workers)]
        self._boxes = [Box(self._folder, number, name) for number, name in enumerate(names)]
        try:
            for box, job in zip(self._boxes, self._submit(self._boxes), strict=True):
                box.job = job
        except BaseException:
            self.close()
            raise
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _submit(self, boxes: list[Box]) -> list[Any]:
        place = str(Path.cwd())
        served = [Serve(str(self._folder), box.number, box.log, place, self._patience) for box in boxes]
        try:
            if len(served) == 1:
                return [self._submitter.submit(served[0])]
            with self._submitter.batch():  # one array; not map_array, which hides how to requeue from submitit
                return [self._submitter.submit(one) for one in served]
        except Exception as error:  # sbatch's own words, in one of submitit's many exceptions
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RegnasError(f"the cluster refuses the jobs: {first}") from error

    def launch(self, number: int, tell: Tell) -> JobLink:
        """Start a worker in its job; where the job has ended, submit another."""
        box = self._boxes[number]
        with box.lock:
            if box.job is None:
                box.life, box.waiting = None, []
                box.job = self._submit([box])[0]
            box.runs += 1
            box.link = JobLink(box, box.runs, tell)
            return box.link

    def _pump(self) -> None:
        last = looked = time.monotonic()
        while not self._closed.is_set():
            with contextlib.suppress(OSError):  # full for a moment: the workers are patient
                self._beat.beat()
            if any([box.hear() for box in self._boxes]):
                last = time.monotonic()
            if time.monotonic() - looked > _JOBS:
                looked = time.monotonic()
                for box in self._boxes:
                    self._look(box)
            self._closed.wait(pause(time.monotonic() - last))

    def _look(self, box: Box) -> None:
        """Whether a job has ended, or has fallen silent."""
        with box.lock:
            if box.job is None:
                return
            if box.job.done():
                box.hear()
                state = str(box.job.state).split(" ")[0]
                hint = _HINTS.get(state, f", see {self._logs}/submitit/{box.job.job_id}*")
                end = Ended(f"lost with job {box.job.job_id} ({state}{hint})")
            elif box.life is not None and box.pulse.silent() > self._patience:
                self._cancel(box)
                end = Ended(f"not heard of for {self._patience:g} s (job {box.job.job_id})")
            else:
                return
            box.job = None
            box.lost(end)

    def _cancel(self, box: Box) -> None:
        if box.job is not None and not box.job.done():
            with contextlib.suppress(Exception):  # it has ended, or the cluster does not answer: patience ends it
                box.job.cancel()

    def close(self) -> None:
        """End all jobs; those that cannot be told end when their mail is gone."""
        self._closed.set()
        _remove(self._folder.parent)
        end = time.monotonic() + self._grace
        for box in self._boxes:
            while box.job is not None and not box.job.done() and time.monotonic() < end:
                time.sleep(0.05)
            self._cancel(box)


def _remove(folder: Path) -> None:
    """Remove a folder that others may be writing to: first it is no longer where they look for it."""
    gone = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    with contextlib.suppress(OSError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
