"""The program that puts an outside optimiser behind lines of JSON: ``python serve.py ADAPTER OPTIONS``.

It runs where only the optimiser is installed: nothing of regnas is imported, and nothing but the standard library, on
Python 3.10 and later. An adapter is a file with ``PACKAGE`` (the distribution), ``PIN`` (what pip is told), ``LOSSY``
(what of a space it cannot tell the optimiser), ``OPTIONS`` (their defaults) and a class ``Optimiser`` (see `Adapter`).
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Point = dict[str, Any]
WORST = 1.0  # error that stands for a failure while none is known


class Parameter:
    """One parameter, as a plain range of numbers: a choice by the places of its values, a grid by those of its steps.

    ``kind`` is ``choice``, ``int`` or ``float``; ``low`` and ``high`` are inside; ``log`` says which scale is meant.
    """

    def __init__(self, said: dict[str, Any]) -> None:
        self.name: str = said["name"]
        self.kind: str = said["kind"]
        self.values: list[Any] = list(said.get("values", ()))
        self.low: float = said.get("low", 0)
        self.high: float = said.get("high", len(self.values) - 1)
        self.log: bool = bool(said.get("log"))
        self._whole = self.kind == "int"
        self._grid: tuple[float, float] | None = None
        step = said.get("step")
        if step is not None and (step != 1 or self.kind == "float"):
            self._grid = self.low, step
            self.kind, self.low, self.high = "int", 0, int((self.high - self.low) / step + 1e-9)

    def value(self, number: Any) -> Any:
        """The value that a number stands for, the nearest one inside."""
        number = min(max(float(number), self.low), self.high)
        if self.kind != "float":
            number = int(round(number))
        if self.kind == "choice":
            return self.values[int(number)]
        if self._grid is not None:
            number = self._grid[0] + number * self._grid[1]
        return int(round(number)) if self._whole else number

    def number(self, value: Any) -> Any:
        """The number that stands for a value."""
        if self.kind == "choice":
            return self.values.index(value)
        return value if self._grid is None else round((value - self._grid[0]) / self._grid[1])

    def at(self, unit: float) -> float:
        """The number at a place between 0 and 1, on the scale that is meant; whole numbers have equal shares of it."""
        low, high = self._ends()
        found = math.exp(low + unit * (high - low)) if self.log else low + unit * (high - low)
        found = min(max(found, self.low), self.high)
        return found if self.kind == "float" else int(round(found))

    def place(self, number: float) -> float:
        """The place of a number; the inverse of `at`."""
        low, high = self._ends()
        number = math.log(number) if self.log else number
        return 0.5 if high <= low else min(max((number - low) / (high - low), 0.0), 1.0)

    def _ends(self) -> tuple[float, float]:
        half = 0.0 if self.kind == "float" else 0.5 - 1e-9
        low, high = self.low - half, self.high + half
        return (math.log(low), math.log(high)) if self.log else (low, high)


class Problem:
    """What an optimiser is told before it starts.

    ``told`` holds what was evaluated before, of a search that goes on or of an optimiser that was started anew.
    """

    def __init__(self, said: dict[str, Any], options: dict[str, Any]) -> None:
        self.parameters = [Parameter(one) for one in said["parameters"]]
        self.conditions: dict[str, Any] = said["conditions"]
        self.seed: int = said["seed"]
        self.options = options
        self.told: list[tuple[Point, float]] = []

    def point(self, numbers: Any) -> Point:
        """The point of numbers, one a parameter."""
        return {law.name: law.value(number) for law, number in zip(self.parameters, numbers, strict=True)}

    def numbers(self, point: Point) -> list[Any]:
        """The numbers of a point."""
        return [law.number(point[law.name]) for law in self.parameters]

    def at(self, units: Any) -> Point:
        """The point at places between 0 and 1, one a parameter."""
        return self.point([law.at(float(unit)) for law, unit in zip(self.parameters, units, strict=True)])

    def places(self, point: Point) -> list[float]:
        """The places of a point."""
        return [law.place(number) for law, number in zip(self.parameters, self.numbers(point), strict=True)]


class Adapter:
    """What an adapter's class ``Optimiser`` does; errors are lower the better."""

    def __init__(self, problem: Problem) -> None:
        """Make the optimiser, and tell it what ``problem.told`` holds, where it can be told."""

    def ask(self) -> tuple[Any, Point]:
        """A proposal, behind what the optimiser knows it by."""
        raise NotImplementedError

    def tell(self, known_by: Any, error: float) -> None:
        """The error of a proposal; told once of each."""

    def see(self, point: Point, error: float) -> None:
        """The error of a point that was evaluated without being proposed; one that cannot be told so ignores it."""


class Server:
    """Answers lines.

    A proposal that was evaluated before is told its error on record; one outside the window, and one whose evaluation
    failed, the worst error known. What was evaluated in its place is shown, where the optimiser can be shown.
    """

    def __init__(self, adapter: Any, options: dict[str, Any]) -> None:
        self._make = adapter.Optimiser
        self._options = {**adapter.OPTIONS, **options}
        self._problem: Problem | None = None
        self._optimiser: Any = None
        self._open: dict[int, Any] = {}  # by trial, what its proposal is known by
        self._worst: float | None = None
        self._trouble: str | None = None
        self._clock = time.process_time()

    def hear(self, said: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a line, if there is one.

        An exception of the optimiser is the answer to the ask in which it came up, or to the next one.
        """
        asked = said["event"] == "ask"
        try:
            if not (asked and self._trouble):
                return self._heed(said)
        except Exception as error:
            self._trouble = "{}: {}".format(type(error).__name__, " ".join(str(error).split())[:200])
        return self._answer(None) if asked else None

    def _heed(self, said: dict[str, Any]) -> dict[str, Any] | None:
        event = said["event"]
        if event == "start":
            random.seed(said["seed"])
            self._problem = Problem(said, self._options)
        elif event == "refused":
            self._settle(said["trial"], said["error"])
        elif event == "tell":
            self._told(said)
        elif event == "ask":
            if self._optimiser is None:
                self._optimiser = self._make(self._problem)
            self._open[said["trial"]], point = self._optimiser.ask()
            return self._answer(json.loads(json.dumps(point, default=_plain)))
        return None

    def _told(self, said: dict[str, Any]) -> None:
        trial, point, error = said["trial"], said["params"], said["error"]
        if error is not None:
            self._worst = error if self._worst is None else max(error, self._worst)
        if said["origin"] == "own" and trial in self._open:
            self._settle(trial, error)
            return
        self._settle(trial, None)
        if error is not None and self._optimiser is not None:
            self._optimiser.see(point, error)
        elif error is not None and self._problem is not None:
            self._problem.told.append((point, error))

    def _settle(self, trial: int, error: float | None) -> None:
        """Tell what became of a proposal; without an error, the worst one known."""
        if trial in self._open:
            worst = WORST if self._worst is None else self._worst
            self._optimiser.tell(self._open.pop(trial), worst if error is None else error)

    def _answer(self, point: Point | None) -> dict[str, Any]:
        now = time.process_time()
        spent, self._clock = now - self._clock, now
        if point is None:
            trouble, self._trouble = self._trouble, None
            return {"error": trouble, "seconds": spent}
        return {"params": point, "seconds": spent}


def load(path: str) -> Any:
    """The adapter in a file, which may have the name of the package that it imports.

    Raises:
        ImportError: it is no Python file.
    """
    spec = importlib.util.spec_from_file_location("the_adapter", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def facts(adapter: Any) -> dict[str, Any]:
    """What an adapter says of itself, and which version of its package is here."""
    try:
        found: str | None = version(adapter.PACKAGE) if adapter.PACKAGE else ""
    except PackageNotFoundError:
        found = None
    named = {name.lower(): getattr(adapter, name) for name in ("PACKAGE", "PIN", "LOSSY", "OPTIONS")}
    return {**named, "version": found, "python": ".".join(map(str, sys.version_info[:3]))}


def main(words: list[str]) -> None:
    """Serve until standard input ends; ``--facts`` in place of options only says what the adapter is."""
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [one for one in sys.path if os.path.realpath(one or ".") != here]
    answers = os.fdopen(os.dup(1), "w", 1, encoding="utf-8")
    os.dup2(2, 1)  # what an optimiser prints is no answer
    adapter = load(words[0])
    if words[1] == "--facts":
        print(json.dumps(facts(adapter)), file=answers, flush=True)
        return
    server = Server(adapter, json.loads(words[1]))
    for line in sys.stdin:
        answer = server.hear(json.loads(line))
        if answer is not None:
            try:
                print(json.dumps(answer), file=answers, flush=True)
            except BrokenPipeError:  # whoever asked has gone, or waits no more
                os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())
                return


def _plain(value: Any) -> Any:
    """NumPy's numbers, as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no number, word or truth")


if __name__ == "__main__":
    main(sys.argv[1:])
