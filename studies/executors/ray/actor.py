"""What runs on a node of a Ray cluster: an actor that relays between the driver and a worker process."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from regnas.errors import MessageError
from regnas.messages import End, Failed, Job, OfRun, Relayed, RunEnded, Setup, ToWorker, expected, from_json
from regnas.studies.executors import file_transfer
from regnas.studies.executors.remote_worker import Relay


class Host:
    """One worker, with files of its own: what a candidate leaves goes back by value.

    Messages come and go as JSON values: the driver may be of another release.

    Args:
        data: a packed data set that takes the place of the task's, or None.
        place: the driver's folder, where it is this machine's, too.
    """

    def __init__(self, data: bytes | None, place: str | None) -> None:
        if place is not None:
            os.chdir(place)
        self._folder = Path(tempfile.mkdtemp(prefix="regnas-worker-"))
        self._data = None if data is None else kept(data)
        self._out: queue.SimpleQueue[OfRun] = queue.SimpleQueue()
        self._relay = Relay(self._folder / "worker.log", self._say)

    def take(self, run: int, value: dict[str, Any]) -> None:
        """A message to the worker of a run."""
        try:
            message = expected(from_json(value), ToWorker)
        except MessageError as error:
            self._out.put(RunEnded(run, f"sent what it does not understand: {error}"))
            return
        if isinstance(message, Setup) and self._data is not None:
            task = replace(message.task, data=f"packed:{self._data}", data_root=None, cache=None, resolution=None)
            message = replace(message, task=task)
        self._relay.take(run, self._received(message) if isinstance(message, Job) else message)

    def _places(self, index: int) -> tuple[Path, Path]:
        """Folder and result of a candidate on this machine."""
        return self._folder / "candidates" / str(index), self._folder / f"{index}.json"

    def _received(self, job: Job) -> Job:
        """A job with places on this machine."""
        folder, result = self._places(job.index)
        folder.parent.mkdir(exist_ok=True)
        result.unlink(missing_ok=True)
        file_transfer.write(folder, job.files or {})
        return replace(job, folder=str(folder) if job.folder else None, result=str(result), files=None)

    def _say(self, message: Relayed | RunEnded) -> None:
        if isinstance(message, Relayed) and isinstance(message.message, End):
            message = replace(message, message=self._sent(message.message))
        self._out.put(message)

    def _sent(self, end: End) -> End:
        """The end of a job with what it left, which then is no longer here."""
        folder, result = self._places(end.index)
        try:
            left = result.read_bytes() if result.exists() else None
            sent = replace(end, files=file_transfer.read(folder), result=left)
        except Exception as error:
            sent = Failed(end.index, str(error), files={})
        shutil.rmtree(folder, ignore_errors=True)
        result.unlink(missing_ok=True)
        return sent

    @ray.method(concurrency_group="hear")
    def hear(self) -> list[dict[str, Any]]:
        """What the worker said since the last call, after waiting for it a while."""
        found: list[dict[str, Any]] = []
        try:
            found.append(self._out.get(timeout=10.0).to_json())
            while True:
                found.append(self._out.get_nowait().to_json())
        except queue.Empty:
            return found

    def printed(self) -> str:
        """The end of what the worker printed."""
        log = self._folder / "worker.log"
        return log.read_text(errors="replace")[-20_000:] if log.exists() else ""


def kept(data: bytes) -> Path:
    """A file of this node with this content, written once."""
    user = os.getuid() if hasattr(os, "getuid") else 0  # on Windows the folder is the user's own
    path = Path(tempfile.gettempdir()) / f"regnas-data-{user}-{hashlib.sha256(data).hexdigest()[:24]}.npz"
    if not path.exists() or path.stat().st_size != len(data):
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        partial.write_bytes(data)
        partial.replace(path)
    return path
