"""Mean errors of several networks and of every pair their difference, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from regnas.statistics.two_sample import Interval
from regnas.studies.reporting.text_table import Table

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Trained:
    """The trainings of what one rule made, in the order of seeds.

    Attributes:
        name: of the rule.
        errors: on validation images, fractions; of a training that diverged that of guessing.
    """

    name: str
    errors: tuple[float, ...]
    seconds: float
    diverged: int = 0


@dataclass(frozen=True)
class Pair:
    """Mean error of one minus that of another; intervals of all pairs hold together."""

    one: str
    other: str
    difference: Interval


def mean_error(errors: Sequence[float]) -> Interval:
    """Mean error over seeds with Student's interval.

    Args:
        errors: two or more.
    """
    mean = float(np.mean(errors))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(errors) - 1) * stats.sem(errors))
    return Interval(mean, mean - half, mean + half, CONFIDENCE)


def pairs(trained: Sequence[Trained]) -> list[Pair]:
    """Every pair of networks that are compared at equal cost, all with as many seeds.

    The spread between seeds is taken as one for all of them: with few seeds none is known well alone.

    Source: Tukey's honest significant difference (Tukey 1949).
    """
    if len(trained) < 2:
        return []
    errors = np.array([one.errors for one in trained])
    means, count = errors.mean(axis=1), errors.shape[1]
    freedom = len(trained) * (count - 1)
    spread = float(np.sqrt(errors.var(axis=1, ddof=1).mean()))
    half = float(stats.studentized_range.ppf(CONFIDENCE, len(trained), freedom)) * spread / np.sqrt(count)
    found = []
    for one, other in itertools.combinations(range(len(trained)), 2):
        shift = float(means[one] - means[other])
        found.append(
            Pair(trained[one].name, trained[other].name, Interval(shift, shift - half, shift + half, CONFIDENCE))
        )
    return found


def table(trained: Sequence[Trained]) -> Table:
    """A row for every network."""
    rows = []
    for one in trained:
        mean = mean_error(one.errors)
        shown = f"{100 * mean.estimate:.2f} +- {100 * (mean.high - mean.estimate):.2f}"
        rows.append((one.name, shown, f"{one.seconds / len(one.errors):.0f}", str(one.diverged or "")))
    seeds = len(trained[0].errors)
    return Table(
        f"validation error, mean of {seeds} seeds", ("rule", "error, %", "seconds each", "diverged"), tuple(rows)
    )


def sentences(found: Sequence[Pair]) -> list[str]:
    """Which differences are real, in words."""
    lines = []
    for pair in found:
        low, estimate, high = (
            100 * value for value in (pair.difference.low, pair.difference.estimate, pair.difference.high)
        )
        shown = f"{pair.one} - {pair.other}: {estimate:+.2f} points, {low:+.2f} to {high:+.2f}"
        better = pair.one if high < 0 else pair.other if low > 0 else None
        lines.append(f"{shown}: {'cannot be told apart' if better is None else f'{better} is better'}")
    return lines


@dataclass(frozen=True)
class Compared:
    """Trainings of what the rules made.

    Attributes:
        trained: the network itself first.
        alike: whether what the rules made is all inside the window.
    """

    trained: tuple[Trained, ...]
    alike: bool
    folder: Path

    @property
    def pairs(self) -> list[Pair]:
        """The rules, two by two."""
        return pairs(self.trained[1:])

    def table(self) -> Table:
        """A row for every network."""
        return table(self.trained)

    def sentences(self) -> list[str]:
        """Differences of the rules, and where the numbers lie."""
        unlike = (
            [] if self.alike else ["not all networks are inside the window: these differences are not at equal cost"]
        )
        together = ["95 % intervals that hold together (Tukey):"] if len(self.trained) > 2 else []
        return [*unlike, *together, *sentences(self.pairs), f"files: {self.folder}/"]

    def to_json(self) -> dict[str, Any]:
        """All numbers, as JSON values."""
        return {
            "trained": [{**one.__dict__, "mean": mean_error(one.errors).__dict__} for one in self.trained],
            "pairs": [{**pair.__dict__, "difference": pair.difference.__dict__} for pair in self.pairs],
            "equal_cost": self.alike,
        }
