"""``regnas test``: the error of a trained network on pictures, and where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.prediction import Predictor
from regnas.studies.training.using.images import Labelled

CONFIDENCE = 0.95
SCHEMA = 1


@dataclass(frozen=True)
class Mistake:
    """A picture that is taken for another class.

    Attributes:
        probability: that the network gives the class it takes it for.
    """

    name: str
    truth: str
    taken_for: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "file": self.name,
            "class": self.truth,
            "taken_for": self.taken_for,
            "probability": round(self.probability, 6),
        }


@dataclass(frozen=True, eq=False)
class TestReport:
    """How a network does on labelled pictures.

    Attributes:
        what: the pictures are, in words.
        confusion: ``(classes, classes)``, pictures of a row's class that were taken for a column's.
        mistakes: all of them, the surest first.
        broken: files that could not be read, with why.
    """

    __test__ = False  # pytest takes its name for that of a class of tests

    what: str
    class_names: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    mistakes: tuple[Mistake, ...]
    broken: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Pictures."""
        return int(self.confusion.sum())

    @property
    def error(self) -> float:
        """Share of the pictures that are taken for another class."""
        return len(self.mistakes) / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Exact binomial interval of the error on pictures like these (Clopper and Pearson 1934)."""
        from scipy.stats import binomtest

        found = binomtest(len(self.mistakes), self.count).proportion_ci(CONFIDENCE, method="exact")
        return float(found.low), float(found.high)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Pictures of each class, ``(classes,)``."""
        return np.asarray(self.confusion.sum(1))

    @property
    def recalls(self) -> list[float | None]:
        """Of each class, the share of its pictures that are taken for it; None of a class without pictures."""
        right = self.confusion.diagonal().tolist()
        return [hits / of if of else None for hits, of in zip(right, self.counts.tolist(), strict=True)]

    @property
    def balanced_error(self) -> float:
        """One minus the mean recall of the classes that there are pictures of: every class counts alike."""
        known = [one for one in self.recalls if one is not None]
        return 1 - sum(known) / len(known)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: everything."""
        low, high = self.interval
        return {
            "schema": SCHEMA,
            "images": self.what,
            "count": self.count,
            "error": self.error,
            "interval": {"low": low, "high": high, "confidence": CONFIDENCE, "method": "Clopper-Pearson"},
            "balanced_error": self.balanced_error,
            "class_names": list(self.class_names),
            "recalls": self.recalls,
            "confusion": self.confusion.tolist(),
            "mistakes": [one.to_json() for one in self.mistakes],
            "broken": list(self.broken),
        }


def report_of(predictor: Predictor, images: Labelled) -> TestReport:
    """What a network takes pictures for, beside what they are."""
    names = predictor.preprocessing.class_names
    rows = predictor.probabilities(images.pixels)
    taken = rows.argmax(1)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (images.labels, taken), 1)
    wrong = np.flatnonzero(taken != images.labels)
    surest: Sequence[int] = wrong[np.argsort(-rows[wrong, taken[wrong]], kind="stable")].tolist()
    mistakes = [
        Mistake(images.names[row], names[images.labels[row]], names[taken[row]], float(rows[row, taken[row]]))
        for row in surest
    ]
    return TestReport(images.what, names, confusion, tuple(mistakes), tuple(images.broken))
