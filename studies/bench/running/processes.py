"""The processes that simulate: one core each, and each run on one of them."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from regnas.errors import StudyError
from regnas.system.processes import start

Job = dict[str, Any]


class SimulationPool:
    """Processes that are sent jobs, and answer when each is on disk.

    Args:
        count: of processes.
        log: file for what they print.
    """

    def __init__(self, count: int, log: Path) -> None:
        self._count = count
        self._path = log
        self._answers: SimpleQueue[tuple[int, dict[str, Any] | None]] = SimpleQueue()
        self._processes: list[subprocess.Popen[str]] = []

    def work(self, jobs: Sequence[Job], done: Callable[[Job], None]) -> None:
        """Have all jobs done; ``done`` is called with each as it ends.

        Raises:
            StudyError: a job failed, or a process died.
        """
        waiting = deque(jobs)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as log:
            try:
                self._processes = [self._start(number, log) for number in range(min(self._count, len(jobs)))]
                busy = {number: waiting.popleft() for number in range(len(self._processes))}
                for number, job in busy.items():
                    self._send(number, job)
                while busy:
                    number, answer = self._answers.get()
                    job = busy.pop(number)
                    self._check(job, answer)
                    done(job)
                    if waiting:
                        busy[number] = waiting.popleft()
                        self._send(number, busy[number])
            finally:
                self._close()

    def _start(self, number: int, log: Any) -> subprocess.Popen[str]:
        process = start("regnas.studies.bench.running.worker", log)
        threading.Thread(target=self._listen, args=(number, process), daemon=True).start()
        return process

    def _listen(self, number: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._answers.put((number, json.loads(line)))
        self._answers.put((number, None))

    def _send(self, number: int, job: Job) -> None:
        try:
            stdin = self._processes[number].stdin
            if stdin is not None:
                stdin.write(json.dumps(job) + "\n")
                stdin.flush()
        except (BrokenPipeError, OSError):
            pass  # it died; its end is on its way

    def _check(self, job: Job, answer: dict[str, Any] | None) -> None:
        what = f"{job['strategy']} with seed {job['seed']}"
        if answer is None:
            raise StudyError(f"the process that simulated {what} died; the same command goes on (log: {self._path})")
        if "error" in answer:
            raise StudyError(f"{what} failed: {answer['error']} (log: {self._path})")

    def _close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
