"""Work that is recorded once and replayed, without the work of Python and of launching each kernel.

No GPU has verified the CUDA part; the rest is tested on CPUs with a recorder that does the work again.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Protocol

import torch

from regnas.evaluators.training.devices import BROKEN_RECORDING, is_lost, is_out_of_memory

Work = Callable[[], None]
_SCARCE = 0.25  # share of a device's memory below which what is kept of it is given back
_WARM_UP = 3  # calls before the recording: libraries choose their kernels, the optimiser makes its buffers
# Before, torch's generator of random numbers was in one state for all threads while one recorded, whether anything was
# drawn or not: replays of others raised, and a recording that failed left it so (pytorch/pytorch#176752).
_APART = (2, 13)  # version of torch from which recordings and replays of several threads do not see each other


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
        apart: whether other threads may replay meanwhile; None where torch's version says it.
    """

    def __init__(self, alone: threading.Lock | None = None, apart: bool | None = None) -> None:
        now = torch.cuda.current_stream()
        self._stream = now if now != torch.cuda.default_stream() else torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._alone = alone or threading.Lock()
        self._apart = _is_apart(torch.__version__) if apart is None else apart

    def warm_up(self, work: Work) -> None:
        with self._on_stream():
            work()

    def record(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        # `torch.cuda.graph` would wait for the whole device and empty the cache of all threads each time.
        with self._alone, _without_collector(), self._on_stream():
            free, total = torch.cuda.mem_get_info()
            if free < _SCARCE * total:  # a recording cannot use what is kept from work before
                torch.cuda.empty_cache()
            ended = False
            try:
                graph.capture_begin(capture_error_mode="thread_local")
                try:
                    work()
                except BaseException:
                    with suppress(RuntimeError):  # the recording is void, which the end of it says again
                        graph.capture_end()
                        ended = True
                    raise
                graph.capture_end()
            except BaseException as error:
                self._forget(graph, error, ended)
                raise
        return Replay(graph, nullcontext() if self._apart else self._alone)

    def _forget(self, graph: Any, error: BaseException, ended: bool) -> None:
        """Let go of a recording that failed, at once: whoever keeps the exception would keep its memory.

        Raises:
            RuntimeError: it did not end, and torch is not `_APART`: no other thread can replay any more.
        """
        with suppress(RuntimeError):
            graph.reset()
        if not (ended or self._apart or is_out_of_memory(error)) and isinstance(error, Exception):
            raise RuntimeError(f"{BROKEN_RECORDING}: {error}") from error

    @contextmanager
    def _on_stream(self) -> Iterator[None]:
        now = torch.cuda.current_stream()
        if now == self._stream:
            yield
            return
        self._stream.wait_stream(now)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:  # also of what failed: what follows frees and changes what was computed on
            now.wait_stream(self._stream)


class Replay:
    """A recorded graph; calling it does the work.

    Args:
        beside: entered by all that other threads' recordings must not see.
    """

    def __init__(self, graph: Any, beside: AbstractContextManager[Any]) -> None:
        self._graph, self._beside = graph, beside

    def __call__(self) -> None:
        with self._beside:
            self._graph.replay()

    def close(self) -> None:
        """Let go of the graph and of its memory, whoever else knows of it."""
        with self._beside:
            self._graph.reset()


class Remembering:
    """Records as another recorder does, and remembers why it could not.

    Attributes:
        failure: of the first recording that failed, one line; empty where none did.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.failure = ""

    def warm_up(self, work: Work) -> None:
        self._recorder.warm_up(work)

    def record(self, work: Work) -> Work:
        try:
            return self._recorder.record(work)
        except RuntimeError as error:
            if not _is_fatal(error):
                lines = str(error).strip().splitlines()
                self.failure = self.failure or (lines[0] if lines else type(error).__name__)
            raise


def _is_fatal(error: RuntimeError) -> bool:
    """Whether the work cannot be done as it is either."""
    return is_out_of_memory(error) or is_lost(error)


def _is_apart(version: str) -> bool:
    """Whether a version of torch, such as ``2.14.1+cu130``, can record in one thread and replay in others."""
    numbers = version.split("+")[0].split(".")[:2]
    return len(numbers) == 2 and all(map(str.isdecimal, numbers)) and tuple(map(int, numbers)) >= _APART


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's collector of cycles may free another recording, which voids the one that is made."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


class Recorded:
    """Work whose first calls are done as they are, and whose later ones replay a recording.

    Every call does the work. Where recording fails, all calls go on as they are, but for a lack of memory, which is
    raised. What is recorded has memory of its own until `close`.

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
                if _is_fatal(error):
                    raise
                # As text: a record that keeps the exception keeps the frames, and with them the network.
                logging.getLogger(__name__).warning("a step cannot be recorded, it runs as it is: %s", str(error))
                self._replay = partial(self._recorder.warm_up, self._work)
        self._replay()

    def close(self) -> None:
        """Let go of the recording and of the work: it is done no more."""
        if isinstance(self._replay, Replay):
            self._replay.close()
        self._replay = self._work = _closed


def _closed() -> None:
    raise RuntimeError("what was recorded is closed")
