"""What scripts hear while a search runs: a line of JSON for all that happens (docs/scripts.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from regnas.candidate import Candidate
from regnas.evaluator import Result


class JsonLines:
    """A `Progress` that writes a line of JSON for every event, as it comes.

    Args:
        write: takes a line without its end.
        beside: what every event has beside it.
    """

    def __init__(self, write: Callable[[str], None], **beside: Any) -> None:
        self._write, self._beside = write, beside

    def of(self, **beside: Any) -> JsonLines:
        """The same, with this beside every event: which of several searches it is of."""
        return JsonLines(self._write, **{**self._beside, **beside})

    def tell(self, event: str, **values: Any) -> None:
        """Write an event; numbers that JSON does not have are null."""
        values = {**self._beside, **values}
        self._write(json.dumps({"event": event, **{name: _plain(value) for name, value in values.items()}}))

    def start(self, completed: int, budget: int, best: tuple[float, int] | None) -> None:
        self.tell("start", complete=completed, best=None if best is None else {"error": best[0], "candidate": best[1]})

    def began(self, index: int, candidate: Candidate) -> None:
        self.tell("began", candidate=index, costs=candidate.complexity)

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self.tell("epoch", candidate=index, epoch=epoch, error=error)

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        values = {"error": result.error, "seconds": result.seconds, "diverged": result.diverged}
        values |= {} if objective is None else {"objective": objective}
        self.tell("complete", candidate=index, **values, costs=candidate.complexity)

    def paused(self, index: int, candidate: Candidate, epochs: int, stopped: bool) -> None:
        self.tell("stopped" if stopped else "paused", candidate=index, epochs=epochs)

    def spent(self, epochs: int, limit: int | None) -> None: ...

    def timed(self, left: float) -> None:
        if math.isfinite(left):
            self.tell("time", left=round(left, 1))

    def failed(self, index: int, message: str) -> None:
        self.tell("failed", candidate=index, text=message)

    def say(self, message: str) -> None:
        if message:
            self.tell("says", text=message)

    def tick(self) -> None: ...
    def stop(self) -> None: ...


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, Mapping) else value
