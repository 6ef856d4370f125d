"""What a job of a cluster does: it relays between the driver's files and a worker process, until the driver is gone."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regnas.messages import Begun, Relayed, RunEnded, ToWorker, expected, from_line
from regnas.studies.executors.remote_worker import Relay
from regnas.studies.executors.slurm.mailbox import Beat, Inbox, Outbox, Pulse

DRIVER = "driver.beat"
_QUICK, _SLOW = 0.01, 0.25  # seconds between looks: soon after a message, and otherwise


def to_worker(folder: Path, number: int) -> Path:
    """Where the driver writes to worker ``number``."""
    return folder / f"to-{number}.jsonl"


def from_worker(folder: Path, number: int) -> Path:
    """Where worker ``number`` writes to the driver."""
    return folder / f"from-{number}.jsonl"


def beat_of(folder: Path, number: int) -> Path:
    """The beat of worker ``number``."""
    return folder / f"worker-{number}.beat"


def pause(since: float) -> float:
    """Seconds to sleep when the last message is ``since`` seconds ago."""
    return min(_SLOW, max(_QUICK, since / 20))


@dataclass(frozen=True)
class Serve:
    """The job of worker ``number``, as submitit pickles it.

    Attributes:
        folder: the mail, on a file system that the driver shares; when it is gone, the job ends.
        log: file for what the worker prints.
        place: folder that the driver runs in: what it names relative is relative to it.
        patience: seconds of the driver's silence after which it counts as gone.
    """

    folder: str
    number: int
    log: str
    place: str
    patience: float

    def __call__(self) -> None:
        os.chdir(self.place)
        folder, life = Path(self.folder), uuid.uuid4().hex
        outbox = Outbox(from_worker(folder, self.number))

        def out(message: Relayed | RunEnded) -> None:
            outbox.put(replace(message, life=life).to_line())

        relay = Relay(Path(self.log), out)
        try:
            outbox.put(Begun(life).to_line())
            self._serve(folder, life, relay)
        except OSError:
            if folder.is_dir():  # full, or not to be written to: the job has failed, and says so
                raise
        finally:
            relay.close()

    def _serve(self, folder: Path, life: str, relay: Relay) -> None:
        inbox, driver = Inbox(to_worker(folder, self.number)), Pulse(folder / DRIVER)
        beat, last = Beat(beat_of(folder, self.number)), time.monotonic()
        while folder.is_dir() and driver.silent() < self.patience:
            beat.beat()
            for line in inbox.take():
                last = time.monotonic()
                sent = expected(from_line(line), Relayed)
                if sent.life == life:  # others were for the job before it was queued again
                    relay.take(sent.run, expected(sent.message, ToWorker))
            time.sleep(pause(time.monotonic() - last))

    def checkpoint(self) -> Any:
        """Called by submitit when the job is preempted: the same job, queued again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
