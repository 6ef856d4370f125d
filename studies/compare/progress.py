"""What a user sees while a comparison trains: a line per batch of a space, a live line on a terminal."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from regnas.candidate import Candidate
from regnas.evaluator import Result
from regnas.studies.populations.population import Population
from regnas.studies.run.progress import Progress, Silent, duration, told
from regnas.system.text import printable

_WORTH_A_LINE = 1.0  # seconds of a training


class ComparisonProgress(Progress, Protocol):
    """Hears of batches, too."""

    def plan(self, trainings: int) -> None:
        """So many trainings are missing."""

    def dropped(self, trainings: int) -> None:
        """So many trainings are not needed: their space is decided."""

    def turn(self, space: str) -> None:
        """Networks of this space, a spec, are trained next."""

    def batch(self, population: Population, budget: int) -> None:
        """A space has got further."""


class SilentBatches(Silent):
    """No display."""

    def plan(self, trainings: int) -> None: ...
    def dropped(self, trainings: int) -> None: ...
    def turn(self, space: str) -> None: ...
    def batch(self, population: Population, budget: int) -> None: ...


class BatchLines(Silent):
    """A line for every batch; on a terminal also one that counts trainings, and elsewhere one for every network that
    took a second or more: those of a table, in milliseconds, would bury the rest.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._missing = self._done = 0
        self._space = ""
        self._began = time.monotonic()

    def plan(self, trainings: int) -> None:
        self._missing, self._began = trainings, time.monotonic()

    def dropped(self, trainings: int) -> None:
        self._missing = max(self._done, self._missing - trainings)

    def turn(self, space: str) -> None:
        self._space = space

    def start(self, completed: int, budget: int, best: tuple[float, int] | None) -> None:
        if self._console.is_terminal and self._live is None:
            self._live = Live(self._line(), console=self._console, refresh_per_second=2, transient=True)
            self._live.start()

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        self._done += 1
        if not self._console.is_terminal and result.seconds >= _WORTH_A_LINE:
            self.say(f"{self._done:>4}/{self._missing}  {self._space}  {told(index, candidate, result)}")

    def failed(self, index: int, message: str) -> None:
        self.say(message)

    def say(self, message: str) -> None:
        self._console.print(printable(message), highlight=False, markup=False, soft_wrap=True)

    def tick(self) -> None:
        if self._live is not None:
            self._live.update(self._line())

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def batch(self, population: Population, budget: int) -> None:
        errors = population.error
        left = f", {self._left()}" if self._done < self._missing else ""
        self.say(
            f"{population.name:<24} {len(population):>4}/{budget}  min {errors.min():.2%}  mean {errors.mean():.2%}"
            f"{left}"
        )

    def _left(self) -> str:
        missing = self._missing - self._done
        if not self._done:
            return f"{missing} trainings to go in all"
        seconds = (time.monotonic() - self._began) / self._done * missing
        noun = "training" if missing == 1 else "trainings"
        return f"{missing} {noun} to go in all, about {duration(seconds)}"

    def _line(self) -> Text:
        return Text(f"{self._done} of {self._missing} trainings, {self._left()}", style="dim")
