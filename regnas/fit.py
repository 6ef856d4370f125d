"""The contract of what trains something that all candidates of a study share, before any of them is evaluated.

A fit is a job of the study: a worker does it once, in the folder ``fit`` of the study, and goes on from a snapshot
after every epoch where it was stopped or killed. What it leaves is read by whoever needs it: the driver, for a strategy
that proposes by it, and every worker, for an evaluator that evaluates with it (`regnas.evaluator.Context.fit`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regnas.errors import PluginBroken, StudyError
from regnas.system.files import append_json, replacing, write_text
from regnas.system.reading import open_file

if TYPE_CHECKING:
    import torch

    from regnas.design_space import Space

FOLDER = "fit"  # in a study's folder
RESULT = "result.json"
EPOCHS = "epochs.jsonl"  # what was told after each epoch
SNAPSHOT = "snapshot.pt"
ERROR = "error"  # of the facts of an epoch: a fraction, on images that no weight was trained on
SCHEMA = 1


class FitImages(Protocol):
    """The training images of a study, on the device. Validation and test images are none of them."""

    @property
    def classes(self) -> int:
        """Outputs of a network."""

    @property
    def labels(self) -> torch.Tensor:
        """``(n,)`` int64, on the CPU."""

    def batch(self, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Images ``(n, 3, height, width)``, cropped and mirrored as those of candidates are, with labels ``(n,)``.

        Args:
            rows: ``(n,)`` int64, on the CPU.
            generator: on the CPU, of which ``3 n`` uniform numbers are drawn.
        """

    def plain(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images ``(n, 3, height, width)`` as they are, with labels ``(n,)``; ``rows`` as of `batch`."""


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """Where a fit runs.

    Attributes:
        folder: of its snapshot and of what it leaves.
        identity: plain values that say which fit this is: space, images, data, seed, settings.
        report: called after every epoch with its number from 1 and what is to be told of it, JSON values with an
            `ERROR` among them; False means: leave a snapshot and stop.
        seconds: after which it ends with what it has, at the end of an epoch; None for as long as it takes.
        space: whose candidates it is for, inside its window but for what has to be measured; None where nobody says.
    """

    folder: Path
    images: FitImages
    device: str = "cpu"
    seed: int = 0
    identity: Mapping[str, Any] = field(default_factory=dict)
    report: Callable[[int, Mapping[str, Any]], bool] = field(default=lambda epoch, facts: True)
    seconds: float | None = None
    space: Space | None = None


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fit that is over.

    Attributes:
        facts: what was found, JSON values.
        epochs: that were run.
        seconds: of all its parts, where it was stopped on the way.
        ended: why it ended before its last epoch, in words; empty where it did not.
    """

    facts: Mapping[str, Any]
    epochs: int
    seconds: float
    ended: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"facts": dict(self.facts), "epochs": self.epochs, "seconds": self.seconds, "ended": self.ended}


@runtime_checkable
class SupportsFit(Protocol):
    """A strategy's sampler, or an evaluator, that trains something before candidates are evaluated."""

    @property
    def fit_settings(self) -> Mapping[str, Any]:
        """Plain JSON values: with the space, the images and the seed, what makes a fit the fit it is."""

    def check_fit(self, images: int) -> None:
        """Whether so many training images will do, asked before anything is trained.

        Raises:
            UsageError: they will not.
        """

    def fit(self, context: FitContext) -> Fitted | None:
        """Do it, from the snapshot in the folder where there is one; None where it was told to stop.

        A fit that went on gives what one without a stop gives. `run` does all of this for what trains by epochs.

        Raises:
            StudyError: the snapshot is of another fit, or what was trained is no number any more.
        """

    def take_fit(self, found: Fitted, folder: Path) -> None:
        """Hear what a fit found, and read what it left in the folder: in the driver, before the first candidate."""


@runtime_checkable
class SupportsSpaceCheck(Protocol):
    """An evaluator that fits, and not for every space: nothing else tells one of the space before its fit."""

    def check_space(self, space: Space) -> None:
        """Whether it can fit for the networks of this space and its window, asked before anything is trained.

        Raises:
            UsageError: it cannot.
        """


@runtime_checkable
class SupportsMirroring(Protocol):
    """An evaluator that says what it does to training images: what is fitted before sees them likewise."""

    @property
    def mirrors(self) -> bool:
        """Whether half of the training images are mirrored, left for right."""


class EpochTraining(Protocol):
    """What `run` trains."""

    @property
    def epochs(self) -> int:
        """In all."""

    def run_epoch(self) -> Mapping[str, Any]:
        """Train one more epoch; returns what is to be told of it, JSON values with an `ERROR` among them.

        Raises:
            StudyError: what is trained is no number any more.
        """

    def state(self) -> dict[str, Any]:
        """All that resuming needs, generators included: tensors and plain values."""

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""

    def ended(self, told: Sequence[Mapping[str, Any]]) -> str:
        """Why it ends now, from what was told of every epoch; empty where it goes on."""

    def leave(self, folder: Path) -> Mapping[str, Any]:
        """At the end: write what is needed of it later, and return what was found, JSON values."""


def run(training: EpochTraining, context: FitContext) -> Fitted | None:
    """Train by epochs: a snapshot and a line of `EPOCHS` after each, from the snapshot that is there; None where it was
    told to stop.

    Raises:
        StudyError: the snapshot is of another fit.
    """
    began, told, before = time.perf_counter(), list[Mapping[str, Any]](), 0.0
    if (past := _resumed(context)) is not None:
        training.load(past["state"])
        told, before = past["told"], past["seconds"]
    _write_told(context.folder, told)
    ended = training.ended(told) if told else ""
    while not ended and len(told) < training.epochs:
        epoch = len(told) + 1
        facts = _checked({"epoch": epoch, **training.run_epoch()})
        told.append(facts)
        seconds = time.perf_counter() - began
        _keep(context, training, told, before + seconds)
        append_json(context.folder / EPOCHS, facts)
        going = context.report(epoch, facts)
        ended = training.ended(told)
        if not ended and epoch < training.epochs:
            if not going:
                return None
            if context.seconds is not None and seconds >= context.seconds:
                ended = f"its time of {context.seconds:.0f} s was over"
    left = training.leave(context.folder)
    return Fitted(facts=left, epochs=len(told), seconds=before + time.perf_counter() - began, ended=ended)


def forget_snapshot(folder: Path) -> None:
    """The result is there: what it was made from is needed no more."""
    (folder / SNAPSHOT).unlink(missing_ok=True)


def differing(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """What two identities differ in, in words; empty where they are the same."""
    names = [name for name in {**wanted, **stored} if stored.get(name) != wanted.get(name)]
    return "; ".join(f"{name}: stored {_short(stored.get(name))}, asked {_short(wanted.get(name))}" for name in names)


def refuse_other(stored: Mapping[str, Any], wanted: Mapping[str, Any], where: Path) -> None:
    """Whether what lies in a folder is of this very fit.

    Raises:
        StudyError: it is of another one; names every difference.
    """
    if different := differing(stored, wanted):
        raise StudyError(
            f"{where} is of another fit ({different}); move its folder away, or give this study another name with "
            f"--study NAME"
        )


def _resumed(context: FitContext) -> dict[str, Any] | None:
    """The snapshot of this very fit; None where there is none that is whole."""
    import torch

    path = context.folder / SNAPSHOT
    if not path.exists():
        return None
    try:
        with open_file(path) as file:
            stored = torch.load(file, map_location="cpu", weights_only=True)
        found = {"identity": dict(stored["identity"]), "told": json.loads(stored["told"])}
        found |= {"state": stored["state"], "seconds": float(stored["seconds"])}
    except Exception:  # torch raises one of many kinds: then the fit starts from the beginning
        return None
    refuse_other(found["identity"], _plain(context.identity), path)
    return found


def _keep(context: FitContext, training: EpochTraining, told: Sequence[Mapping[str, Any]], seconds: float) -> None:
    import torch

    state = {"identity": _plain(context.identity), "told": json.dumps(told), "seconds": seconds}
    with replacing(context.folder / SNAPSHOT) as partial:
        torch.save({**state, "state": training.state()}, partial)


def _write_told(folder: Path, told: Sequence[Mapping[str, Any]]) -> None:
    """What was told of the epochs that the snapshot has: an epoch after it is run again."""
    write_text(folder / EPOCHS, "".join(f"{json.dumps(one)}\n" for one in told))


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(identity))
    return found


def _checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(facts, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise PluginBroken(
            f"what is told of an epoch of a fit is JSON values ({error}), got {str(facts)[:80]}"
        ) from error
    if not isinstance(found.get(ERROR), int | float) or not 0 <= found[ERROR] <= 1:
        raise PluginBroken(f"what is told of an epoch of a fit has {ERROR!r}, a fraction, got {str(facts)[:80]}")
    return found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
