"""Filling a study with evaluations: its lock, its settings, its workers; no winner is chosen here."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from regnas.errors import StudyError, UsageError
from regnas.executor import Executor, WorkerSpec
from regnas.fit import FOLDER
from regnas.pruner import make_pruner
from regnas.sampling import costing
from regnas.studies.executors.make import start
from regnas.studies.run.clock import CLOCK, UNLIMITED, Clock
from regnas.studies.run.driver import Driver
from regnas.studies.run.fidelity import Fidelity, epochs_spent
from regnas.studies.run.progress import Progress
from regnas.studies.search import outcome
from regnas.studies.search.identity import ATTRIBUTE, check_same, differing, folder_name
from regnas.studies.search.images import FINGERPRINT
from regnas.studies.search.plan import SearchPlan, on_stream
from regnas.studies.search.searched_space import LOOK_AHEAD
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.search.stream_version import version_of
from regnas.studies.search.study_file import write_study_file
from regnas.studies.storage.address import address_of
from regnas.studies.storage.lease import held
from regnas.studies.storage.locks import FolderLock, StudyLock
from regnas.studies.storage.open import find_study, open_study, quiet, readable, unusable
from regnas.studies.storage.secrets import scrubbed
from regnas.studies.storage.write_through import OneWriter
from regnas.system.files import remove_leftovers
from regnas.system.optuna_internals import set_storage, storage_of, study_id
from regnas.system.reading import fields_if_whole


def populate(one: SearchPlan, progress: Progress, pool: Executor) -> optuna.Study:
    """Run a checked search to its budget and nothing else: no winner is chosen, no test image is read.

    Args:
        pool: lent by the caller, who closes it.

    Raises:
        Interrupted, StudyError: as `run`.
    """
    if one.stops_early:
        raise UsageError("a population is of networks that are all trained to their end: no pruner, no --budget-epochs")
    with opened(one) as study:
        if not spent(one, study):
            drive(one, study, pool, progress)
        return study


@contextmanager
def opened(one: SearchPlan) -> Iterator[optuna.Study]:
    """The study of a plan, locked and checked; made if it is new, and gone if it fails before its first candidate: the
    corrected command would find other settings.

    Raises:
        StudyError: it has other settings, is in use, or its storage fails.
    """
    with ExitStack() as locks:
        try:
            locks.callback(FolderLock(one.folder).release)
            lock = _storage_lock(one)
            locks.callback(lock.release)
            remove_leftovers(one.folder, "results", "best", "checkpoints/*")
            study = open_study(one.storage, one.name, one.sampler)
            new = ATTRIBUTE not in study.user_attrs and not study.get_trials(deepcopy=False)
            lock.hold_inode()
            try:
                with _alone(study, one.storage):
                    settings = one.settings.to_json()
                    _settle(study, settings, one.name)
                    _check_folder(one)
                    write_study_file(one.folder, study, one.storage, settings)
                    yield study
            except Exception:
                if new:
                    _withdraw(one, study)
                raise
        except (OSError, optuna.exceptions.StorageInternalError) as error:
            said = scrubbed(str(error), [one.storage])
            raise StudyError(f"cannot go on with study {one.name!r}: {said}") from error


def _withdraw(one: SearchPlan, study: optuna.Study) -> None:
    """Remove a new study without any candidate, but for the logs that its error speaks of."""
    if any("index" in trial.user_attrs for trial in study.get_trials(deepcopy=False)):
        return
    with quiet():
        optuna.delete_study(study_name=one.name, storage=storage_of(study))
    if _folder_of(one) == one.name:
        for name in ("study.json", "trials.csv", CLOCK):
            (one.folder / name).unlink(missing_ok=True)


def _storage_lock(one: SearchPlan) -> StudyLock:
    """The lock beside a storage: two folders can be of the same study there."""
    try:
        return StudyLock(address_of(one.storage), one.name)
    except OSError as error:
        raise unusable(one.storage, error) from error


@contextmanager
def _alone(study: optuna.Study, text: str) -> Iterator[None]:
    """While this is its only driver, a study is kept in memory too, and its storage is only written to."""
    shared = storage_of(study)
    with held(shared, study.study_name) as lease:
        with readable(text):
            writer = OneWriter(shared, study_id(study), whole="index", guard=lease)
        set_storage(study, writer)
        try:
            yield
        finally:
            set_storage(study, shared)  # for those who go on with it: others may write to it from now on


def spent(one: SearchPlan, study: optuna.Study, clock: Clock | None = None) -> bool:
    """Whether the budget, or the clock's time, is spent, and nothing that was stopped on the way is left to be told."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if "index" in trial.user_attrs]
    states = Counter(trial.state for trial in trials)
    over = states[TrialState.COMPLETE] + states[TrialState.PRUNED] >= one.budget
    if clock is not None and clock.over and states[TrialState.COMPLETE] and not states[TrialState.RUNNING]:
        return True
    if not one.stops_early:
        return over
    over |= one.budget_epochs is not None and epochs_spent(trials) >= one.budget_epochs
    return over and not any(trial.state == TrialState.RUNNING and trial.intermediate_values for trial in trials)


def completed(one: SearchPlan) -> int:
    """Evaluations of a plan that are there already; 0 for a study that does not exist yet."""
    study = find_study(one.storage, one.name)
    with readable(one.storage):
        trials = [] if study is None else study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sum("index" in trial.user_attrs for trial in trials)


def under_free_name(one: SearchPlan, new: int) -> SearchPlan:
    """The plan as it is, or under NAME/2, NAME/3 ... where a study of other settings has its name.

    For runs that a user names no study for: the first name that is free or holds these very settings. The same plan
    finds the same study again, and goes on with its stream.

    Args:
        new: version of the stream of a study that is not there yet.
    """
    for number in itertools.count(1):
        name = one.name if number == 1 else f"{one.name}/{number}"
        study = find_study(one.storage, name)
        version = new if study is None else version_of(study)
        fitting = one if version is None else on_stream(one, version)
        if _fits(study, fitting.settings.to_json()):
            break
    return fitting if name == one.name else replace(fitting, name=name, folder=one.folder.parent / folder_name(name))


def _fits(study: optuna.Study | None, settings: dict[str, Any]) -> bool:
    if study is None:
        return True
    stored = settings_of(study)
    return stored is not None and not differing(stored, settings)


def look_ahead(one: SearchPlan) -> None:
    """Find the candidates before any training, so that a window with too few says so at once.

    What is no closed form is left to the search: it measures few networks more than it evaluates. But what is measured
    by a meter needs a quiet machine: it learns of the space before anything trains, and measures the candidates of
    random search.

    Raises:
        InfeasibleWindow: it holds too few.
    """
    if one.budget_epochs is not None:
        return  # how many candidates that takes is not known
    space = costing.closed(one.space) if one.space.measures else one.space
    count = min(one.budget, LOOK_AHEAD) if one.budget < UNLIMITED and not one.fitting.equal_cost else 1
    if one.fitter is not None:
        count = max(2, count)  # there is something to choose
    if one.screen is not None:
        count = min(one.screen.drawn(count), LOOK_AHEAD)
    space.sample(count, seed=one.seed, duplicates=one.settings.duplicates)
    if one.space.meters and space is not one.space:
        costing.prepare(one.space)
        if one.strategy == "random" and not one.enqueued:
            one.space.sample(count, seed=one.seed, duplicates=one.settings.duplicates)


def _check_folder(one: SearchPlan) -> None:
    """Two names can make one folder, ``a/b`` and ``a-b``; two studies cannot."""
    other = _folder_of(one)
    if other not in (None, one.name):
        raise StudyError(f"{one.folder} is the folder of study {other!r}; give this one another name with --study")


def _folder_of(one: SearchPlan) -> str | None:
    """The name of the study whose folder it is; None of a new one."""
    stored = fields_if_whole(one.folder / "study.json", name=str)
    return None if stored is None else str(stored["name"])


def _settle(study: optuna.Study, settings: dict[str, Any], name: str) -> None:
    stored = settings_of(study)
    if stored is None:
        if study.get_trials(deepcopy=False):
            raise StudyError(f"study {name!r} was not made by regnas search; give this one another name with --study")
        study.set_user_attr(ATTRIBUTE, json.dumps(settings, sort_keys=True))
        return
    check_same(stored, settings, name)
    if FINGERPRINT in settings and FINGERPRINT not in stored:  # of an earlier release: from now on it is of its images
        study.set_user_attr(ATTRIBUTE, json.dumps({**stored, FINGERPRINT: settings[FINGERPRINT]}, sort_keys=True))


def make_workers(one: SearchPlan, logs: Path | None = None, count: int | None = None) -> Executor:
    """The workers of a plan; what they print goes to ``logs``, the study's own folder unless said."""
    spec = WorkerSpec(
        evaluator=one.evaluator,
        task=one.task,
        devices=one.allocation.devices,
        count=one.allocation.count if count is None else count,
        logs=logs or one.folder / "logs",
        folder=one.folder,
        per_device=one.allocation.per_device,
        lanes=one.allocation.lanes,
        timeout=one.allocation.timeout,
    )
    return start(one.allocation.engine, spec)


def drive(one: SearchPlan, study: optuna.Study, pool: Executor, progress: Progress, clock: Clock | None = None) -> None:
    """Evaluate until the budget is spent, and write trials.csv whatever ends it."""
    pruner = make_pruner(one.settings.pruner, one.epochs) if one.epochs else None
    driver = Driver(
        study,
        one.space,
        pool,
        one.folder,
        seed=one.seed,
        duplicates=one.settings.duplicates,
        progress=progress,
        repeat=one.repeat,
        fidelity=Fidelity(pruner, one.epochs, one.budget_epochs),
        clock=clock,
        objective=one.objective,
        fitted=one.folder / FOLDER if one.fitting.by_evaluator else None,
    )
    writer = storage_of(study)
    if isinstance(writer, OneWriter):
        writer.patience.say = progress.say
        writer.patience.stopped = lambda: driver.hurried
    try:
        driver.run(one.budget)
    finally:
        progress.stop()
        outcome.write_files(one.folder, outcome.rows_of(study, one.space))
