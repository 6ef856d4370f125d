"""What is on record of the trainings of many networks, before it is said what a search sees of it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regnas.images import Images
from regnas.sampling.batch import Params
from regnas.tables.table import MEAN, ONE_SEED, Floats, Table, TableError, unknown

_EPOCH = re.compile(r"epoch_([1-9]\d*)")


@dataclass(frozen=True, eq=False)
class Trainings:
    """n networks with up to s trainings of up to t epochs each.

    Attributes:
        columns: numbers of every training by name, each ``(n, s)``; NaN where missing. ``error`` is the validation
            error after the last epoch.
        seconds: ``(n,)``, mean over the trainings; NaN where unknown.

    The other attributes are those of `Table`.
    """

    name: str
    keys: tuple[str, ...]
    points: tuple[Params, ...] | None
    columns: Mapping[str, Floats]
    curves: Floats
    seconds: Floats
    flops: Floats
    params: Floats
    activations: Floats
    depth: Floats
    exhaustive: bool
    images: Images = field(default_factory=Images)
    architectures: tuple[Mapping[str, Any], ...] | None = None
    failed: int = 0
    space: str | None = None

    def table(self, signal: str = "seed", score: str = "mean") -> Table:
        """The table in which a search sees ``signal`` and ``score`` is reported.

        Args:
            signal: ``seed``: one recorded training; ``mean``: the mean over them; ``epoch_N``; or a column.
            score: ``mean`` over the recorded trainings; ``epoch_N`` or a column, their mean.

        Raises:
            TableError: there is no such column, or it cannot be one of errors.
        """
        shown, curves, share, words = self._signal(signal)
        reported, score_words = (self._column("error"), MEAN) if score == "mean" else self._named(score)
        known_first = np.argsort(np.isnan(shown), axis=1, kind="stable")
        return Table(
            name=self.name,
            keys=self.keys,
            points=self.points,
            signal=np.take_along_axis(shown, known_first, axis=1),
            score=_mean(reported),
            seconds=self.seconds * share,
            curves=np.take_along_axis(curves, known_first[:, :, None], axis=1),
            flops=self.flops,
            params=self.params,
            activations=self.activations,
            depth=self.depth,
            exhaustive=self.exhaustive,
            signal_name=words,
            score_name=score_words,
            images=self.images,
            architectures=self.architectures,
            failed=self.failed,
            space=self.space,
        )

    def _signal(self, signal: str) -> tuple[Floats, Floats, float, str]:
        """Errors ``(n, s)``, curves, the share of the training time that it takes to see them, and words."""
        n, s, t = self.curves.shape
        if signal == "mean":
            return _mean(self._column("error"))[:, None], unknown(n, 1, 0), 1.0, MEAN
        if signal == "seed":
            return self._column("error"), self._whole_curves(), 1.0, ONE_SEED
        found, words = self._named(signal)
        if match := _EPOCH.fullmatch(signal):
            epochs = int(match[1])
            return found, self.curves[:, :, :epochs], epochs / t, words
        return found, unknown(n, s, 0), 1.0, words

    def _named(self, name: str) -> tuple[Floats, str]:
        match = _EPOCH.fullmatch(name)
        if match and int(match[1]) <= self.curves.shape[2]:
            return self.curves[:, :, int(match[1]) - 1], f"error after epoch {match[1]}"
        return self._column(name), name

    def _column(self, name: str) -> Floats:
        if name in self.columns:
            return self.columns[name]
        epochs = self.curves.shape[2]
        there = [*self.columns, *([f"epoch_1 to epoch_{epochs}"] if epochs else [])]
        there += ["mean", "seed"] if "error" in self.columns else []
        raise TableError(
            f"table {self.name} has no column {name!r}; there are {', '.join(there) or 'none of numbers'}; name them "
            f"with signal= and score="
        )

    def _whole_curves(self) -> Floats:
        """The curves, whose last epoch is what the search sees.

        Raises:
            TableError: the last epoch on record says something else than the error.
        """
        error = self.columns["error"]
        for epoch in range(self.curves.shape[2]):
            last = np.isnan(self.curves[:, :, epoch + 1 :]).all(axis=2)
            gap = np.where(last, np.abs(self.curves[:, :, epoch] - error), 0.0)
            if (gap > 1e-6).any():
                row, seed = (int(at) for at in np.argwhere(gap > 1e-6)[0])
                raise TableError(
                    f"table {self.name}: the error of network {self.keys[row]} is {error[row, seed]:g} and that of its "
                    f"last epoch {self.curves[row, seed, epoch]:g}; say which one a search sees: "
                    f"signal=epoch_{epoch + 1}, or leave out the columns epoch_N"
                )
        return self.curves


def _mean(column: Floats) -> Floats:
    """``(n,)``, over what is known; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(column, axis=1))
