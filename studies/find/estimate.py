"""How long trainings will take, and what a time is divided into: said before it is spent."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from regnas.candidate import Candidate
from regnas.errors import UsageError
from regnas.evaluator import make_evaluator
from regnas.sampling.costing import closed
from regnas.studies.find.request import FindRequest
from regnas.studies.run.progress import duration
from regnas.studies.search.budget import SEARCH_SHARE
from regnas.studies.search.plan import SearchPlan
from regnas.system.duration import short

_MARGIN = 1.25
_STEPS = 6  # of an optimiser, that are timed
_AFTERWARDS = 60.0  # seconds for test and files, however short the time is
_FEW = 4  # candidates, below which a find is hardly a search (docs/find.md)
_SCORING = 1.1  # of the steps' time, what scoring on validation images adds


class _EnoughError(Exception):
    """Ends a training that was only timed."""


def first_candidate(plan: SearchPlan) -> Candidate:
    """The first network of the stream, by closed forms alone: nothing is measured for it.

    Raises:
        InfeasibleWindow: there is none.
    """
    return closed(plan.space).sample(1, seed=plan.seed)[0]


def seconds_of_training(plan: SearchPlan) -> float | None:
    """About how long one candidate trains, from a few steps of the first; None where nothing is trained here.

    Raises:
        InfeasibleWindow: there is no candidate.
    """
    from regnas.evaluators.training.evaluator import TrainEvaluator
    from regnas.evaluators.training.scoring import Diverged

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
    return float(each * evaluator.recipe.steps(plan.facts["images"]["training"]) * _SCORING)


def check(asked: FindRequest, training: float) -> None:
    """Refuse a time in which not even one candidate could be trained.

    Args:
        training: seconds of one.

    Raises:
        UsageError: the time is shorter, and how long is long enough.
    """
    search = SEARCH_SHARE * (asked.seconds - asked.reserved)
    if search < training:
        needed = 1.2 * training / SEARCH_SHARE / 0.9
        least = short(60 * math.ceil(needed / 60) if needed > 180 else math.ceil(needed))
        raise UsageError(
            f"--time {short(asked.seconds)} is too short: one network trains for about {duration(training)} here, and "
            f"{duration(search)} are for the search; give --time {least} or more, a lower --resolution, or smaller "
            f"networks"
        )


def fitting(asked: FindRequest, plan: SearchPlan, training: float) -> int:
    """About how many networks are trained in the search's part of the time.

    Args:
        training: seconds of one.
    """
    search = SEARCH_SHARE * (asked.seconds - asked.reserved)
    return max(1, round(search * max(1, plan.workers) / training))


def with_margin(asked: FindRequest, plan: SearchPlan, training: float) -> int:
    """More candidates than the time will do, should trainings be faster than they seem; see `fitting`."""
    return math.ceil(_MARGIN * fitting(asked, plan, training))


def said(asked: FindRequest, plan: SearchPlan, training: float | None, spent: float = 0.0) -> Iterator[str]:
    """What the time is divided into, and when all is done, in lines.

    Args:
        spent: seconds of earlier commands.
    """
    usable = asked.seconds - asked.reserved
    search, final = SEARCH_SHARE * usable, (1 - SEARCH_SHARE) * usable
    how_many = ""
    if training:
        count = fitting(asked, plan, training)
        how_many = f", about {count:,} network{'s' * (count > 1)} of {duration(training)}"
        how_many += f", {plan.workers} at a time" if plan.workers > 1 else ""
    yield (
        f"time {short(asked.seconds)}: {duration(search)} for textbook networks and candidates{how_many}; "
        f"{duration(final)} at most to train the best of them; then test and files, about a minute"
    )
    if training and fitting(asked, plan, training) < _FEW:
        yield (
            "so few candidates are hardly a search: a textbook network that trains for all of the time may be better; "
            "give a longer --time"
        )
    if plan.space.meters:
        yield f"a part of these {duration(search)} is to measure {' and '.join(dict(plan.space.meters))} first"
    if spent:
        yield f"going on: {duration(spent)} of the search were spent before"
    end = datetime.now() + timedelta(seconds=max(0.0, max(asked.seconds, usable + _AFTERWARDS) - spent))
    yield f"all is done by about {end:%H:%M}; Ctrl-C stops, and the same command goes on"
