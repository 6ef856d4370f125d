"""An evaluator that does what the network's parameters say, for the rules of executors: they copy this file into a
distribution of its own, which workers find by name.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import Cancelled, Context, OutOfMemory, Result, Task


class Scripted:
    """Runs ``epochs`` epochs and leaves a file; in the second, it raises where ``then`` is ``raise``, ends its process
    where it is ``die``, finds no memory beside others where it is ``crowd``, and where it is ``wait`` waits until it is
    cancelled. It goes on from where it was told to stop.
    """

    def lanes(self, device: str) -> int:
        return 4

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        start, script = time.perf_counter(), architecture.to_json()["point"]
        state = None if context.folder is None else context.folder / "epochs"
        done = int(state.read_text()) if state is not None and context.resumable and state.exists() else 0
        for epoch in range(done + 1, script["epochs"] + 1):
            if epoch == 2 and script["then"] == "raise":
                raise RuntimeError("told to raise\nand a second line")
            if epoch == 2 and script["then"] == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if epoch == 2 and script["then"] == "crowd" and context.shared:
                raise OutOfMemory("told to find no memory")
            while epoch == 2 and script["then"] == "wait":
                if context.cancelled():
                    raise Cancelled
                time.sleep(0.01)
            done = epoch
            if not context.report(epoch, error_after(epoch, seed)):
                break
        if state is not None:
            state.parent.mkdir(parents=True, exist_ok=True)
            state.write_text(str(done))
        errors = tuple(error_after(epoch, seed) for epoch in range(1, done + 1))
        return Result(
            error=errors[-1],
            seconds=time.perf_counter() - start,
            epochs=done,
            errors=errors,
            notes={"process": os.getpid()},
        )

    def test(self, architecture: Architecture, *, context: Context) -> float | None:
        """A hundredth of the epochs that the file in the folder counts."""
        return None if context.folder is None else int((context.folder / "epochs").read_text()) / 100


def error_after(epoch: int, seed: int) -> float:
    """The error after an epoch."""
    return 1 / (1 + epoch) + (seed % 100) / 1000


def make(task: Task, options: Mapping[str, Any]) -> Scripted:
    """The entry point; it has no options.

    Raises:
        UsageError: an option.
    """
    if options:
        raise UsageError(f"the evaluator scripted has no options, got {dict(options)}")
    return Scripted()
