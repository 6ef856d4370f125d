"""Baselines of a search: textbook networks that are trained as its candidates are, and that its winner must beat.

They are no trials and in no population. Each has a folder of its own below ``baselines`` in the study's, with its
result and its weights.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.baseline import Baseline, SupportsBaselines, baselines_of
from regnas.costs import complexity_of
from regnas.evaluator import EXTRAPOLATED, REMARK, Result, rank
from regnas.executor import Executor
from regnas.measure import BUILT_IN, costs_in
from regnas.messages import EvaluateJob
from regnas.sampling import keyed
from regnas.studies.driver import Interrupted
from regnas.studies.executors.worker import read_result
from regnas.studies.run.clock import Clock
from regnas.studies.run.progress import Progress
from regnas.studies.search.known.beginning import fine_tuned
from regnas.studies.search.outcome import Row, scale_of, value_of
from regnas.studies.search.plan import SearchPlan
from regnas.system.text import one_line

FOLDER = "baselines"
_NORMAL = 1.959964  # standard deviations that hold 95 % of a normal law


@dataclass(frozen=True)
class Against:
    """The winner of those that were searched, against the best baseline.

    Attributes:
        baseline: name of the best one.
        difference: of validation errors, or of objectives, the searched network's minus the baseline's; negative is
            better.
        interval: 95 %, from the noise of one training each; None where that is not known.
    """

    baseline: str
    difference: float
    interval: tuple[float, float] | None

    @property
    def beaten(self) -> bool:
        """Whether the searched network is better."""
        return self.difference < 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        interval = None if self.interval is None else list(self.interval)
        return {"baseline": self.baseline, "difference": self.difference, "interval_95": interval}


def asked(one: SearchPlan) -> tuple[Baseline, ...]:
    """The baselines of a plan: the simplest, the networks whose weights candidates begin with, the others; none where
    nothing is trained, or the user wants none.

    Raises:
        PluginBroken, UsageError: as `regnas.baseline.baselines_of`.
    """
    if not one.baselines or not _trains(one):
        return ()
    own = fine_tuned(one.space, one.limit, one.facts)
    keys = {each.architecture.key() for each in own}
    known = [each for each in baselines_of(one.space) if each.architecture.key() not in keys]
    return (*known[:1], *own, *known[1:])


def _trains(one: SearchPlan) -> bool:
    """Whether the evaluator trains any network: it has a recipe, errors are not made of a score, and it says nothing
    else.
    """
    return "recipe" in one.facts and "scored" not in one.facts and bool(one.facts.get("baselines", True))


def said(one: SearchPlan, known: Sequence[Baseline]) -> str:
    """What is about to be trained, in a line; empty where the user wants none."""
    if not one.baselines or not _trains(one):
        return ""
    if known:
        return f"baselines first: {'; '.join(each.name for each in known)}"
    if isinstance(one.space, SupportsBaselines):
        return f"no baselines: no textbook network of {one.space.spec} lies inside {one.space.window}"
    return f"no baselines: the space {one.space.spec} knows none"


def train(one: SearchPlan, known: Sequence[Baseline], pool: Executor, progress: Progress, clock: Clock) -> None:
    """Train the baselines that have no result yet, as many at a time as there are workers, while there is time.

    One that fails is said, and left out, and so are those that a table knows no networks like: a surrogate would only
    guess their errors.

    Raises:
        Interrupted: Ctrl-C; those that are finished are kept.
    """
    waiting = {-1 - place: each for place, each in enumerate(known) if _result(one, each) is None}
    if known:
        (one.folder / FOLDER).mkdir(parents=True, exist_ok=True)
    if (waiting or not known) and (line := said(one, known)):
        progress.say(line)
    try:
        _train(one, waiting, pool, progress, clock)
    except KeyboardInterrupt:
        raise Interrupted from None
    if outside := [each.name for each in known if _guessed(_result(one, each))]:
        progress.say(
            f"baselines left out, since {one.evaluator} knows no networks like them: {'; '.join(outside)}; limit what "
            f"networks may cost, as in --flops, for smaller ones"
        )


def _guessed(result: Result | None) -> bool:
    """Whether an error is that of a surrogate outside the range that it knows."""
    return result is not None and bool(result.notes.get(EXTRAPOLATED))


def _train(one: SearchPlan, waiting: dict[int, Baseline], pool: Executor, progress: Progress, clock: Clock) -> None:
    """Train what waits; its indices are below those of candidates."""
    running: dict[int, Baseline] = {}
    while waiting or running:
        if waiting and clock.half_over:
            progress.say(f"no time for these baselines: {'; '.join(each.name for each in waiting.values())}")
            waiting.clear()
        while waiting and pool.free():
            index = max(waiting)
            running[index] = waiting.pop(index)
            pool.submit(_job(one, index, running[index]))
        clock.tick()
        for event in pool.events(0.25):
            if event.kind == "note":
                progress.say(event.message)
            if event.index not in running or not event.ends:
                continue
            each = running.pop(event.index)
            if event.kind == "stopped":  # its worker was preempted: again
                waiting[event.index] = each
            elif event.kind == "failed":
                progress.say(f"baseline {each.name} failed and is left out: {event.message}")
            elif (result := _result(one, each)) is not None and not _guessed(result):
                progress.say(f"baseline {each.name}: {result.error:.2%}  {result.seconds:.1f} s")
                if REMARK in result.notes:
                    progress.say(f"baseline {each.name}: {one_line(str(result.notes[REMARK]))}")


def rows_of(one: SearchPlan, known: Sequence[Baseline]) -> list[Row]:
    """The baselines that are trained, as rows of candidates with names, the best first; those whose errors were only
    guessed are none.
    """
    found = []
    for place, each in enumerate(known):
        result = _result(one, each)
        if result is not None and not _guessed(result):
            found.append(_row(one, -1 - place, each, result))
    return sorted(found, key=lambda row: rank(value_of(row), -row["index"], row["diverged"]))


def begun(folder: Path) -> bool:
    """Whether a study began with baselines: one that did not, as those of earlier releases, goes on without."""
    return (folder / FOLDER).is_dir()


def forget(folder: Path) -> None:
    """Remove the baselines of another study that had this folder."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def against(searched: Row, baselines: Sequence[Row], facts: Mapping[str, Any], seed_sd: float | None) -> Against | None:
    """The best searched network against the best baseline; None where no baseline was trained to its end.

    The interval is that of two trainings whose errors each have the seed's standard deviation, where it was measured;
    where not, of errors counted on the validation images, which is a lower bound for it. An objective multiplies the
    error, and so its deviation, by what the network costs.
    """
    if not baselines or baselines[0]["diverged"]:
        return None
    best = baselines[0]
    difference = value_of(searched) - value_of(best)
    images = facts.get("images", {}).get("validation")
    variances = [_variance(row, images, seed_sd) for row in (searched, best)]
    interval = None
    if all(value is not None for value in variances):
        half = _NORMAL * math.sqrt(sum(value for value in variances if value is not None))
        interval = (difference - half, difference + half)
    return Against(best["baseline"], difference, interval)


def to_json(baselines: Sequence[Row], found: Against | None) -> dict[str, Any]:
    """What best.json says of baselines; nothing where there are none."""
    if not baselines:
        return {}
    sought = ("objective",) if "objective" in baselines[0] else ()
    told = ("baseline", "error", *sought, "seconds", "epochs", "diverged", "seed", *BUILT_IN, "architecture")
    listed = [{name: row.get(name) for name in told} | costs_in(row) for row in baselines]
    return {"against_baselines": None if found is None else found.to_json(), "baselines": listed}


def _variance(row: Row, images: int | None, seed_sd: float | None) -> float | None:
    error, scale = row["error"], scale_of(row) ** 2
    if seed_sd is not None:
        return seed_sd**2 * scale
    return max(error * (1 - error), 1 / images) / images * scale if images else None


def _folder(one: SearchPlan, each: Baseline) -> Path:
    return one.folder / FOLDER / re.sub(r"[^\w.]+", "-", each.name)


def _seed(one: SearchPlan, each: Baseline) -> int:
    return keyed.integer("baseline", one.seed, each.name)


def _job(one: SearchPlan, index: int, each: Baseline) -> EvaluateJob:
    folder = _folder(one, each)
    return EvaluateJob(
        index=index,
        architecture=each.architecture.to_json(),
        seed=_seed(one, each),
        result=str(folder / "result.json"),
        folder=str(folder),
    )


def _result(one: SearchPlan, each: Baseline) -> Result | None:
    return read_result(_folder(one, each) / "result.json", each.architecture.key(), _seed(one, each))


def _row(one: SearchPlan, index: int, each: Baseline, result: Result) -> Row:
    cost, _ = one.space.measured(each.architecture, complexity_of(each.architecture, one.space.resolution))
    sought = {} if one.objective is None else {"objective": one.objective.value(result.error, cost)}
    return {
        "space": one.space.spec,
        "baseline": each.name,
        "index": index,
        "seed": _seed(one, each),
        "error": result.error,
        "architecture": each.architecture.to_json(),
        "seconds": result.seconds,
        "diverged": result.diverged,
        "state": "COMPLETE",
        "errors": list(result.errors),
        "epochs": result.epochs,
        "params_by_name": {},
        "metrics": dict(result.metrics),
        "kept": str(_folder(one, each)),
        **cost,
        **sought,
    }
