"""A race of finalists: the first part of the winner's training, for several networks, of which the best goes on.

The short trainings of a search say which networks learn fast, in equal epochs; what counts in the end is what a
network reaches in the time that there is. So finalists train for equal times at the peak of the learning rate, as the
winner does anyway until its rate falls: what the best of them has learned is kept, and only the others' time is spent.
Of more than three the better half goes on to the next round, and every round has the same time (successive halving,
Karnin et al. 2013). Whoever would not leave its warm-up in its part of the time is not raced, as nothing is told of it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
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
from regnas.system.text import counted

if TYPE_CHECKING:
    from regnas.evaluators.training.timed import TimedTraining

SHARE = 0.3  # of the time of the winner's training, for all finalists together
NOTE = "race.json"
SNAPSHOT = "resume.pt"
_FOLDER = "race"
_LAST = 3  # finalists of the last round
TELLING_EPOCHS = 20  # of a finalist, before which the simplest textbook network has the benefit of the doubt
_ONE_SIDED = 1.644854  # standard deviations that a normal variable exceeds once in twenty
_LEAST_EPOCHS = 10  # of the first of several rounds: three of them are warm-up


@dataclass(frozen=True)
class Standing:
    """How far a finalist has come.

    Attributes:
        error: held-out, that it is judged by; infinity of one that diverged.
        seconds: that its training took.
    """

    error: float
    epochs: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        error = self.error if math.isfinite(self.error) else None
        return {"error": error, "epochs": self.epochs, "seconds": round(self.seconds, 1)}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Standing:
        """The standing that `to_json` gave; infinity where its error is no number."""
        error, epochs, seconds = (value.get(name) for name in ("error", "epochs", "seconds"))
        return cls(float(error) if isinstance(error, int | float) else math.inf, int(epochs or 0), float(seconds or 0))


@dataclass(frozen=True)
class Finalist:
    """A network that may be the one to ship.

    Attributes:
        name: in words, such as ``candidate 3``.
        simplest: whether it is the simplest textbook network, which goes on unless another is shown to be better.
        epoch: seconds that one took in the search; 0 where that is not known.
    """

    name: str
    architecture: Architecture
    simplest: bool = False
    epoch: float = 0.0


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
    held_out: int,
) -> TrainingPlan:
    """Run a race, or go on with one; returns the training of the winner, whose snapshot `hand_over` gives it.

    A finalist that does not leave its warm-up in its time is too slow for it, and is not raced where that is known by
    the pace of those before it. Where none does, nothing can be told, and the first goes on. Where none has trained for
    20 epochs, the simplest textbook network goes on unless another has a lower error by more than chance: what is ahead
    so early is not what is ahead at the end (docs/regime.md).

    Args:
        finalists: the best of the search first.
        held_out: images that errors are counted on.
        start: makes a training that has not begun.

    Raises:
        RegnasError: every finalist's training diverged.
    """
    sizes = rounds_of(len(finalists))
    of_round = SHARE * (made.seconds or 0.0) / len(sizes)
    found, left, first = _begun(made.folder, finalists)
    if not first:
        write_json(made.folder / NOTE, {"schema": 1, **_who(finalists)})
    each = sum(of_round / size for size in sizes[:first])
    for size in sizes[first:]:
        each += of_round / size
        goes_on = "the best of them goes on" if size == sizes[-1] else "the better half of them goes on"
        say(f"{size} finalists train for {duration(of_round / size)} each, and {goes_on}")
        for place in left:
            if size == sizes[0] and _too_slow(finalists[place], _pace(finalists, found), each):
                say(f"  {finalists[place].name}: not raced, as at this pace it would not leave its warm-up")
                found[place] = Standing(math.inf, 0, 0.0)
                continue
            found[place] = _trained(made, finalists[place], each, start, say)
        if not math.isfinite(min(found[place].error for place in left)):
            raise RegnasError("no finalist's training stayed finite; give the recipe a lower learning rate")
        if size != sizes[-1]:
            ranked = sorted(left, key=lambda place: (found[place].error, place))
            left = sorted(ranked[: sizes[sizes.index(size) + 1]])
            _note(made.folder, finalists, found, left=left)
    chosen, why = _chosen(finalists, {place: found[place] for place in left}, held_out)
    say(f"{finalists[chosen].name} goes on{why}")
    others = sum(one.seconds for place, one in found.items() if place != chosen)
    _note(made.folder, finalists, found, chosen=chosen, others=round(others, 3))
    won = decided(made, finalists)
    return made if won is None else won


def _chosen(finalists: Sequence[Finalist], found: Mapping[int, Standing], held_out: int) -> tuple[int, str]:
    """The place of the finalist that goes on, of those that are left, and in words why where it is not the best."""
    from regnas.evaluators.training.timed import WARM_EPOCHS

    told = [place for place, one in found.items() if one.epochs > WARM_EPOCHS and math.isfinite(one.error)]
    if not told:
        return next(place for place, one in found.items() if math.isfinite(one.error)), ": too few epochs to tell"
    best = min(told, key=lambda place: (found[place].error, place))
    simplest = next((place for place in told if finalists[place].simplest), best)
    early = max(found[place].epochs for place in told) < TELLING_EPOCHS
    if simplest == best or not early or _better(found[best].error, found[simplest].error, held_out):
        return best, ""
    return simplest, f": after so few epochs {finalists[best].name} is not better by more than chance"


def _better(error: float, other: float, images: int) -> bool:
    """Whether an error is lower than another by more than chance, both counted on so many images: one-sided, at 5 %."""
    variance = (error * (1 - error) + other * (1 - other)) / max(1, images)
    return other - error > _ONE_SIDED * math.sqrt(variance)


def rounds_of(count: int) -> list[int]:
    """How many of so many finalists are in every round: at last at most three."""
    sizes = [count]
    while sizes[-1] > _LAST:
        sizes.append(math.ceil(sizes[-1] / 2))
    return sizes


def entrants(known: int, seconds: float, epoch: float) -> int:
    """How many finalists a race has: three, or twice or four times as many where there is time for it.

    Args:
        known: networks that there are.
        seconds: of the winner's training, with the race.
        epoch: seconds that one takes.
    """
    count = min(_LAST, known)
    for times in (2, 4):
        wanted = times * _LAST
        of_round = SHARE * seconds / len(rounds_of(wanted))
        if wanted <= known and of_round / wanted >= _LEAST_EPOCHS * epoch:
            count = wanted
    return count


def telling(finalists: Sequence[Finalist], seconds: float) -> list[Finalist]:
    """Those of whom a race tells something, as they leave their warm-up in it by the pace of the search; the first
    alone where it is none of them, or there is no other: it goes on with all of the time.

    Args:
        finalists: the best of the search first.
        seconds: of the winner's training, with the race.
    """
    count = len(finalists)
    part = SHARE * seconds / len(rounds_of(count)) / count
    found = [one for one in finalists if not _too_slow(one, 1.0, part)]
    return found if len(found) > 1 and found[0] == finalists[0] else list(finalists[:1])


def as_begun(folder: Path, finalists: Sequence[Finalist]) -> bool:
    """Whether a race of all of these has begun in a folder: earlier versions raced those of whom it tells nothing."""
    note = fields_if_whole(folder / NOTE, networks=list)
    if note is None:
        return any((folder / _FOLDER).glob("*.pt"))
    return bool(note["networks"] == [one.architecture.key() for one in finalists])


def _too_slow(finalist: Finalist, pace: float, seconds: float) -> bool:
    """Whether a finalist would not leave its warm-up in so many seconds.

    Args:
        pace: seconds of the race for one of the search.
    """
    from regnas.evaluators.training.timed import WARM_EPOCHS

    return (WARM_EPOCHS + 1) * pace * finalist.epoch > seconds


def _pace(finalists: Sequence[Finalist], found: Mapping[int, Standing]) -> float:
    """How many times as long as in the search epochs took those that have raced; 1 before anybody has."""
    raced = [(one, finalists[place].epoch) for place, one in found.items() if one.epochs and finalists[place].epoch]
    expected = sum(one.epochs * epoch for one, epoch in raced)
    return sum(one.seconds for one, _ in raced) / expected if expected else 1.0


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
) -> Standing:
    """A finalist's training, up to its part of the time: one epoch or more, and none of a falling rate."""
    job = start(replace(made, architecture=finalist.architecture))
    file = _snapshot(made.folder, finalist.architecture.key())
    file.parent.mkdir(parents=True, exist_ok=True)
    job.resume(file)
    while not job.course.decay and (not job.epoch or job.course.seconds * (1 + 1 / job.epoch) <= seconds):
        try:
            job.run_epoch()
        except RegnasError:
            say(f"  {finalist.name}: diverged in epoch {job.epoch + 1}")
            return Standing(math.inf, 0, job.course.seconds)
        began = time.perf_counter()
        job.save(file)
        job.course.seconds += time.perf_counter() - began
    error = standing(job.course.curve)
    ran = f"{counted(job.epoch, 'epoch')}, {job.course.seconds:.1f} s"
    say(f"  {finalist.name}: held-out error {error:.2%} after {ran}")
    return Standing(error, job.epoch, job.course.seconds)


def _note(folder: Path, finalists: Sequence[Finalist], found: Mapping[int, Standing], **further: Any) -> None:
    """Write how the race stands."""
    standings = [found[place].to_json() for place in range(len(finalists))]
    write_json(folder / NOTE, {"schema": 1, **_who(finalists), "standing": standings, **further})


def _who(finalists: Sequence[Finalist]) -> dict[str, Any]:
    """Who races."""
    return {"finalists": [one.name for one in finalists], "networks": [one.architecture.key() for one in finalists]}


def _begun(folder: Path, finalists: Sequence[Finalist]) -> tuple[dict[int, Standing], list[int], int]:
    """How the race of these finalists stood after its last whole round: standings, who is left, and how many rounds."""
    everybody = list(range(len(finalists)))
    note = fields_if_whole(folder / NOTE, networks=list, left=list, standing=list)
    if note is None or note["networks"] != [one.architecture.key() for one in finalists]:
        return {}, everybody, 0
    sizes, left = rounds_of(len(finalists)), note["left"]
    whole = len(note["standing"]) == len(everybody) and all(isinstance(one, dict) for one in note["standing"])
    if not whole or len(left) not in sizes[1:] or not all(place in everybody for place in left):
        return {}, everybody, 0
    return {place: Standing.of(one) for place, one in enumerate(note["standing"])}, left, sizes.index(len(left))


def _snapshot(folder: Path, key: str) -> Path:
    return folder / _FOLDER / f"{key}.pt"
