"""How sure it is that what was found is better: against the textbook, and against what more searching would find."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.studies.search.outcome import complete_rows
from regnas.studies.search.search import SearchResult
from regnas.studies.training.race import NOTE, TELLING_EPOCHS, Standing
from regnas.system.reading import fields_if_whole

_NORMAL = 1.959964  # standard deviations that hold 95 % of a normal law
_AS_LONG = 0.9  # of another finalist's time, from which one trained about as long
_FEWEST = 8  # candidates from which something can be said of more of them


@dataclass(frozen=True)
class Raced:
    """A finalist of the race that a training began with.

    Attributes:
        name: ``candidate 3``, or a textbook network's.
        searched: whether it is a candidate.
    """

    name: str
    searched: bool
    standing: Standing


@dataclass(frozen=True)
class Race:
    """The race of the finalists; without one there is one finalist, and nothing is known of it.

    Attributes:
        finalists: the one that was trained on first.
    """

    finalists: tuple[Raced, ...]

    @property
    def winner(self) -> Raced:
        """The one that was trained on."""
        return self.finalists[0]

    @property
    def decided(self) -> bool:
        """Whether a finalist left its warm-up: before, nothing can be told, and the best of the search goes on."""
        from regnas.evaluators.training.timed import WARM_EPOCHS

        return any(one.standing.epochs > WARM_EPOCHS for one in self.finalists)


def race_of(folder: Path) -> Race | None:
    """The race that is on record in the folder of a training; None where there was none."""
    note = fields_if_whole(folder / NOTE, finalists=list, standing=list, chosen=int)
    if note is None or not 0 <= note["chosen"] < len(note["finalists"]) == len(note["standing"]):
        return None
    found = [
        Raced(str(name), str(name).startswith("candidate "), Standing.of(one))
        for name, one in zip(note["finalists"], note["standing"], strict=True)
    ]
    first = found.pop(note["chosen"])
    return Race((first, *found))


@dataclass(frozen=True)
class Lead:
    """A network against another, both trained once in equal times.

    Attributes:
        name, other: of the two.
        difference: of their errors, the first's minus the other's; negative is better.
        interval: 95 %; None where the noise is not known.
        how: both were trained, in words.
        epochs: of the one that was trained for more of them.
        raced: whether it is of the race; else of the short trainings of the search.
    """

    name: str
    other: str
    difference: float
    interval: tuple[float, float] | None
    how: str
    epochs: int = 0
    raced: bool = True

    @property
    def early(self) -> bool:
        """Whether they were trained for so short that their order may still turn (docs/regime.md)."""
        return self.epochs < TELLING_EPOCHS

    @property
    def sure(self) -> bool:
        """Whether chance does not explain the difference."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    def text(self) -> str:
        """In words."""
        points = 100 * abs(self.difference)
        way = "behind" if self.difference > 0 else "ahead of" if self.difference < 0 else "level with"
        by = f" by {points:.1f} points" if self.difference else ""
        if self.interval is None:
            return f"{self.name} is {way} {self.other}{by} {self.how}; how sure that is, is not known"
        low, high = (100 * end for end in self.interval)
        chance = "more than chance explains" if self.sure else "which may be chance"
        early = "; what is ahead after so few epochs is often behind at the end" if self.early else ""
        return (
            f"{self.name} is {way} {self.other}{by} {self.how}, {chance} (95 % interval of the difference of errors "
            f"{low:+.1f} to {high:+.1f} points){early}"
        )


def lead_of(race: Race | None, result: SearchResult) -> Lead | None:
    """The best searched network against the best textbook one: in the race, where both trained for about as long and
    not shorter than in the search, else in the short trainings of the search. None where there are no two to compare.
    """
    images = result.facts.get("images", {}).get("validation")
    done = complete_rows(result.rows)
    if race is not None and (found := _raced(race, images, done[0]["epochs"] if done else 0)) is not None:
        return found
    if (against := result.against) is None:
        return None
    return Lead(
        f"candidate {done[0]['index']}",
        against.baseline,
        against.difference,
        against.interval,
        f"in the short trainings of the search{'' if race is None else ', as the race did not compare them'}",
        done[0]["epochs"],
        raced=False,
    )


def _tells(standing: Standing, least: int) -> bool:
    """Whether a finalist's error says how good it is: it is no error of the warm-up, not even in part (see
    `regnas.studies.training.race.standing`), and of no fewer epochs than the search's trainings, which ended at a
    falling rate.
    """
    from regnas.evaluators.training.timed import WARM_EPOCHS

    before = standing.epochs - math.ceil(standing.epochs / 3)
    return math.isfinite(standing.error) and before >= WARM_EPOCHS and standing.epochs >= least


def _as_long(one: Raced, other: Raced) -> bool:
    """Whether two finalists trained for about the same time."""
    shorter, longer = sorted((one.standing.seconds, other.standing.seconds))
    return shorter >= _AS_LONG * longer


def _raced(race: Race, images: int | None, least: int = 0) -> Lead | None:
    """The winner, or the best candidate, and the best textbook network that trained about as long as both.

    Args:
        least: epochs of the search's trainings.
    """
    known = [one for one in race.finalists if _tells(one.standing, least) and _as_long(one, race.winner)]
    candidates = [one for one in known if one.searched and (one == race.winner or not race.winner.searched)]
    searched = min(candidates, key=lambda one: one.standing.error, default=None)
    if searched is None:
        return None
    alike = [one for one in known if not one.searched and _as_long(one, searched)]
    textbook = min(alike, key=lambda one: one.standing.error, default=None)
    if textbook is None:
        return None
    one, other = searched.standing, textbook.standing
    difference = one.error - other.error
    interval = None
    if images:
        errors = (max(each.error * (1 - each.error), 1 / images) for each in (one, other))
        half = _NORMAL * math.sqrt(sum(errors) / images)
        interval = (difference - half, difference + half)
    how = f"after equal times in the race, {one.epochs} and {other.epochs} epochs, on {images:,} validation pictures"
    return Lead(searched.name, textbook.name, difference, interval, how, max(one.epochs, other.epochs))


@dataclass(frozen=True)
class Gain:
    """What searching longer is expected to bring, from the candidates that there are.

    Attributes:
        count: of candidates.
        half, whole: expected error of the best of half of them, and of all.
    """

    count: int
    half: float
    whole: float

    def text(self) -> str:
        """In words."""
        return (
            f"the best of {self.count // 2} of these candidates is expected at {self.half:.2%}, of all {self.count} at "
            f"{self.whole:.2%}: the last doubling of the search brought {100 * (self.half - self.whole):.1f} points of "
            f"the error of short trainings, a part of it luck; the next one is expected to bring less"
        )


def gain_of(errors: Sequence[float]) -> Gain | None:
    """The worth of the last doubling, by the unbiased estimate of the best of m; None of few candidates.

    Args:
        errors: of candidates that were drawn at random.
    """
    from regnas.statistics.best_of import expected_best_unbiased

    if len(errors) < _FEWEST:
        return None
    half, whole = expected_best_unbiased(errors, [len(errors) // 2, len(errors)])
    return Gain(len(errors), float(half), float(whole))


def errors_of(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """The errors of complete candidates."""
    return [float(row["error"]) for row in complete_rows([dict(row) for row in rows])]
