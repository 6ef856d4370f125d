"""Workers as processes of this machine; and one such process, which other executors have on other machines."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.errors import MessageError, UsageError
from regnas.executor import WorkerSpec
from regnas.messages import FromWorker, ToWorker, expected, from_line
from regnas.studies.executors.worker import LOST
from regnas.studies.executors.worker_pool import Ended, Fleet, Tell, not_understood
from regnas.system.processes import start


class Child:
    """A worker process of this machine.

    Args:
        log: file for what it prints.
        tell: called in a thread with every message, and with its end.
        before: words of a command that runs another one, such as ``nice -n 10``.
    """

    def __init__(self, log: Path, tell: Tell, before: Sequence[str] = ()) -> None:
        self.log = str(log)
        self._tell = tell
        self._quiet = False
        with log.open("a") as file:
            self.process = start("regnas.studies.executors.worker", file, before)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        wrong = ""
        for line in self.process.stdout or ():
            try:
                self._tell(expected(from_line(line), FromWorker))
            except MessageError as error:
                if line.endswith("\n"):  # else it was killed in the middle of the line
                    wrong = not_understood(error)
                    self.kill()
                break
        code = self.process.wait()
        if not self._quiet:
            self._tell(Ended(wrong or cause(code)))

    def send(self, message: ToWorker) -> None:
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(message.to_line() + "\n")
                self.process.stdin.flush()
        except (OSError, ValueError):
            pass  # it died; its end is on its way

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()

    def close(self) -> None:
        self._quiet = True
        self.kill()
        self.process.wait()


def cause(code: int) -> str:
    """The end of a process in words that follow "it was"."""
    if code == LOST:
        return "lost with its device, which computes nothing any more"
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


@dataclass(frozen=True)
class ProcessEngine:
    """Processes of this machine."""

    remote: bool = False
    sized: bool = True
    shares: bool = True
    lanes: bool = True

    def start(self, spec: WorkerSpec) -> Fleet:
        """A process for each worker."""
        return Fleet(spec, lambda number, tell: Child(spec.logs / f"worker-{number}.log", tell))


def make(options: Mapping[str, Any]) -> ProcessEngine:
    """The executor ``process``.

    Raises:
        UsageError: it has no options.
    """
    if options:
        raise UsageError(f"the executor process has no options, got {', '.join(options)}; see --workers, --per-device")
    return ProcessEngine()
