"""What a strategy or an evaluator trains before the first candidate: once for a study, in its folder ``fit``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import optuna
from optuna.trial import TrialState

from regnas import fit
from regnas.errors import StudyError
from regnas.executor import Event, Executor
from regnas.fit import Fitted
from regnas.messages import FitJob
from regnas.studies.driver import Interrupted
from regnas.studies.executors.fitting import read_fit, space_to_json
from regnas.studies.run.clock import Clock
from regnas.studies.run.progress import Progress, duration
from regnas.studies.search.plan import SearchPlan
from regnas.studies.search.searched_space import LOOK_AHEAD
from regnas.system.reading import read_text
from regnas.system.text import counted

ATTRIBUTE = "regnas:fit"  # of a study: what its fit took and found
_TRIES = 3  # of a fit whose worker dies: each goes on from the last snapshot
_INDEX = -1  # below those of candidates


def identity_of(one: SearchPlan) -> dict[str, Any]:
    """What says which fit it is: budget and workers change nothing in it, nor the window in that of a strategy."""
    settings, by = one.settings, one.evaluator if one.fitting.by_evaluator else one.strategy
    known = {"by": by, "space": settings.space, "images": dict(settings.images), "data": settings.data}
    known |= {"window": settings.window} if one.fitting.by_evaluator else {}
    settled = {} if one.fitter is None else dict(one.fitter.fit_settings)
    return {"schema": fit.SCHEMA, **known, "fingerprint": settings.fingerprint, "seed": one.seed, "settings": settled}


def taken(one: SearchPlan, study: optuna.Study) -> Fitted | None:
    """The fit that is there, of which its strategy has heard now; None where there is none yet.

    Raises:
        StudyError: what lies in the folder is of another fit.
    """
    if one.fitter is None or (found := read_fit(one.folder / fit.FOLDER, identity_of(one))) is None:
        return None
    one.fitter.take_fit(found, one.folder / fit.FOLDER)
    if study.user_attrs.get(ATTRIBUTE) != found.to_json():
        study.set_user_attr(ATTRIBUTE, found.to_json())
    return found


def train(one: SearchPlan, study: optuna.Study, pool: Executor, progress: Progress, clock: Clock) -> None:
    """Do the fit of a plan, where there is one and it is not there yet, and tell the strategy of it.

    Of a limited time it gets half of what is left: then it ends with what it has.

    Raises:
        Interrupted: Ctrl-C; the next command goes on from the last epoch.
        StudyError: it failed, in a line.
    """
    if one.fitter is None or taken(one, study) is not None:
        return
    by = one.evaluator if one.fitting.by_evaluator else one.strategy
    progress.say(f"{by} is fitted first, once for this study")
    try:
        _fitted(one, by, pool, progress, clock)
    except KeyboardInterrupt:
        raise Interrupted from None
    if (found := taken(one, study)) is None:
        raise StudyError(
            f"{by} was fitted, and {one.folder / fit.FOLDER / fit.RESULT} is not there; the same command tries again"
        )
    ended = f": {found.ended}" if found.ended else ""
    progress.say(f"{by} is fitted after {counted(found.epochs, 'epoch')} and {duration(found.seconds)}{ended}")


def _fitted(one: SearchPlan, by: str, pool: Executor, progress: Progress, clock: Clock) -> None:
    """Wait for the end of the job, which is begun again where its worker was lost."""

    def judge(epoch: int, error: float) -> bool:
        progress.say(f"epoch {epoch} of the fit: {_line(one, epoch) or f'error {error:.2%}'}")
        return True

    job, tries, running = _job(one, clock), 0, False
    while True:
        if not running and pool.free():
            pool.submit(job, judge)
            running = True
        clock.tick()
        for event in pool.events(0.25):
            if event.kind == "note":
                progress.say(event.message)
            if event.index != job.index or not event.ends:
                continue
            if event.kind == "done":
                return
            running, tries = False, tries + (event.kind == "failed")
            _check(event, by, tries)
            progress.say(f"the fit goes on from its last epoch: {event.message or 'its worker was lost'}")


def _check(event: Event, by: str, tries: int) -> None:
    """Give a fit up that cannot end otherwise.

    Raises:
        StudyError: it failed for good.
    """
    if event.kind == "failed" and (not event.again or tries >= _TRIES):
        said = event.message.removeprefix("StudyError: ").removeprefix("UsageError: ")
        raise StudyError(f"{by} cannot be fitted: {said}")


def _job(one: SearchPlan, clock: Clock) -> FitJob:
    folder = one.folder / fit.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return FitJob(
        index=_INDEX,
        result=str(folder / fit.RESULT),
        folder=str(folder),
        space=space_to_json(one.space),
        strategy=None if one.fitting.by_evaluator else one.strategy,
        seed=one.seed,
        identity=identity_of(one),
        seconds=None if clock.limit is None else max(1.0, clock.left / 2),
    )


def _line(one: SearchPlan, epoch: int) -> str:
    """What was told of an epoch, as its fit words it; empty where that cannot be read here."""
    try:
        told = json.loads(read_text(one.folder / fit.FOLDER / fit.EPOCHS).strip().splitlines()[-1])
    except Exception:  # no such file on this machine, or it is being written
        return ""
    return str(told.get("line", "")) if isinstance(told, dict) and told.get("epoch") == epoch else ""


def cost(one: SearchPlan, study: optuna.Study) -> list[str]:
    """What the fit of an evaluator took, once for all candidates, whose own seconds do not hold it; a strategy says it
    itself.
    """
    if not one.fitting.by_evaluator or (found := study.user_attrs.get(ATTRIBUTE)) is None:
        return []
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    own = sum(trial.user_attrs.get("seconds") or 0.0 for trial in done)
    return [
        f"{one.evaluator} was fitted for {counted(found['epochs'], 'epoch')} in {duration(found['seconds'])}, once for "
        f"all candidates; the {len(done)} evaluations took {duration(own)} more"
    ]


def at_a_time(one: SearchPlan) -> int:
    """Candidates at a time: no more than there will be, where that is known."""
    return one.workers if one.fitting.equal_cost else min(one.workers, one.budget)


def rounds(one: SearchPlan, study: optuna.Study) -> Iterator[SearchPlan]:
    """The plan with the budget of each part of a search: one, but where random candidates are to cost what the fit did.

    Then the first candidate says what one costs.
    """
    if not one.fitting.equal_cost:
        yield one
        return
    yield replace(one, budget=1)
    yield replace(one, budget=_equal(one, study))


def _equal(one: SearchPlan, study: optuna.Study) -> int:
    """How many candidates there are where all but the first cost as much as the fit and the first, one at least."""
    found = study.user_attrs.get(ATTRIBUTE, {}).get("seconds", 0.0)
    done = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if "index" in trial.user_attrs
    ]
    first = min(done, key=lambda trial: trial.user_attrs["index"], default=None)
    cost = 0.0 if first is None else first.user_attrs.get("seconds", 0.0)
    return 1 + max(1, min(LOOK_AHEAD - 1, round((found + cost) / cost))) if cost else 2
