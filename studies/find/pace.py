"""How fast networks are trained on this machine, and how long a worker takes to start, timed before a search."""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

from regnas.candidate import Candidate
from regnas.evaluator import make_evaluator
from regnas.sampling.costing import closed
from regnas.studies.search.plan import SearchPlan

_STEPS = 6  # of an optimiser, that are timed
_SCORING = 1.1  # of the steps' time, what scoring on validation images adds
_TRAINS = "regnas.evaluators.training.evaluator"  # what a worker imports, torch with it


@dataclass(frozen=True)
class Pace:
    """How fast networks are trained here.

    Attributes:
        each: seconds of one candidate's training.
        start: seconds until the first worker trains.
    """

    each: float
    start: float = 0.0


class _EnoughError(Exception):
    """Ends a training that was only timed."""


def first_candidate(plan: SearchPlan) -> Candidate:
    """The first network of the stream, by closed forms alone: nothing is measured for it.

    Raises:
        InfeasibleWindow: there is none.
    """
    return closed(plan.space).sample(1, seed=plan.seed)[0]


def seconds_of_imports() -> float | None:
    """How long this process took to import what a worker imports; None where it had done so before."""
    if _TRAINS in sys.modules or "torch" in sys.modules:
        return None
    began = time.perf_counter()
    importlib.import_module(_TRAINS)
    return time.perf_counter() - began


def _seconds_of_process() -> float:
    """How long a process takes that imports what a worker imports and does nothing else."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {_TRAINS}"], capture_output=True, check=False)
    return time.perf_counter() - began


def pace_of(plan: SearchPlan, imports: float | None = None) -> Pace | None:
    """About how long one candidate trains and a worker takes to start, from a few steps of the first candidate; None
    where nothing is trained here.

    A worker reads the images, builds a network and makes the first step as is done here, and imports torch before.

    Args:
        imports: seconds of what a worker imports; None where they are not known.

    Raises:
        InfeasibleWindow: there is no candidate.
    """
    from regnas.evaluators.training.evaluator import TrainEvaluator
    from regnas.evaluators.training.scoring import Diverged

    began = time.perf_counter()
    evaluator = make_evaluator(plan.evaluator, plan.task)
    if not isinstance(evaluator, TrainEvaluator) or plan.allocation.engine.remote:
        return None
    network = first_candidate(plan).architecture
    trainer, _ = evaluator.trainer(network, seed=0, device=plan.allocation.devices[0], threads=1)
    times: list[float] = [time.perf_counter()]

    def note() -> None:
        times.append(time.perf_counter())
        if len(times) > _STEPS + 1:
            raise _EnoughError

    try:
        trainer.run_epoch(after_step=note)
    except (_EnoughError, Diverged):
        pass
    finally:
        trainer.close()
    steps = [after - before for before, after in pairwise(times)]
    if not steps:
        return None
    each = statistics.median(steps[1:] or steps)  # the first one prepares, and another may be interrupted
    training = float(each * evaluator.recipe.steps(plan.facts["images"]["training"]) * _SCORING)
    if not plan.workers:
        return Pace(training)
    return Pace(training, times[1] - began + (_seconds_of_process() if imports is None else imports))
