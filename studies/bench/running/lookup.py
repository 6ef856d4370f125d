"""What answers for a training in a simulation: a table, or the surrogate that was fitted to one.

A search sees looks. Scores are asked for when it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from regnas.architecture import Architecture
from regnas.evaluator import EXTRAPOLATED
from regnas.studies.bench.running.runs import Floats
from regnas.tables.table import Table, TableError


@dataclass(frozen=True, eq=False)
class Look:
    """One recorded training.

    Attributes:
        error: after the last epoch.
        curve: ``(epochs,)``, error after each epoch; empty where it is not recorded.
        seconds: of the whole training; 1 where no time is recorded.
        outside: a surrogate's answer out of the range it knows.
    """

    error: float
    curve: Floats
    seconds: float
    outside: bool = False


class Oracle(Protocol):
    """Answers for trainings."""

    def look(self, architecture: Architecture, seed: int) -> Look:
        """What a search sees; equal for equal seeds."""

    def score(self, architecture: Architecture, seed: int) -> float:
        """The error that is reported of a network in the run of a seed."""


@dataclass(frozen=True, eq=False)
class TableOracle:
    """Answers from the rows of a table, and where it has none from a surrogate, if there is one."""

    table: Table
    surrogate: Any = None

    def look(self, architecture: Architecture, seed: int) -> Look:
        """The recorded training of one of the network's seeds.

        Raises:
            TableError: the network is not in the table, and there is no surrogate.
        """
        row = self.table.row(architecture.key())
        if row is None:
            error, notes = self._predictor(architecture).predict(architecture, seed)
            return Look(error, np.empty(0), self._typical_seconds, bool(notes.get(EXTRAPOLATED)))
        error, curve = self.table.seen(row, seed)
        recorded = float(self.table.seconds[row])
        return Look(error, curve, recorded if np.isfinite(recorded) and recorded > 0 else 1.0)

    def score(self, architecture: Architecture, seed: int) -> float:
        """The table's score without what the run was shown, or the surrogate's prediction without noise."""
        row = self.table.row(architecture.key())
        if row is None:
            return float(self._predictor(architecture).expected(architecture))
        return self.table.reported(row, seed)

    def _predictor(self, architecture: Architecture) -> Any:
        if self.surrogate is None:
            raise TableError(
                f"network {architecture.key()} is not in the table {self.table.name} of {len(self.table):,} networks; "
                f"search it as a pool, or predict the others with surrogate=true"
            )
        return self.surrogate

    @property
    def _typical_seconds(self) -> float:
        known = self.table.seconds[np.isfinite(self.table.seconds)]
        return float(np.median(known)) if len(known) else 1.0
