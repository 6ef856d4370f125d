"""What a user sees while a search runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from regnas.candidate import Candidate
from regnas.describe import summary
from regnas.evaluator import Result
from regnas.studies.reporting import costs
from regnas.studies.run.clock import UNLIMITED
from regnas.system.text import counted, printable


class Progress(Protocol):
    """Hears of everything the driver does."""

    def start(self, completed: int, budget: int, best: tuple[float, int] | None) -> None:
        """The search goes on from ``completed`` evaluations, the best of which has this error, or objective, and
        index.
        """

    def began(self, index: int, candidate: Candidate) -> None:
        """A candidate was given to a worker."""

    def epoch(self, index: int, epoch: int, error: float) -> None:
        """A candidate finished an epoch."""

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        """A candidate is complete, with this objective where it is not the error that is minimised."""

    def paused(self, index: int, candidate: Candidate, epochs: int, stopped: bool) -> None:
        """A candidate was paused after so many epochs, or stopped for good."""

    def spent(self, epochs: int, limit: int | None) -> None:
        """So many epochs of all candidates are trained, of ``limit`` if there is one."""

    def timed(self, left: float) -> None:
        """So many seconds are left; infinity where nothing limits them."""

    def failed(self, index: int, message: str) -> None:
        """A candidate failed; it is tried again or given up."""

    def say(self, message: str) -> None:
        """Something the user should know."""

    def tick(self) -> None:
        """Time went by."""

    def stop(self) -> None:
        """The search is over."""


class Silent:
    """No display."""

    def start(self, completed: int, budget: int, best: tuple[float, int] | None) -> None: ...
    def began(self, index: int, candidate: Candidate) -> None: ...
    def epoch(self, index: int, epoch: int, error: float) -> None: ...
    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None: ...
    def paused(self, index: int, candidate: Candidate, epochs: int, stopped: bool) -> None: ...
    def spent(self, epochs: int, limit: int | None) -> None: ...
    def timed(self, left: float) -> None: ...
    def failed(self, index: int, message: str) -> None: ...
    def say(self, message: str) -> None: ...
    def tick(self) -> None: ...
    def stop(self) -> None: ...


class Lines:
    """A line for every finished candidate; on a terminal also a live panel of what is running."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._running: dict[int, str] = {}
        self._done = self._budget = self._first = 0
        self._best: tuple[float, int] | None = None
        self._shown = ""  # the best, in words, where it was found since the start
        self._errors: dict[int, float] = {}
        self._epochs = 0
        self._limit: int | None = None
        self._ends = math.inf  # on the monotonic clock
        self._whole = 0.0  # seconds that were left when the time was first heard of
        self._early = 0  # candidates that were paused or stopped
        self._began = time.monotonic()

    def start(self, completed: int, budget: int, best: tuple[float, int] | None) -> None:
        self._done = self._first = completed
        self._best = best
        self._budget = budget
        self._began = time.monotonic()
        if completed:
            self.say(f"resuming: {self._counted()} are done")
        if self._console.is_terminal:
            self._live = Live(self._panel(), console=self._console, refresh_per_second=4, transient=True)
            self._live.start()

    def began(self, index: int, candidate: Candidate) -> None:
        parts = (summary(candidate.architecture).line, costs.line(candidate.complexity))
        self._running[index] = printable(", ".join(filter(None, parts)))

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self._errors[index] = error
        if index in self._running:
            described = self._running[index].split("  epoch")[0]
            self._running[index] = f"{described}  epoch {epoch}: {error:.2%}"

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        self._running.pop(index, None)
        self._done += 1
        value = result.error if objective is None else objective
        new = not result.diverged and (self._best is None or (value, index) < self._best)
        if new:
            self._best = (value, index)
            self._shown = " ".join(shown(result).split()) if "scored" in result.notes else f"{value:.2%}"
        sought = "" if objective is None else f"  objective {objective:>6.2%}"
        budget = f"/{self._budget}" if self._counts else ""
        left = self._ends - time.monotonic()  # a terminal has it in its panel
        end = "  <- best" if new else ""
        end += f"  {duration(max(0.0, left))} left" if self._live is None and math.isfinite(left) else ""
        self._console.print(
            f"{self._done:>4}{budget}  {told(index, candidate, result, sought)}{end}",
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def paused(self, index: int, candidate: Candidate, epochs: int, stopped: bool) -> None:
        self._running.pop(index, None)
        self._early += 1
        error = f"error {self._errors[index]:>6.2%}" if index in self._errors else "error     ..."
        self._console.print(
            f"           candidate {index:<4} {error}  {'stopped' if stopped else 'paused'} after epoch {epochs}  "
            f"{costs.line(candidate.complexity)}  {self._counted_epochs()}",
            highlight=False,
            soft_wrap=True,
        )

    def spent(self, epochs: int, limit: int | None) -> None:
        self._epochs, self._limit = epochs, limit

    def timed(self, left: float) -> None:
        self._ends = time.monotonic() + left
        self._whole = max(self._whole, left if math.isfinite(left) else 0.0)

    @property
    def _counts(self) -> bool:
        """Whether a number of candidates is the budget, not epochs or time."""
        return self._limit is None and self._budget < UNLIMITED

    def _counted(self) -> str:
        """Evaluations, or epochs where these are the budget."""
        if self._limit is not None:
            return self._counted_epochs()
        return f"{self._done} of {self._budget} evaluations" if self._counts else f"{self._done} evaluations"

    def _counted_epochs(self) -> str:
        return counted(self._epochs, "epoch") if self._limit is None else f"{self._epochs} of {self._limit} epochs"

    def failed(self, index: int, message: str) -> None:
        self._running.pop(index, None)
        self.say(message)

    def say(self, message: str) -> None:
        self._console.print(printable(message), highlight=False, markup=False, soft_wrap=True)

    def tick(self) -> None:
        if self._live is not None:
            self._live.update(self._panel())

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _panel(self) -> Any:
        rows = Table.grid(padding=(0, 1))
        total, done = (self._budget, float(self._done)) if self._budget < UNLIMITED else (None, 0.0)
        if total is None and self._whole:  # the time is the budget
            total, done = math.ceil(self._whole), self._whole - max(0.0, self._ends - time.monotonic())
        rows.add_row(ProgressBar(total=total, completed=done, width=30, pulse=total is None), Text(self._summary()))
        running = [Text(f"  {index}: {text}", style="dim", no_wrap=True) for index, text in self._running.items()]
        return Group(rows, *running)

    def _summary(self) -> str:
        parts = [f"{self._done} of {self._budget}" if self._counts else f"{self._done} evaluations"]
        if self._early or self._limit is not None:
            parts.append(self._counted_epochs())
        if self._best is not None:
            parts.append(f"best {self._shown or f'{self._best[0]:.2%}'} (candidate {self._best[1]})")
        finished = self._done - self._first
        left = self._ends - time.monotonic()
        foreseen = finished and not self._early  # how many of a pruner's candidates will be whole is not known
        if foreseen and self._counts:
            left = min(left, (time.monotonic() - self._began) / finished * (self._budget - self._done))
        if math.isfinite(left):
            parts.append(f"about {duration(max(0.0, left))} left")
        return ", ".join(parts)


def told(index: int, candidate: Candidate, result: Result, sought: str = "") -> str:
    """What a line says of a network that is finished.

    Args:
        sought: what is said of its objective.
    """
    return (
        f"candidate {index:<4} {shown(result)}{sought}{'  diverged' if result.diverged else ''}  "
        f"{costs.line(candidate.complexity)}  {result.seconds:.1f} s  {printable(summary(candidate.architecture).line)}"
    )


def shown(result: Result) -> str:
    """The error of a result, or the score that its error is only made of."""
    name = result.notes.get("scored")
    if isinstance(name, str) and name in result.metrics:
        return f"{name} {result.metrics[name]:>10.6g}"
    return f"error {result.error:>6.2%}"


def duration(seconds: float) -> str:
    """``50 s``, ``4 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
