"""Work that is recorded once and replayed, without the work of Python and of launching each kernel.

No GPU has verified the CUDA part; the rest is tested on CPUs with a recorder that does the work again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import torch

Work = Callable[[], None]
_WARM_UP = 3  # calls before the recording: libraries choose their kernels, the optimiser makes its buffers


class Recorder(Protocol):
    """What records work on a device."""

    def warm_up(self, work: Work) -> None:
        """Do the work as it will be recorded."""

    def record(self, work: Work) -> Work:
        """Record the work without doing it; the result does it."""


class CudaRecorder:
    """Records CUDA graphs on the stream of who makes it, or on one of its own where that is the default stream, which
    cannot be recorded.

    Args:
        alone: held while something is recorded, where several threads do.
    """

    def __init__(self, alone: threading.Lock | None = None) -> None:
        now = torch.cuda.current_stream()
        self._stream = now if now != torch.cuda.default_stream() else torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._alone = alone or threading.Lock()

    def warm_up(self, work: Work) -> None:
        with self._on_stream():
            work()

    def record(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        # `torch.cuda.graph` would wait for the whole device and empty the cache of all threads.
        with self._alone, self._on_stream():
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                work()
            except BaseException:
                with suppress(RuntimeError):  # the recording is void, which the end of it says again
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph.replay

    @contextmanager
    def _on_stream(self) -> Iterator[None]:
        now = torch.cuda.current_stream()
        if now == self._stream:
            yield
            return
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            yield
        now.wait_stream(self._stream)


class Recorded:
    """Work whose first calls are done as they are, and whose later ones replay a recording.

    Every call does the work. Where recording fails, all calls go on as they are.

    Args:
        work: reads and changes tensors on the device, the same memory in every call; it waits for nothing.
        warm_up: calls before the recording.
    """

    def __init__(self, work: Work, recorder: Recorder, warm_up: int = _WARM_UP) -> None:
        self._work, self._recorder = work, recorder
        self._to_come = warm_up
        self._replay: Work | None = None

    def __call__(self) -> None:
        if self._to_come:
            self._to_come -= 1
            self._recorder.warm_up(self._work)
            return
        if self._replay is None:
            try:
                self._replay = self._recorder.record(self._work)
            except RuntimeError as error:
                logging.getLogger(__name__).warning("a step cannot be recorded, it runs as it is: %s", error)
                self._replay = self._work
        self._replay()
