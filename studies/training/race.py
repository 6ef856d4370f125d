"""A race of finalists: the first part of the winner's training, for several networks, of which the best goes on.

The short trainings of a search say which networks learn fast, in equal epochs; what counts in the end is what a
network reaches in the time that there is. So finalists train for equal times at the peak of the learning rate, as the
winner does anyway until its rate falls: what the best of them has learned is kept, and only the others' time is spent.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import Architecture
from regnas.errors import RegnasError
from regnas.studies.run.progress import duration
from regnas.studies.training.plan import TrainingPlan
from regnas.system.files import write_json
from regnas.system.reading import fields_if_whole

if TYPE_CHECKING:
    from regnas.evaluators.training.timed import Course, TimedTraining

SHARE = 0.3  # of the time of the winner's training, for all finalists together
NOTE = "race.json"
SNAPSHOT = "resume.pt"
_FOLDER = "race"


@dataclass(frozen=True)
class Finalist:
    """A network that may be the one to ship.

    Attributes:
        name: in words, such as ``candidate 3``.
    """

    name: str
    architecture: Architecture


def decided(made: TrainingPlan, finalists: Sequence[Finalist]) -> TrainingPlan | None:
    """The training of the finalist that won; None where the race is still to be run."""
    note = fields_if_whole(made.folder / NOTE, networks=list, chosen=int, others=float)
    keys = [finalist.architecture.key() for finalist in finalists]
    if note is None or note["networks"] != keys or not 0 <= note["chosen"] < len(keys):
        return None
    seconds = max(1.0, (made.seconds or 0.0) - note["others"])
    return replace(made, architecture=finalists[note["chosen"]].architecture, seconds=seconds)


def race(
    made: TrainingPlan,
    finalists: Sequence[Finalist],
    start: Callable[[TrainingPlan], TimedTraining],
    say: Callable[[str], None],
) -> TrainingPlan:
    """Run a race, or go on with one; returns the training of the winner, whose snapshot `hand_over` gives it.

    Where the time is so short that the first finalist does not leave its warm-up, nothing can be told, and it goes on.

    Args:
        finalists: the best of the search first.
        start: makes a training that has not begun.

    Raises:
        RegnasError: every finalist's training diverged.
    """
    from regnas.evaluators.training.timed import WARM_EPOCHS

    each = SHARE * (made.seconds or 0.0) / len(finalists)
    say(f"{len(finalists)} finalists train for {duration(each)} each, and the best of them goes on")
    trained = [_trained(made, one, each, start, say) for one in finalists]
    errors = [standing(one.curve) for one in trained]
    if not math.isfinite(min(errors)):
        raise RegnasError("no finalist's training stayed finite; give the recipe a lower learning rate")
    told = len(trained[0].curve) > WARM_EPOCHS or not trained[0].curve
    chosen = int(np.argmin(errors)) if told else 0
    others = sum(one.seconds for place, one in enumerate(trained) if place != chosen)
    say(f"{finalists[chosen].name} goes on" + ("" if told else ": too few epochs to tell"))
    facts: list[dict[str, Any]] = [
        {"error": error if math.isfinite(error) else None, "epochs": len(one.curve), "seconds": round(one.seconds, 1)}
        for error, one in zip(errors, trained, strict=True)
    ]
    names, keys = [one.name for one in finalists], [one.architecture.key() for one in finalists]
    write_json(
        made.folder / NOTE,
        {
            "schema": 1,
            "finalists": names,
            "networks": keys,
            "chosen": chosen,
            "others": round(others, 3),
            "standing": facts,
        },
    )
    won = decided(made, finalists)
    return made if won is None else won


def hand_over(folder: Path) -> None:
    """Let the training in a folder go on from what the race's winner has learned, and forget the others."""
    note = fields_if_whole(folder / NOTE, networks=list, chosen=int)
    keys = {} if note is None else dict(enumerate(map(str, note["networks"])))
    if note is not None and (learned := _snapshot(folder, keys.get(note["chosen"], ""))).exists():
        learned.replace(folder / SNAPSHOT)
    shutil.rmtree(folder / _FOLDER, ignore_errors=True)


def standing(curve: Sequence[float]) -> float:
    """The error that a finalist is judged by: the mean of the last third of its epochs; infinity without any."""
    if not curve:
        return math.inf
    return float(np.mean(curve[-math.ceil(len(curve) / 3) :]))


def _trained(
    made: TrainingPlan,
    finalist: Finalist,
    seconds: float,
    start: Callable[[TrainingPlan], TimedTraining],
    say: Callable[[str], None],
) -> Course:
    """A finalist's training, up to its part of the time: one epoch or more, and none of a falling rate.

    One that diverges has no errors.
    """
    job = start(replace(made, architecture=finalist.architecture))
    file = _snapshot(made.folder, finalist.architecture.key())
    file.parent.mkdir(parents=True, exist_ok=True)
    job.resume(file)
    while not job.course.decay and (not job.epoch or job.course.seconds * (1 + 1 / job.epoch) <= seconds):
        try:
            job.run_epoch()
        except RegnasError:
            say(f"  {finalist.name}: diverged in epoch {job.epoch + 1}")
            return replace(job.course, curve=())
        began = time.perf_counter()
        job.save(file)
        job.course.seconds += time.perf_counter() - began
    error = standing(job.course.curve)
    say(f"  {finalist.name}: held-out error {error:.2%} after {job.epoch} epochs, {job.course.seconds:.1f} s")
    return job.course


def _snapshot(folder: Path, key: str) -> Path:
    return folder / _FOLDER / f"{key}.pt"
