"""What scripts hear of the runs of a benchmark, beside what happens in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.studies.bench.running.problem import Arena
from regnas.studies.bench.running.runs import Run
from regnas.studies.run.json_lines import JsonLines


def told_of(arena: Arena, strategy: str, seed: int) -> dict[str, Any]:
    """Which run an event is of."""
    return {"space": arena.space.spec, "evaluator": arena.evaluator, "strategy": strategy, "seed": seed}


def tell_run(lines: JsonLines, arena: Arena, run: Run) -> None:
    """Tell that a run has ended: its evaluations, those that failed, and the lowest error that the strategy saw."""
    error = float(np.min(run.signal[np.isfinite(run.signal)], initial=np.inf))
    values = {"evaluations": len(run), "failed": run.failed, "error": error}
    lines.tell("run", **told_of(arena, run.strategy, run.seed), **values)
