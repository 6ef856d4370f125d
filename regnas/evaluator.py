"""The contract of evaluators: how good is this architecture?

An evaluator is specified by a name and JSON options and rebuilt in every worker: it is never pickled, and it never
sees an Optuna trial.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regnas.architecture import Architecture
from regnas.errors import PluginBroken
from regnas.metric import ERROR, Metric, check_values
from regnas.plugins import registry, spec

if TYPE_CHECKING:
    from regnas.images import Images
    from regnas.tables.table import Table

MOST_LANES = 32  # candidates at a time in one process, see `SupportsLanes`
REMARK = "remark"  # among the notes of a result
EXTRAPOLATED = "extrapolated"  # there, too: of a network unlike all that a predicted error was learned from
DEFAULT = "train"  # what evaluates where nothing is said


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every evaluator of a study is told.

    Attributes:
        data: spec of the data set, such as ``cifar10`` or ``imagefolder:PATH``.
        data_root: where downloaded data sets lie, or None for their own default.
        cache: a folder for decoded images, or None.
        resolution: pixels of a side.
        epochs: passes over the training images, or None for the data set's own number.
    """

    data: str
    data_root: str | None = None
    cache: str | None = None
    resolution: int | None = None
    epochs: int | None = None
    download: bool = False


@dataclass(frozen=True, kw_only=True)
class Context:
    """Where one evaluation runs.

    Attributes:
        device: a torch device, such as ``cpu`` or ``cuda:0``.
        threads: CPU threads it may use.
        folder: where it may leave files, such as weights; None if nothing is kept.
        report: called after every epoch with its number from 1 and the validation error; False means stop.
        resumable: a stopped evaluation may be asked for again, with the same architecture, seed and folder. An
            evaluator that can leaves its state in ``folder`` when it is told to stop, goes on from it, and removes it
            at its end; its result is then the one of an evaluation without a stop, with all ``errors``, and it
            reports no epoch again. One that cannot starts from the beginning: all the same, only slower.
        shared: other candidates are evaluated in this process at the same time, see `SupportsLanes`.
        cancelled: whether the evaluation is to end at once and leave nothing, by raising `Cancelled`; an evaluator with
            lanes asks after every step of its optimiser.
        fitted: folder of what the evaluator itself trained before all candidates (`regnas.fit.SupportsFit`); None
            where it trains nothing.
    """

    device: str = "cpu"
    threads: int = 1
    folder: Path | None = None
    report: Callable[[int, float], bool] = field(default=lambda epoch, error: True)
    resumable: bool = False
    shared: bool = False
    cancelled: Callable[[], bool] = field(default=lambda: False)
    fitted: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one evaluation.

    Attributes:
        error: validation top-1 error of the last epoch, a fraction in [0, 1].
        seconds: wall clock, building included.
        epochs: epochs that were run.
        errors: validation error after each epoch.
        diverged: the loss stopped being finite; ``error`` is then 1 - 1 / classes.
        notes: numbers and words worth keeping, JSON values. ``remark`` is a sentence about this candidate that a user
            should hear: the search says it, and its trial and report keep it.
        metrics: values beside the error by the names that the evaluator declares (`SupportsMetrics`); what is not
            known is left out.

    Raises:
        ValueError: an error, seconds, epochs or a metric that is no such number, or notes that are no JSON.
    """

    error: float
    seconds: float
    epochs: int = 0
    errors: tuple[float, ...] = ()
    diverged: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", check_error(self.error))
        object.__setattr__(self, "errors", tuple(map(check_error, self.errors)))
        if not (_number(self.seconds) and math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds of a result are a finite number, at least 0, got {self.seconds!r}")
        if not (_number(self.epochs) and self.epochs == int(self.epochs) >= 0):
            raise ValueError(f"epochs of a result are a whole number, at least 0, got {self.epochs!r}")
        if self.errors and self.epochs and len(self.errors) != self.epochs:
            raise ValueError(f"errors of a result are one for each epoch, got {len(self.errors)} of {self.epochs}")
        for name, value in self.metrics.items():
            Metric(name).check(value)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; without metrics as releases wrote them that knew none."""
        further = {"metrics": {name: float(value) for name, value in self.metrics.items()}} if self.metrics else {}
        return {
            "error": self.error,
            "seconds": float(self.seconds),
            "epochs": int(self.epochs),
            "errors": list(self.errors),
            "diverged": bool(self.diverged),
            "notes": dict(self.notes),
            **further,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        """Read `to_json`'s form."""
        return cls(**{**value, "errors": tuple(value.get("errors", ()))})


def _number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def check_error(value: Any) -> float:
    """An error, as a plain number.

    Raises:
        ValueError: no fraction in [0, 1].
    """
    if not (_number(value) and 0 <= value <= 1):
        raise ValueError(f"error is a fraction in [0, 1], got {value!r}; divide a percentage by 100")
    return float(value)


def rank(error: float, index: int, diverged: object = False) -> tuple[bool, float, int]:
    """What results are ordered by, the best first: a training that diverged comes after all that did not, whatever
    errors these have; equal ones in the order of the index.
    """
    return (bool(diverged), error, index)


class OutOfMemory(RuntimeError):
    """An evaluation did not fit into memory: at half the batch neither, or beside others (`Context.shared`), of which
    nothing follows for one that is alone.
    """


class Cancelled(RuntimeError):
    """An evaluation ended because `Context.cancelled` said so."""


class DeviceLost(RuntimeError):
    """A device computes nothing any more in this process: the process has to be started again."""


class Evaluator(Protocol):
    """Evaluates one architecture. Equal architecture, seed and context give an equal error."""

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        """Evaluate; what it raises is a failure of this candidate, not of the study."""


@runtime_checkable
class SupportsTest(Protocol):
    """An evaluator that can also score the winner's kept weights on images the search never saw."""

    def test(self, architecture: Architecture, *, context: Context) -> float | None:
        """Top-1 error on the test images of the weights in ``context.folder``; None where there are none."""


@runtime_checkable
class SupportsPrepare(Protocol):
    """An evaluator that can check its data before the first candidate."""

    def prepare(self) -> Mapping[str, Any]:
        """Facts about the evaluation, JSON values.

        ``recipe`` becomes part of the study's identity, and all is kept beside trained weights (class names,
        resolution, normalisation), but ``steps``, ``images``, the number of each part, and ``remarks``, sentences that
        a user should hear before the first candidate. ``epochs`` of a whole evaluation, in ``recipe`` or beside it, is
        what pruners and a budget of epochs need; ``steps`` of its optimiser say when trainings can be compared at
        first. ``scored`` names the metric of an evaluator that trains nothing and whose error is a function of that
        metric alone: the metric is shown in its place, and no baselines are trained. Nor are they where ``baselines``
        is false: its errors are of networks of the space alone.

        Raises:
            DataError: the data set is missing, incomplete or damaged.
        """


@runtime_checkable
class SupportsEarlier(Protocol):
    """An evaluator whose usual way is another one than that of earlier releases, whose studies it can go on with."""

    def as_begun(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        """Further options with which it evaluates as a study of this recipe began; none where it does already."""


@runtime_checkable
class SupportsOwnImages(Protocol):
    """An evaluator that needs no data set, such as a table of recorded trainings: none is loaded for its studies."""

    @property
    def images(self) -> Images:
        """What the networks are made for."""


@runtime_checkable
class SupportsMetrics(Protocol):
    """An evaluator whose results hold more than the error."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """What its results may hold beside the error, each under a name of its own."""


@runtime_checkable
class SupportsTable(Protocol):
    """An evaluator that looks trainings up in a table: a search can be replayed, and a benchmark simulated."""

    @property
    def table(self) -> Table:
        """The recorded trainings."""

    @property
    def surrogate(self) -> bool:
        """Whether a network that is not in the table has a predicted error; else it has none."""


@runtime_checkable
class SupportsSeedNoise(Protocol):
    """An evaluator that knows by how much its errors differ between trainings of one network."""

    @property
    def seed_sd(self) -> float | None:
        """Standard deviation of the error between seeds, a fraction; None where it was not measured as it trains."""


@runtime_checkable
class SupportsSharing(Protocol):
    """An evaluator that knows how many candidates should share one GPU."""

    def per_device(self, device: str) -> int:
        """Candidates at a time on this device, at least 1, from its memory and a short calibration."""


@runtime_checkable
class SupportsLanes(Protocol):
    """An evaluator that several threads of one process may call at once, a lane each, and that gives the results that
    it gives one call at a time. It is then told of `Context.shared` and heeds `Context.cancelled`.
    """

    def lanes(self, device: str) -> int:
        """Lanes of a process on this device where nothing else is said; 1 where further ones gain nothing."""


def metrics_of(evaluator: Evaluator) -> tuple[Metric, ...]:
    """What the results of an evaluator hold: the error first, the objective."""
    return (ERROR, *(evaluator.metrics if isinstance(evaluator, SupportsMetrics) else ()))


def check_result(evaluator: Evaluator, result: Result) -> None:
    """Whether a result holds what its evaluator declares.

    Raises:
        PluginBroken: it is no result, or its notes are no JSON.
        UsageError: a metric that it does not declare, or a value that the metric cannot have.
    """
    if not isinstance(result, Result):
        raise PluginBroken(f"the evaluator {named(evaluator)} returns a Result, it returned {_shown(result)}")
    try:
        json.dumps(result.notes, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PluginBroken(
            f"notes of a result of the evaluator {named(evaluator)} are JSON values ({error}); make plain numbers and "
            f"words of them"
        ) from error
    check_values(metrics_of(evaluator)[1:], result.metrics)


def check_facts(evaluator: Evaluator, facts: Any) -> dict[str, Any]:
    """What an evaluator says of itself before the first candidate (`SupportsPrepare`), as plain JSON values.

    Raises:
        PluginBroken: it is no mapping of JSON values, its recipe is none, or its epochs are no number of them.
    """
    where = f"prepare of the evaluator {named(evaluator)}"
    try:
        found = json.loads(json.dumps(facts, allow_nan=False))
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise PluginBroken(f"{where} returns a mapping of JSON values, it returned {_shown(facts)}")
    recipe = found.get("recipe", {})
    if not isinstance(recipe, dict):
        raise PluginBroken(f"the recipe of {where} is a mapping, it is {_shown(recipe)}")
    for epochs in (found.get("epochs"), recipe.get("epochs")):
        if epochs is not None and not (_number(epochs) and epochs == int(epochs) >= 1):
            raise PluginBroken(f"the epochs of {where} are a whole number from 1, they are {_shown(epochs)}")
    steps = found.get("steps")
    if steps is not None and not (_number(steps) and steps == int(steps) >= 1):
        raise PluginBroken(f"the steps of {where} are a whole number from 1, they are {_shown(steps)}")
    return found


def _shown(value: object) -> str:
    return repr(value)[:80]


def named(evaluator: object) -> str:
    """Where the code of an evaluator lies."""
    kind = type(evaluator)
    return f"{kind.__module__}.{kind.__qualname__}"


class MakeEvaluator(Protocol):
    """What an entry point of ``regnas.evaluators`` names."""

    def __call__(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        """A new evaluator; raises `UsageError` for options it does not have.

        ``options`` hold the options of the spec, and under ``argument`` what follows a colon in it, if anything does.
        """


def make_evaluator(text: str, task: Task) -> Evaluator:
    """The evaluator of a spec such as ``train[learning_rate=0.05]``.

    Raises:
        UsageError: malformed, or an option it does not have.
        PluginBroken: it raised, or is nothing that evaluates.
    """
    name, argument, options = spec.parse(text, "evaluator")
    given = {**spec.json_options(options), **({"argument": argument} if argument else {})}
    made: Evaluator = registry.make("evaluator", name, task, given)
    if not callable(made):
        raise PluginBroken(f"the evaluator plug-in {name!r} makes what can be called with a network, it made {made!r}")
    return made
