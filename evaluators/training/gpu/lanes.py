"""Several trainings at a time on one GPU, in threads of one process: a stream of its own for each.

No GPU has verified this; what is not CUDA's is tested on CPUs.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch

from regnas.evaluator import MOST_LANES
from regnas.evaluators.training.devices import is_out_of_memory
from regnas.evaluators.training.gpu.recording import CudaRecorder, Recorder

USUAL_LANES = 8  # where nothing was measured: it was most of the gain on an H100 (docs/benchmarks.md)


@dataclass(frozen=True, eq=False)
class Lanes:
    """What the trainings of a process share.

    Attributes:
        loading: held while images are read and put on a device.
    """

    loading: threading.RLock = field(default_factory=threading.RLock)
    _recording: threading.Lock = field(default_factory=threading.Lock)
    _taking: threading.Lock = field(default_factory=threading.Lock)
    _streams: dict[str, list[Any]] = field(default_factory=dict)
    _last: threading.local = field(default_factory=threading.local)  # the stream of each thread's last lane
    # torch has 32 streams of a priority on a device and gives them out in turn; with more lanes two would share one,
    # and what one does while the other records would be recorded.
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_LANES))

    @contextmanager
    def one(self, device: torch.device) -> Iterator[None]:
        """A lane: on a GPU all work inside is in order on a stream of its own, and done at the end. Where all streams
        are in use it waits for one.
        """
        if device.type != "cuda":
            yield
            return
        free = self._streams.setdefault(str(device), [])
        with self._room:
            stream = self._taken(free, device)
            try:
                with torch.cuda.stream(stream):
                    yield
            finally:
                with suppress(RuntimeError):  # the device is lost, which was said before
                    stream.synchronize()
                free.append(stream)

    def _taken(self, free: list[Any], device: torch.device) -> Any:
        """A stream for this thread, its last one where that is free: cuBLAS has memory for each pair of the two."""
        with self._taking:
            last = getattr(self._last, "stream", None)
            place = free.index(last) if last in free else -1
            stream = free.pop(place) if free else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._last.stream = stream
        return stream

    def empty_cache(self) -> None:
        """Give back memory that is not in use, of failed trainings first of all."""
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            with self._recording:
                gc.collect()
                torch.cuda.empty_cache()

    def are_lost(self, device: torch.device) -> bool:
        """Whether the device computes nothing any more: asked after an error, which may name another cause."""
        if device.type != "cuda":
            return False
        try:
            torch.cuda.default_stream(device).synchronize()
        except RuntimeError as error:
            return not is_out_of_memory(error)
        return False

    def recorder(self, device: torch.device) -> Recorder | None:
        """What records the steps of a lane; None where nothing does."""
        return CudaRecorder(self._recording) if device.type == "cuda" else None
