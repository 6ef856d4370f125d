"""Which network a run returns by the model rule: the one whose predicted mean is best, of those evaluated.

A network that looks best is partly lucky. What the other good networks of the run say of its features tells how lucky:
see `regnas.strategies.models.ensemble.posterior`. With fewer than ten evaluations it is the one that looks best.
"""

from __future__ import annotations

import numpy as np

from regnas.candidate import Candidate
from regnas.errors import UsageError
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.problem import Arena
from regnas.studies.bench.running.runs import Run

_LEAST = 10  # evaluations below which no model is fitted and the best seen is returned


def returned_by_model(arena: Arena, run: Run, rules: BenchRules) -> dict[int, float]:
    """Score of the network returned after each checkpoint's number of evaluations, of a run on a table."""
    from regnas.strategies.models.ensemble import posterior
    from regnas.strategies.models.features import Features

    rows = Features(arena.space).rows(_candidates(arena, run))
    usable = np.isfinite(run.signal) & run.whole
    found = {}
    for n in rules.checkpoints:  # a run that ended early keeps its last network
        there = np.flatnonzero(usable[:n])
        if not len(there):
            continue
        signal = run.signal[there]
        if len(there) >= _LEAST:
            signal = posterior(rows[there], signal)
        found[n] = float(run.score[there[int(np.argmin(signal))]])
    return found


def _candidates(arena: Arena, run: Run) -> list[Candidate]:
    """The run's networks again, in its order."""
    found = []
    for key in run.networks:
        row = None if arena.table is None else arena.table.row(key)
        if row is None or arena.table is None or arena.table.points is None:
            raise UsageError(f"network {key} is not in the table of {arena.label}: no model can be fitted")
        candidate = arena.space.judge(arena.space.canonical(arena.table.points[row]))
        if candidate is None:
            raise UsageError(f"network {key} lies outside {arena.label}: no model can be fitted")
        found.append(candidate)
    return found
