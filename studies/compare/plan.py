"""``regnas plan``: how many models of each space does a difference take, and how many hours are that?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.options import SearchOptions
from regnas.statistics.power import (
    detectable_difference,
    lehmann_exponent,
    models_for_difference,
    models_for_distance,
)
from regnas.studies.compare.progress import ComparisonProgress, SilentBatches
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.compare.run import Amounts, Runs, plan_runs, train_first
from regnas.studies.populations.population import Population

PILOT = 4  # models of each space that are timed unless said
MOST_PILOTS = 10_000
MOST_PAIRS = 100_000
LEAST_DISTANCE = 0.03


@dataclass(frozen=True)
class Pilot:
    """What the timed models of a space say.

    Attributes:
        seconds: mean of a training.
        sd: of the errors; rough, from as few models.
    """

    name: str
    models: int
    seconds: float
    sd: float


@dataclass(frozen=True)
class PowerPlan:
    """The answer of ``regnas plan``.

    Attributes:
        models: of each space.
        why: what asks for so many, in words.
        alpha: level of each pair, after dividing by their number.
        sees: difference of mean error that so many models see, by the pilots' spreads; None without pilots.
        hours: of one worker and of all of them, for all spaces; None without pilots.
    """

    models: int
    why: str
    alpha: float
    power: float
    pilots: tuple[Pilot, ...]
    sees: float | None
    hours: tuple[float, float] | None
    workers: int


def make_plan(
    spaces: Sequence[str | Space],
    *,
    detect: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    pairs: int | None = None,
    pilot: int = PILOT,
    progress: ComparisonProgress | None = None,
    **options: Unpack[SearchOptions],
) -> PowerPlan:
    """Models of each space for a comparison, and its hours from a few timed candidates.

    The timed candidates are the first of each space's study: ``regnas compare`` goes on from them.

    Args:
        spaces: to be timed; none for the number alone.
        detect: distance D of two error distributions, for the Kolmogorov-Smirnov test.
        difference: of mean error, a fraction, for the verdict's own test.
        sd: of the errors inside a complexity bin, a fraction; those of the two pilots that spread most unless said.
        pairs: tests that share alpha; those of the spaces unless said.
        pilot: models of each space to train and time; at least 2, or 0 for none.

    Raises:
        UsageError: nothing to detect, or a difference without any spread to hold it against.
    """
    _check(detect, difference, sd, pairs, pilot)
    tests = pairs or max(1, math.comb(len(spaces), 2))
    level = alpha / tests
    # What the distance alone asks for is known before any training, and what is wrong with it is said at once.
    models = models_for_distance(detect, alpha=level, power=power) if detect is not None else 0
    runs = plan_runs(spaces, amounts=Amounts(budget=max(2, pilot)), **options) if spaces and pilot else None
    pilots = _pilots(runs, pilot, progress) if runs else ()
    # Of several spaces, the pair that spreads most.
    sds = [sd, sd] if sd is not None else sorted(one.sd for one in pilots)[-2:]
    if difference is None:
        exponent = lehmann_exponent(detect or 0.5)
        why = f"distributions with D = {detect:g}: as if one model of one were the best of {exponent:.2f} of the other"
    elif not sds:
        raise UsageError("--difference needs the spread of the errors: time some models of --space, or give --sd")
    else:
        models = models_for_difference(
            difference, sds[0], sds[-1], alpha=level, power=power, bins=ComparisonRules().bins_for
        )
        spread = " and ".join(dict.fromkeys(f"{100 * one:.2f}" for one in sds))
        why = f"mean errors that differ by {100 * difference:g} points, with a spread of {spread} points"
    workers = max(1, runs.plans[0][0].workers) if runs else 1
    hours = sum(one.seconds for one in pilots) * models / 3600
    return PowerPlan(
        models=models,
        why=why,
        alpha=level,
        power=power,
        pilots=pilots,
        sees=_sees(sds, models, level, power),
        hours=(hours, hours / workers) if pilots else None,
        workers=workers,
    )


def _check(detect: float | None, difference: float | None, sd: float | None, pairs: int | None, pilot: int) -> None:
    """Refuse what cannot be planned for."""
    if (detect is None) == (difference is None):
        raise UsageError("--detect D is a distance of distributions, --difference POINTS one of mean errors: give one")
    if pilot == 1 or not 0 <= pilot <= MOST_PILOTS:
        raise UsageError(f"--pilot is 2 to {MOST_PILOTS:,}, or 0 for none, got {pilot}")
    if detect is not None and not LEAST_DISTANCE <= detect <= 1:
        raise UsageError(
            f"--detect is a distance of two distributions, from {LEAST_DISTANCE} (some 10,000 "
            f"models) to 1, got {detect:g}"
        )
    for flag, points in (("--difference", difference), ("--sd", sd)):
        if points is not None and not 0 < points <= 1:
            raise UsageError(f"{flag} is in points of error, above 0 and up to 100, got {100 * points:g}")
    if pairs is not None and not 1 <= pairs <= MOST_PAIRS:
        raise UsageError(f"--pairs are a whole number from 1 to {MOST_PAIRS:,}, got {pairs}")


def _sees(sds: Sequence[float], models: int, level: float, power: float) -> float | None:
    """The difference of mean error that so many models see."""
    if not sds:
        return None
    return detectable_difference(sds[0], sds[-1], models, alpha=level, power=power, bins=ComparisonRules().bins_for)


def _pilots(runs: Runs, count: int, progress: ComparisonProgress | None) -> tuple[Pilot, ...]:
    return tuple(_pilot(one) for one in train_first(runs, count, progress or SilentBatches()))


def _pilot(population: Population) -> Pilot:
    seconds = float(np.nanmean(population.seconds))
    return Pilot(population.name, len(population), seconds, float(population.error.std(ddof=1)))
