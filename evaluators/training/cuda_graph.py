"""A training step that is recorded once and replayed, without the work of Python and of launching each kernel.

No GPU has verified the CUDA part; the rest is tested on CPUs with a recorder that calls the step again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], None]
_WARM_UP = 3  # steps before the recording: libraries choose their kernels, the optimiser makes its buffers


class Recorder(Protocol):
    """What records work on a device."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work as it will be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work without doing it; the result does it."""


class CudaRecorder:
    """Records a CUDA graph."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def warm_up(self, work: Callable[[], None]) -> None:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            work()
        torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            work()
        return graph.replay


class RecordedStep:
    """A step whose first calls run as they are, and whose later ones replay a recording on the same memory.

    Every call is a real step. Where recording fails, all go on as they are; so does a batch of another size.

    Args:
        step: reads its arguments and changes tensors in place; it waits for nothing.
        settle: called before the recording: what the step reads from Python must be in tensors by then.
    """

    _images: Tensor
    _labels: Tensor

    def __init__(self, step: Step, recorder: Recorder, settle: Callable[[], None]) -> None:
        self._step = step
        self._recorder = recorder
        self._settle = settle
        self._calls = 0
        self._images = self._labels = torch.empty(0)
        self._replay: Callable[[], None] | None = None
        self._failed = False

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        if self._failed or (self._calls and labels.shape != self._labels.shape):
            self._step(images, labels)
            return
        if self._calls == 0:
            self._images, self._labels = images.clone(memory_format=torch.preserve_format), labels.clone()
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._calls += 1
        if self._calls <= _WARM_UP:
            self._recorder.warm_up(self._work)
            return
        if self._replay is None:
            self._settle()
            try:
                self._replay = self._recorder.record(self._work)
            except RuntimeError as error:
                logging.getLogger(__name__).warning("the step cannot be recorded, it runs as it is: %s", error)
                self._failed = True
                self._step(images, labels)
                return
        self._replay()

    def _work(self) -> None:
        self._step(self._images, self._labels)
