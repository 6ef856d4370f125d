"""``regnas search``: sample, train, rank, store; and the same from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Unpack, cast

import optuna

from regnas import weights
from regnas.architecture import from_json
from regnas.baseline import Baseline
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, StudyError
from regnas.executor import Event, Executor
from regnas.logger import LoggedStudy
from regnas.messages import Job, ScoreJob
from regnas.options import SearchOptions
from regnas.sampler import SupportsRemarks
from regnas.studies.driver import Interrupted
from regnas.studies.run.clock import CLOCK, Clock, spent_before
from regnas.studies.run.logged import logged
from regnas.studies.run.progress import Progress, Silent
from regnas.studies.search import outcome
from regnas.studies.search import pareto as fronts
from regnas.studies.search.budget import SEARCH_SHARE, retrain_of
from regnas.studies.search.identity import REMARKS
from regnas.studies.search.known import baselines as textbook
from regnas.studies.search.known import beginning, enqueue, fitted, starting_points
from regnas.studies.search.known import warm_start as warm
from regnas.studies.search.known.baselines import Against
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.session import drive, look_ahead, make_workers, opened, spent
from regnas.studies.storage.open import find_study
from regnas.studies.training.race import Finalist, as_begun, entrants, telling
from regnas.system.duration import seconds_of, short
from regnas.system.reading import read_fields

_TEXTBOOK_FINALISTS = 2  # baselines among those that train in the rest of a search's time before one goes on


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search returns.

    Attributes:
        best: the winner by validation error.
        rows: every trial as a mapping, in the order of the candidate index.
        study: the Optuna study.
        folder: the study's files.
        seed_sd: spread of trainings of one network, where it was measured as the evaluator trains.
        baselines: textbook networks that were trained alike, as rows, the best first.
        against: the best searched network against the best of these; None without any.
        remarks: what the strategy says of itself at the end, and results of their candidates, in sentences.
        fronts: of every complexity asked for with ``pareto``, the rows that no other beats in it and in error, the
            cheapest first.
    """

    best: outcome.Best
    rows: list[dict[str, Any]]
    study: optuna.Study
    folder: Path
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    seed_sd: float | None = None
    fronts: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    baselines: list[dict[str, Any]] = field(default_factory=list)
    against: Against | None = None
    remarks: tuple[str, ...] = ()

    @property
    def trials(self) -> Any:
        """A pandas DataFrame of the trials where pandas is installed, else `rows`."""
        try:
            import pandas
        except ImportError:
            return self.rows
        return pandas.DataFrame(self.rows)


def run(search_plan: SearchPlan, progress: Progress) -> SearchResult:
    """Run a checked search to its budget, or go on with one.

    Raises:
        Interrupted: Ctrl-C; what is finished is stored.
        StudyError: the study is another one, is in use, or its candidates fail.
    """
    one, settings = search_plan, search_plan.settings.to_json()
    clock = Clock(one.folder / CLOCK, one.seconds)
    pool: Executor | None = None
    for note in one.notes:
        progress.say(note)
    for _, meter in one.space.meters:
        meter.heard_by(progress.say)
    # A journal is read whole to find a study in it, so the folder is looked at first.
    begun = (one.folder / "study.json").exists() or find_study(one.storage, one.name) is not None
    known = () if begun and not textbook.begun(one.folder) else textbook.asked(one)
    if not begun:
        textbook.forget(one.folder)
        clock.forget()
        look_ahead(one)  # before anything is made that a corrected command would find
        if (line := beginning.said(one.space, one.facts, seed=one.seed)) is not None:
            progress.say(line)
    try:
        with opened(one) as study:
            if one.warm is not None:
                progress.say(one.warm.said())
                warm.add(study, one.warm)
            enqueue.add(study, one.enqueued, one.space)
            try:
                clock.recall(study.get_trials(deepcopy=False))
                fitted.taken(one, study)
                if not all(spent(part, study, clock) for part in fitted.rounds(one, study)):
                    if begun:
                        look_ahead(one)
                    told_to = LoggedStudy(name=one.name, folder=one.folder, out=one.folder.parent, settings=settings)
                    heard, close = logged(progress, one.loggers, told_to)
                    pool = make_workers(one, count=fitted.at_a_time(one))
                    if known or not begun:
                        textbook.train(one, known, pool, progress, clock)
                        told = starting_points.add(study, one.space, known, textbook.rows_of(one, known))
                        if told:
                            progress.say(f"baselines that the strategy starts from, as they are in the space: {told}")
                    fitted.train(one, study, pool, progress, clock)
                    try:
                        _drive(one, study, pool, heard, clock)
                    finally:
                        close()
            finally:
                clock.keep()
            return _finish(one, study, known, pool)
    finally:
        if pool is not None:
            pool.close()


def _drive(one: SearchPlan, study: optuna.Study, pool: Executor, progress: Progress, clock: Clock) -> None:
    """Evaluate candidates, in the rounds that a fit asks for."""
    for number, part in enumerate(fitted.rounds(one, study)):
        try:
            if not spent(part, study, clock):
                drive(part, study, pool, progress, clock)
        except InfeasibleWindow as error:
            if not number:
                raise
            progress.say(f"no further candidates to compare with: {error}")


def _finish(one: SearchPlan, study: optuna.Study, known: Sequence[Baseline], pool: Executor | None) -> SearchResult:
    settings = one.settings.to_json()
    rows = outcome.rows_of(study, one.space)
    outcome.write_files(one.folder, rows)
    baselines = textbook.rows_of(one, known)
    winner = outcome.winner_of(rows, one.folder, one.facts, one.least_epochs, baselines)
    searched = "baseline" not in winner
    against = textbook.against(winner, baselines, one.facts, one.seed_sd) if searched else None
    if against is not None and not against.beaten:
        winner = baselines[0]
    test_error = outcome.known_test_error(one.folder, winner, settings)
    if test_error is None:
        test_error = _test(one, winner, pool)
    best = outcome.write_best(
        one.folder, winner, test_error, dict(one.facts), settings, textbook.to_json(baselines, against) | _measured(one)
    )
    found = fronts.write(one.folder, rows, one.pareto)
    remarks = (*_said(one, study), *outcome.remarks_of(study))
    return SearchResult(
        best, rows, study, one.folder, settings, one.facts, one.seed_sd, found, baselines, against, remarks
    )


def _said(one: SearchPlan, study: optuna.Study) -> list[str]:
    """What the strategy says of itself, and what an evaluator's fit took, which the study keeps for the dashboard."""
    sampler = study.sampler
    said = [*fitted.cost(one, study), *(sampler.remarks(study) if isinstance(sampler, SupportsRemarks) else ())]
    if said and study.user_attrs.get(REMARKS) != said:
        study.set_user_attr(REMARKS, said)
    return said


def _measured(one: SearchPlan) -> dict[str, Any]:
    """How costs were measured, for best.json; nothing where all are closed forms or the measure's own."""
    told = {name: dict(meter.told(one.space.device)) for name, meter in one.space.meters if name in one.space.measures}
    return {"measured_by": told} if told else {}


def _test(one: SearchPlan, winner: dict[str, Any], pool: Executor | None) -> float | None:
    """Score the winner's kept weights on the test images, in a worker: the only use of these images."""
    kept, result = outcome.kept_folder(one.folder, winner), one.folder / "test.json"
    if not one.can_test or not (kept / weights.WEIGHTS).exists():
        return None
    lent = pool or make_workers(one, count=min(1, one.workers))
    try:
        job = ScoreJob(index=-1, architecture=winner["architecture"], folder=str(kept), result=str(result))
        end = _awaited(lent, job)
        if end.kind == "failed":
            raise StudyError(f"the winner cannot be tested: {end.message}; mend that and run the same command")
        return cast(float | None, read_fields(result, StudyError, test_error=float | None)["test_error"])
    finally:
        if pool is None:
            lent.close()


def _awaited(pool: Executor, job: Job) -> Event:
    """The end of a job that is submitted as soon as a worker is ready."""
    while True:
        while not pool.free():
            pool.events(1.0)
        pool.submit(job)
        ends: list[Event] = []
        while not ends:
            ends = [event for event in pool.events(1.0) if event.index == job.index and event.ends]
        if ends[0].kind != "stopped":  # its worker was preempted: again
            return ends[0]


def search(space: str | Space = "auto", **options: Unpack[SearchOptions]) -> SearchResult:
    """What ``regnas search`` does, from Python.

    Args:
        space: a spec string, or a space with a window of its own; ``auto`` is one that suits images and window.
        options: the flags of the command, as `regnas.options.SearchOptions` describes them.

    Returns:
        The winner, all trials, and the Optuna study. A finished study returns what is stored.

    Raises:
        RegnasError: see `plan` and `run`.
    """
    from rich.console import Console

    from regnas.studies.run.progress import Lines

    checked = plan(space, upper_half=True, **options)
    quiet, asked = options.get("quiet", False), retrain_of(options.get("retrain"))
    progress: Progress = Silent() if quiet else Lines(Console(emoji=False))
    result = run(checked, progress)
    if asked is not None:
        retrain(result, asked, options, quiet=quiet)
    return result


def retrain(
    result: SearchResult,
    asked: int | str,
    options: Mapping[str, Any],
    *,
    quiet: bool = False,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Train the winner of a search on all but the test images; returns the folder.

    Args:
        asked: epochs, or ``auto`` for what the search left of the time: then the best candidate and the best baselines
            race, and the one that learns best is trained on.
        options: of the search.
        say: hears how it goes, line by line; else these are printed, unless ``quiet``.
    """
    from regnas.studies.training.train import train

    where: dict[str, Any] = {"data_root": options.get("data_root"), "device": options.get("device", "auto")}
    where |= {"quiet": quiet, "say": say}
    if isinstance(asked, int):
        return train(str(result.folder), epochs=asked, **where)
    total = seconds_of(options["time"], "time")
    left = total - spent_before(result.folder / CLOCK)
    if left < total / 4:  # the search had all of the time, in a command that did not train the winner
        left = (1 - SEARCH_SHARE) * total
    out = result.folder / f"final-{short(total)}"
    # How many race does not depend on what is left: a command that goes on must find the same ones.
    everyone = _finalists(result, (1 - SEARCH_SHARE) * total)
    finalists = everyone if as_begun(out, everyone) else telling(everyone, (1 - SEARCH_SHARE) * total)
    slow = [one.name for one in everyone if one not in finalists]
    how: dict[str, Any] = {"finalists": finalists, "slow": slow, "seed": options.get("seed", 0), **where}
    how["elsewhere"] = "what was searched since then may have changed it: move that folder away, or give another --time"
    return train(str(result.folder), time=left, out=out, **how)


def _epoch(row: Mapping[str, Any]) -> float:
    """Seconds that an epoch of a network took."""
    return float(row["seconds"] or 0.0) / max(1, row["epochs"] or 0)


def _finalists(result: SearchResult, seconds: float) -> list[Finalist]:
    """The best candidates, the simplest baseline and the best other one, or candidates alone; the best of all first.

    Args:
        seconds: of their race and the winner's training: the more, the more finalists.
    """
    searched = [row for row in outcome.complete_rows(result.rows) if not row["diverged"]]
    trained = sorted((row for row in result.baselines if not row["diverged"]), key=lambda row: -row["index"])
    textbook = [*trained[:1], *sorted(trained[1:], key=lambda row: float(row["error"]))][:_TEXTBOOK_FINALISTS]
    known = [*searched, *textbook]
    count = entrants(len(known), seconds, median(map(_epoch, known)))
    chosen = sorted([*searched[: count - len(textbook)], *textbook], key=lambda row: float(row["error"]))
    return [
        Finalist(
            row.get("baseline") or f"candidate {row['index']}",
            from_json(row["architecture"]),
            simplest=row in textbook[:1],
            epoch=_epoch(row),
        )
        for row in chosen
    ]


__all__ = ["Interrupted", "SearchPlan", "SearchResult", "plan", "retrain", "retrain_of", "run", "search"]
