"""A worker process on a machine that is not the driver's, and the program between the two.

What kills a worker does not end the relay: its cause is reported as on the driver's machine, and another worker starts
where the machine is leased already. Every message belongs to a run, the life of one worker process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from regnas.messages import FromWorker, Kill, Relayed, RunEnded, ToWorker
from regnas.studies.executors.local.process import Child
from regnas.studies.executors.worker_pool import Ended


class Relay:
    """One worker process at a time.

    Args:
        log: file for what workers print.
        out: called in a thread with what is for the driver.
    """

    def __init__(self, log: Path, out: Callable[[Relayed | RunEnded], None]) -> None:
        self._log = log
        self._out = out
        self._run = -1
        self._child: Child | None = None
        self._lock = threading.Lock()  # messages may come from several threads

    def take(self, run: int, message: ToWorker) -> None:
        """A message for the worker of a run; the first of a new run starts it."""
        with self._lock:
            if run > self._run:
                self._end()
                self._run = run
                self._child = Child(self._log, lambda said: self._answer(run, said))
            if run == self._run and self._child is not None:
                self._child.kill() if isinstance(message, Kill) else self._child.send(message)

    def _answer(self, run: int, said: FromWorker | Ended) -> None:
        self._out(RunEnded(run, said.cause) if isinstance(said, Ended) else Relayed(run, said))

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._end()
