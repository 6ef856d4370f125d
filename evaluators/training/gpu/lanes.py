"""Several trainings at a time on one GPU, in threads of one process: a stream of its own for each.

No GPU has verified this; what is not CUDA's is tested on CPUs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch

from regnas.evaluators.training.gpu.recording import CudaRecorder, Recorder

# torch has 32 streams of a priority on a device and gives them out in turn; with more lanes two would share one, and
# what one does while the other records would be recorded.
MOST_LANES = 32
USUAL_LANES = 8  # where nothing was measured: it was most of the gain on an H100 (docs/benchmarks.md)


@dataclass(frozen=True, eq=False)
class Lanes:
    """What the trainings of a process share.

    Attributes:
        loading: held while images are read and put on a device.
    """

    loading: threading.RLock = field(default_factory=threading.RLock)
    _recording: threading.Lock = field(default_factory=threading.Lock)
    _streams: dict[str, list[Any]] = field(default_factory=dict)
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
            try:
                stream = free.pop()
            except IndexError:
                stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            try:
                with torch.cuda.stream(stream):
                    yield
            finally:
                with suppress(RuntimeError):  # the device is lost, which was said before
                    stream.synchronize()
                free.append(stream)

    def empty_cache(self) -> None:
        """Give back memory that is not in use."""
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            with self._recording:
                torch.cuda.empty_cache()

    def recorder(self, device: torch.device) -> Recorder | None:
        """What records the steps of a lane; None where nothing does."""
        return CudaRecorder(self._recording) if device.type == "cuda" else None
