"""What runs on a node of a Ray cluster: an actor that relays between the driver and a worker process."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import tempfile
from pathlib import Path

import ray

from regnas.executor import Message
from regnas.studies.executors import file_transfer
from regnas.studies.executors.remote_worker import Relay

_ENDS = ("done", "failed", "stopped")


class Host:
    """One worker, with files of its own: what a candidate leaves goes back by value.

    Args:
        data: a packed data set that takes the place of the task's, or None.
        place: the driver's folder, where it is this machine's, too.
    """

    def __init__(self, data: bytes | None, place: str | None) -> None:
        if place is not None:
            os.chdir(place)
        self._folder = Path(tempfile.mkdtemp(prefix="regnas-worker-"))
        self._data = None if data is None else kept(data)
        self._out: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._relay = Relay(self._folder / "worker.log", self._say)

    def take(self, run: int, message: Message) -> None:
        """A message to the worker of a run."""
        if "evaluator" in message and self._data is not None:
            task = {**message["task"], "data": f"packed:{self._data}", "data_root": None, "cache": None}
            message = {**message, "task": {**task, "resolution": None}}
        if "architecture" in message:
            message = self._received(dict(message))
        self._relay.take(run, message)

    def _received(self, job: Message) -> Message:
        """A job with places on this machine."""
        index = str(job["index"])
        folder, result = self._folder / "candidates" / index, self._folder / f"{index}.json"
        folder.parent.mkdir(exist_ok=True)
        result.unlink(missing_ok=True)
        file_transfer.write(folder, job.pop("files", {}))
        return {**job, "folder": str(folder) if job.get("folder") else None, "result": str(result)}

    def _say(self, message: Message) -> None:
        said = message.get("message", {})
        if said.get("event") in _ENDS:
            message = {**message, "message": self._sent(said)}
        self._out.put(message)

    def _sent(self, said: Message) -> Message:
        """The end of a job with what it left, which then is no longer here."""
        index = str(said["index"])
        folder, result = self._folder / "candidates" / index, self._folder / f"{index}.json"
        try:
            files = file_transfer.read(folder)
            left = {"result": result.read_bytes()} if result.exists() else {}
        except Exception as error:
            files, left = {}, {}
            said = {"event": "failed", "index": said["index"], "error": str(error)}
        shutil.rmtree(folder, ignore_errors=True)
        result.unlink(missing_ok=True)
        return {**said, "files": files, **left}

    @ray.method(concurrency_group="hear")
    def hear(self) -> list[Message]:
        """What the worker said since the last call, after waiting for it a while."""
        found: list[Message] = []
        try:
            found.append(self._out.get(timeout=10.0))
            while True:
                found.append(self._out.get_nowait())
        except queue.Empty:
            return found

    def printed(self) -> str:
        """The end of what the worker printed."""
        log = self._folder / "worker.log"
        return log.read_text(errors="replace")[-20_000:] if log.exists() else ""


def kept(data: bytes) -> Path:
    """A file of this node with this content, written once."""
    path = Path(tempfile.gettempdir()) / f"regnas-data-{os.getuid()}-{hashlib.sha256(data).hexdigest()[:24]}.npz"
    if not path.exists() or path.stat().st_size != len(data):
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        partial.write_bytes(data)
        partial.replace(path)
    return path
