"""``table:NAME``: recorded trainings are looked up instead of training. What is reported is never in a result."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import Context, Result, Task
from regnas.images import Images
from regnas.tables.sources import load_table
from regnas.tables.table import Floats, Table, TableError

if TYPE_CHECKING:
    from regnas.evaluators.tabular.surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class TableEvaluator:
    """Looks networks up.

    Attributes:
        surrogate: whether a network that is not in the table gets a predicted error.
    """

    table: Table
    surrogate: bool = False

    @property
    def images(self) -> Images:
        """The images that the networks of the table were trained on: no data set is needed."""
        return self.table.images

    @cached_property
    def _predictor(self) -> Surrogate:
        from regnas.evaluators.tabular.surrogate import fit  # scikit-learn is slow to import

        return fit(self.table)

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        """One recorded training of the network, the same one for equal seeds; epoch by epoch where these are known.

        Raises:
            TableError: it is not in the table, and there is no surrogate.
        """
        started = time.perf_counter()
        row = self.table.row(architecture.key())
        if row is not None:
            return _replayed(self.table, row, seed, context, started)
        if not self.surrogate:
            raise self._unknown(architecture)
        error, notes = self._predictor.predict(architecture, seed)
        return Result(error=error, seconds=time.perf_counter() - started, notes={"predicted": 1, **notes})

    def _unknown(self, architecture: Architecture) -> TableError:
        if self.table.exhaustive:
            way_out = f"it is one of another space or data set; the table is of {len(self.table):,} networks"
        else:
            way_out = (
                f"the table is a sample of {len(self.table):,} networks: search these as a pool, or predict the others "
                f"with surrogate=true"
            )
        return TableError(f"network {architecture.key()} is not in the table {self.table.name}; {way_out}")

    def prepare(self) -> Mapping[str, Any]:
        """What makes two studies on tables differ: which table, what a search sees of it and what is reported."""
        if self.surrogate:
            assert self._predictor  # a table that cannot be predicted says so before the first candidate
        recipe = {
            "table": self.table.name,
            "content": _digest(self.table),
            "signal": self.table.signal_name,
            "score": self.table.score_name,
            "surrogate": self.surrogate,
        }
        return {"recipe": recipe}


def _replayed(table: Table, row: int, seed: int, context: Context, started: float) -> Result:
    error, curve = table.seen(row, seed)
    errors = _reported(curve, context)
    stopped = 0 < len(errors) < len(curve)
    recorded = float(table.seconds[row])
    spent = None if math.isnan(recorded) else recorded * (len(errors) / len(curve) if stopped else 1.0)
    return Result(
        error=errors[-1] if stopped else error,
        seconds=time.perf_counter() - started,
        epochs=len(errors),
        errors=tuple(errors),
        notes={"recorded_seconds": spent, "table_row": row},
    )


def _reported(curve: Floats, context: Context) -> list[float]:
    """The errors of the epochs until the driver says stop."""
    errors = []
    for epoch, error in enumerate(curve.tolist(), 1):
        errors.append(error)
        if not context.report(epoch, error):
            break
    return errors


def _digest(table: Table) -> str:
    """Twelve hexadecimal digits of the networks and of all that a search can see of them."""
    digest = hashlib.sha256(",".join(table.keys).encode())
    for array in (table.signal, table.curves):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def make(task: Task, options: Mapping[str, Any]) -> TableEvaluator:
    """The evaluator ``table:NAME[signal=seed,score=mean,surrogate=false]``.

    Raises:
        UsageError: no such table or option, or another number of epochs than the table has.
    """
    given = dict(options)
    table = load_table(str(given.pop("argument", "")), given)
    surrogate = given.get("surrogate", False)
    if not isinstance(surrogate, bool):
        raise UsageError(f"surrogate is true or false, got {surrogate!r}")
    recorded = table.curves.shape[2]
    if task.epochs is not None and task.epochs != recorded:
        known = f"has errors of {recorded} epochs" if recorded else "has one error of each training"
        raise UsageError(
            f"--epochs {task.epochs} trains nothing here: the table {table.name} {known}; leave --epochs out"
            + (f", or take signal=epoch_{task.epochs}" if task.epochs < recorded else "")
        )
    return TableEvaluator(table, surrogate)
